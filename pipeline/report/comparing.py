"""Paired comparisons as a table: one family of tests, corrected for how many there are."""

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
