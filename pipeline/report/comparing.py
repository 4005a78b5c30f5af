"""Means with intervals, and paired comparisons: every test and every verdict of the report comes from here.

Tasks hand over outcomes, item by item and seed by seed; nothing else of the report asks pipeline.metrics.statistics.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.metrics import statistics

Key = tuple[Hashable, str]  # where something was measured, and of which variant
COLUMNS = ("difference", "low", "high", "p_value", "adjusted", "verdict")


@dataclass(frozen=True)
class Outcomes:
    """How one variant did by one measure.

    ``values`` (seeds, items): a score for each pair, probe, picture or image, rightly called or not among them; None
    where the measure has no items, such as a distance between two sets. ``items`` (items, ...): which they are, in
    rows: two variants can be compared where theirs are equal. ``means`` (seeds,): each run's own figure, where that is
    not the mean of its values: the mean over folds. ``interval``: of a single run, where its evaluation has one.
    """

    values: np.ndarray | None
    items: np.ndarray | None = None
    means: np.ndarray | None = None
    interval: tuple[float, float] | None = None

    @property
    def per_seed(self) -> np.ndarray:
        """(seeds,): each run's figure."""
        return self.values.mean(axis=1) if self.means is None else self.means


def estimate(outcomes: Outcomes, scale: float = 1) -> dict[str, float]:
    """One figure of a table: mean, low, high, spread over seeds (NaN with one seed), times ``scale``; seeds and items.

    low and high are the interval over items, NaN where the measure has none.
    """
    mean, spread = statistics.seed_spread(outcomes.per_seed)
    low, high = float("nan"), float("nan")
    if outcomes.interval is not None and len(outcomes.per_seed) == 1:
        low, high = outcomes.interval
    elif outcomes.values is not None:
        low, high = statistics.bootstrap_interval(outcomes.values)
    figures = {"mean": mean, "low": low, "high": high, "spread": float("nan") if spread is None else spread}
    items = 0 if outcomes.values is None else outcomes.values.shape[1]
    return {key: scale * value for key, value in figures.items()} | {"seeds": len(outcomes.per_seed), "items": items}


def change(of: Outcomes, control: Outcomes, scale: float = 1) -> statistics.PairedDifference:
    """One comparison that is no part of a table: its p is not corrected."""
    compared = statistics.paired_difference(*_paired(of, control))
    scaled = (scale * value for value in (compared.difference, compared.low, compared.high))
    return statistics.PairedDifference(*scaled, compared.p_value, compared.n)


def family(outcomes: Mapping[Key, Outcomes], pairs: Sequence[tuple[Key, Key]], scales: Sequence[float]) -> pd.DataFrame:
    """Compare the first of each pair with the second, its control; p-values are adjusted for all of them together.

    ``outcomes`` has every variant of the section, those of one place being of the same items. A row per pair, with
    COLUMNS, differences times the pair's scale.
    """
    changes = [change(*(outcomes[key] for key in pair), scale) for pair, scale in zip(pairs, scales, strict=True)]
    adjusted = np.asarray(statistics.holm([each.p_value for each in changes])).tolist()
    rows = [
        (each.difference, each.low, each.high, each.p_value, p, statistics.verdict(each.difference, p))
        for each, p in zip(changes, adjusted, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def share(right: np.ndarray) -> tuple[float, float]:
    """The 95 % interval (Wilson) of a share of right answers, (n,) bool, in percent."""
    low, high = statistics.wilson_interval(int(right.sum()), len(right))
    return 100 * low, 100 * high


def least_p(items: int, tests: int = 1) -> float:
    """The least adjusted p that a comparison of ``items`` scores can reach, as one of ``tests``."""
    return min(1.0, statistics.smallest_p_value(items) * max(tests, 1))


def _paired(of: Outcomes, control: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """The values of both. Raises ValueError where they are of other items."""
    if of.values is None or control.values is None:
        raise ValueError("a measure without items cannot be compared item by item")
    known = of.items is not None and control.items is not None
    if known and not np.array_equal(of.items, control.items):
        raise ValueError("outcomes of other items cannot be compared")
    return of.values, control.values
