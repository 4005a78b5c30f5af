"""The mean outcome of one method, with an interval that samples items and seeds: what a cell of a table shows.

The variance is that of a difference (difference.py) with one method in place of two. Rates (right calls, misses) take
Wilson's interval (JASA 22, 1927), which stays in [0, 1] and is sensible near its ends, with the number of independent
items that would have the same variance, n_eff = p (1 - p) / V, in place of n: Fogliato, Patil and Perona, "Confidence
intervals for error rates in 1:1 matching tasks" (IJCV 2024, arXiv 2306.01198).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from pipeline.errors import InputError
from pipeline.metrics.verdicts.difference import beyond_rounding, both_variance, checked, crossed
from pipeline.metrics.verdicts.seeds import seed_variance
from pipeline.metrics.verdicts.sharing import NoVariance, Sharing, sharing


@dataclass(frozen=True)
class Mean:
    """The mean over seeds and items of one method."""

    estimate: float
    low: float
    high: float
    error: float
    """Standard error, in the outcome's unit."""
    df: float
    spread: float
    """Standard deviation over seeds of the means over items; NaN with one seed."""
    trainings: int
    """Seeds; with one, the interval speaks of this network, not of the method."""


def means(
    outcomes: Mapping[Hashable, ArrayLike],
    *,
    people: ArrayLike | Sharing | None = None,
    rates: bool = False,
    level: float = 0.95,
) -> dict[Hashable, Mean]:
    """The mean of each variant of one table: the same items, at one quality.

    Args:
        outcomes, people: as ``difference.differences`` takes them; all variants enter the pooled spread over seeds.
        rates: outcomes lie in [0, 1] and are averaged to a rate: intervals are Wilson's.
        level: of the intervals, in (0, 1).
    """
    if not 0 < level < 1:
        raise InputError(f"level: {level}, expected a confidence level between 0 and 1")
    tables = checked(outcomes)
    if not tables:
        return {}
    n = next(iter(tables.values())).shape[1]
    shared = people if isinstance(people, Sharing) else sharing(n, people)
    by_seed = {key: table.mean(axis=1) for key, table in tables.items()}
    found = {}
    for key, table in tables.items():
        over_seeds = table.mean(axis=0)
        v_items = float(shared.variance(over_seeds[:, None])[0])
        error, df = math.sqrt(v_items), shared.df
        if len(table) > 1:
            v_seeds = seed_variance(by_seed, key, None, False)
            error, df = crossed(v_items, df, v_seeds, both_variance(table, shared), one_set=True, level=level)
        estimate, quantile = float(over_seeds.mean()), float(stdtrit(df, 0.5 + level / 2))
        error = beyond_rounding(error, estimate)
        if rates:
            low, high = rate_interval(estimate, error, quantile, n)
        else:
            low, high = estimate - quantile * error, estimate + quantile * error
        spread = float(by_seed[key].std(ddof=1)) if len(table) > 1 else math.nan
        found[key] = Mean(estimate, low, high, error, df, spread, len(table))
    return found


def of_one_network(
    outcomes: ArrayLike, *, people: ArrayLike | None = None, rates: bool = False
) -> tuple[float, float] | None:
    """95 % interval over items of the mean of ``outcomes`` (n,); None where they tell nothing of their own variance."""
    try:
        shared = sharing(len(np.asarray(outcomes)), people)
    except NoVariance:
        return None
    found = means({0: outcomes}, people=shared, rates=rates)[0]
    return found.low, found.high


def rate_interval(rate: float, error: float, quantile: float, n: int) -> tuple[float, float]:
    """(low, high) of a rate in [0, 1] whose standard error is ``error``: Wilson's with n_eff items.

    ``quantile``: of Student's or the normal distribution at the interval's upper end. ``n``: items, > 0, in place of
    n_eff where the rate is 0 or 1 and has no variance: the lower end is then 0, or the upper one 1.
    """
    if not (0 <= rate <= 1 and error >= 0 and n > 0):
        raise InputError(f"rate_interval: rate {rate}, error {error}, n {n}, expected a rate in [0, 1] of n > 0 items")
    # A rate of 0 or 1 has no variance by itself, though other draws of people may have given some.
    effective = min(n, rate * (1 - rate) / error**2) if error > 0 and 0 < rate < 1 else n
    square = quantile**2 / effective
    centre = (rate + square / 2) / (1 + square)
    half = math.sqrt(square * rate * (1 - rate) + square**2 / 4) / (1 + square)
    low, high = (0.0 if rate == 0 else centre - half), (1.0 if rate == 1 else centre + half)
    return float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))
