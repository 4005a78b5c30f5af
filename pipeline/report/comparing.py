"""Means with intervals, and paired comparisons as a table: one family of tests, corrected for how many there are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.metrics import statistics

COLUMNS = ("difference", "low", "high", "p_value", "adjusted", "verdict")


def family(
    pairs: Mapping[tuple[str, ...], tuple[np.ndarray, np.ndarray]], names: tuple[str, ...], scale: float = 1
) -> pd.DataFrame:
    """Compare the two arrays (seeds, units) of each entry; p-values are adjusted after Holm for all of them.

    ``names`` are the columns for the entry's key; those of COLUMNS follow, differences times ``scale``.
    """
    found = {key: statistics.paired_difference(*both) for key, both in pairs.items()}
    adjusted = np.asarray(statistics.holm([one.p_value for one in found.values()])).tolist()
    rows = [
        (
            *key,
            scale * one.difference,
            scale * one.low,
            scale * one.high,
            one.p_value,
            p,
            statistics.verdict(one.difference, p),
        )
        for (key, one), p in zip(found.items(), adjusted, strict=True)
    ]
    return pd.DataFrame(rows, columns=[*names, *COLUMNS])


def estimate(means: np.ndarray, units: np.ndarray, scale: float = 1) -> dict[str, float]:
    """One figure of a table: mean, low, high, spread, times ``scale``, and seeds.

    ``means`` (seeds,): a run's own figure, of which mean and spread (NaN with one seed) are taken. ``units`` (seeds,
    units): the scores of pairs or pictures that were averaged, which the bootstrap interval draws again.
    """
    low, high = statistics.bootstrap_interval(units)
    mean, spread = statistics.seed_spread(means)
    found = {"mean": mean, "low": low, "high": high, "spread": float("nan") if spread is None else spread}
    return {key: scale * value for key, value in found.items()} | {"seeds": len(means)}
