"""The difference of two methods with items and seeds both sampled: a two-way variance and its t-test.

An outcome y_si belongs to a seed s (a training of the method) and an item i (a pair, a probe, a picture, an image).
The difference D is the mean over seeds and items of A less that of B. Its variance (two-way clustering: Cameron,
Gelbach and Miller, Journal of Business & Economic Statistics 29, 2011) is

    V = V_items + V_seeds - V_both,    never below the larger of V_items and V_seeds

- V_items: over items of z_i = mean_s y_A,si - mean_s y_B,si, with people shared (sharing.py).
- V_seeds: over seeds of the means over items (seeds.py).
- V_both: what belongs to seed and item together is in either and is taken off once. With what is left in r_si =
  y_si - mean_i - mean_s + mean it is sum_s V(r_s) / (S (S - 1)), V over items; of A and of B, or of their differences
  by seed where seeds are paired. Cameron, Gelbach and Miller leave the items' mean in r_si, which for few seeds takes
  off too much.

A threshold that is chosen again for each training and fold, as verification does, is a part of each training's mean
and needs no term of its own: docs/statistics.md has the simulation that this rests on.

The test is Student's, its degrees of freedom after Satterthwaite: V^2 / (V_items^2 / df_items + V_seeds^2 /
df_seeds). Where V_seeds comes from this comparison alone, two seeds count for fewer df, and where its seeds are
paired, interval and test are no narrower than Student's over the S differences by seed: see ``crossed``.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from pipeline.errors import InputError
from pipeline.metrics.verdicts.seeds import SeedVariance, seed_variance
from pipeline.metrics.verdicts.sharing import Sharing, sharing

Floats = NDArray[np.float64]
ROUNDING = 1e-12  # a relative error that no measured outcomes have


@dataclass(frozen=True)
class Difference:
    """How much higher the mean outcome of a variant is than that of its control. Variances in the outcome's unit
    squared."""

    variant: Hashable
    control: Hashable
    estimate: float
    low: float
    high: float
    """Student's interval of ``estimate``, not corrected for the number of comparisons."""
    p_value: float
    """Two-sided, not corrected; 1 where nothing varies, which leaves nothing to test with."""
    df: float
    error: float
    """Standard error: the root of the variance that the test used."""
    items: float
    """V_items."""
    seeds: float
    """V_seeds; NaN with one seed."""
    both: float
    """V_both; NaN with one seed."""
    pooled: bool
    """V_seeds comes from all variants of the table."""
    trainings: tuple[int, int]
    """Seeds of the variant and of the control."""

    @property
    def one_seed(self) -> bool:
        """Variant or control was trained once: interval and p-value speak of these two networks, not of methods."""
        return min(self.trainings) < 2


def differences(
    outcomes: Mapping[Hashable, ArrayLike],
    comparisons: Sequence[tuple[Hashable, Hashable]],
    *,
    people: ArrayLike | Sharing | None = None,
    paired: bool = False,
    level: float = 0.95,
) -> list[Difference]:
    """Compare variants of one table: the same items, at one quality.

    Args:
        outcomes: by variant (S, n), S seeds (may differ) by n items (may not): right or wrong, or a score such as dB.
            All variants enter the pooled spread over seeds, so give the whole table.
        comparisons: (variant, control) keys of ``outcomes``.
        people: who is on each item, as ``sharing`` takes it, or what it returned; None: nobody is shared.
        paired: row s of every variant was trained from one seed and one initial network.
        level: of the intervals, in (0, 1).

    Returns one Difference for each comparison, in order. Raises InputError on unequal numbers of items, values that
    are not finite, an unknown variant, or unequal numbers of seeds (other than one) where ``paired``.
    """
    if not 0 < level < 1:
        raise InputError(f"level: {level}, expected a confidence level between 0 and 1")
    tables = checked(outcomes, paired)
    for key in (key for both in comparisons for key in both):
        if key not in tables:
            raise InputError(f"comparisons: no outcomes of {key}, expected variants among {list(tables)}")
    if not comparisons:
        return []
    n = next(iter(tables.values())).shape[1]
    shared = people if isinstance(people, Sharing) else sharing(n, people)
    if shared.n != n:
        raise InputError(f"people: {shared.n} items, the outcomes have {n}, expected the same")

    over_seeds = {key: table.mean(axis=0) for key, table in tables.items()}
    z = np.stack([over_seeds[a] - over_seeds[b] for a, b in comparisons], axis=1)
    v_items = shared.variance(z)
    means = {key: table.mean(axis=1) for key, table in tables.items()}
    both = {key: both_variance(table, shared) for key, table in tables.items()} if not paired else {}

    found = []
    for place, (a, b) in enumerate(comparisons):
        estimate, variance, df = float(z[:, place].mean()), float(v_items[place]), shared.df
        error = math.sqrt(variance)
        one_seed = min(len(tables[a]), len(tables[b])) < 2
        by_seed, v_both = None, math.nan
        if not one_seed:
            by_seed = seed_variance(means, a, b, paired)
            v_both = both_variance(tables[a] - tables[b], shared) if paired else both[a] + both[b]
            error, df = crossed(variance, shared.df, by_seed, v_both, one_set=paired, level=level)
        error = beyond_rounding(error, estimate)
        low, high, p_value = t_test(estimate, error, df, level)
        found.append(
            Difference(
                variant=a,
                control=b,
                estimate=estimate,
                low=low,
                high=high,
                p_value=p_value,
                df=float(df),
                error=error,
                items=float(v_items[place]),
                seeds=by_seed.variance if by_seed else math.nan,
                both=v_both,
                pooled=by_seed is not None and by_seed.pooled,
                trainings=(len(tables[a]), len(tables[b])),
            )
        )
    return found


def both_variance(table: Floats, shared: Sharing) -> float:
    """V_both of (S, n) outcomes: 0 with one seed, which cannot tell it from the items' own part."""
    s = len(table)
    if s < 2:
        return 0.0
    rest = table - table.mean(axis=0)
    return float(shared.variance(rest.T).sum()) / (s * (s - 1))


def crossed(
    v_items: float, df_items: float, by_seed: SeedVariance, v_both: float, *, one_set: bool, level: float
) -> tuple[float, float]:
    """(standard error, df) of an estimate whose items and seeds are both sampled: V and its df above.

    The V_seeds of two seeds is often far too small, and Satterthwaite's df are then far too many. Where it has no
    more than two degrees, df are no more than they would be with twice that V_seeds. ``one_set``: it comes from one
    set of numbers, one for each seed, which leaves S - 1 degrees: an interval at ``level`` is then no narrower than
    that of the seeds alone.
    """
    v_seeds = by_seed.variance
    variance, df = _variance(v_items, df_items, v_seeds, by_seed.df, v_both)
    error, alone = math.sqrt(variance), math.sqrt(v_seeds)
    if by_seed.pooled or variance == 0:
        return error, df
    if by_seed.df <= 2:
        df = min(df, _variance(v_items, df_items, 2 * v_seeds, by_seed.df, v_both)[1])
    if one_set:
        upper = 0.5 + level / 2
        if float(stdtrit(by_seed.df, upper)) * alone > float(stdtrit(df, upper)) * error:
            return alone, by_seed.df
    return error, df


def _variance(v_items: float, df_items: float, v_seeds: float, df_seeds: float, v_both: float) -> tuple[float, float]:
    """V and its degrees of freedom."""
    variance = max(v_items + v_seeds - v_both, v_items, v_seeds)
    if variance == 0:
        return 0.0, df_items
    return variance, variance**2 / (v_items**2 / df_items + v_seeds**2 / df_seeds)


def beyond_rounding(error: float, estimate: float) -> float:
    """A standard error, 0 where it is only what sums of equal numbers leave of their last digits."""
    return error if error > ROUNDING * abs(estimate) else 0.0


def t_test(estimate: float, error: float, df: float, level: float) -> tuple[float, float, float]:
    """(low, high, two-sided p) of Student's test against zero; p is 1 where ``error`` is 0: nothing varies."""
    if error == 0:
        return estimate, estimate, 1.0
    half = float(stdtrit(df, 0.5 + level / 2)) * error
    return estimate - half, estimate + half, float(2 * stdtr(df, -abs(estimate) / error))


def checked(outcomes: Mapping[Hashable, ArrayLike], paired: bool = False) -> dict[Hashable, Floats]:
    """(S, n) finite floats by variant, those that are compared and those that only tell of the spread over seeds."""
    tables = {key: np.atleast_2d(np.asarray(table, dtype=np.float64)) for key, table in outcomes.items()}
    for key, table in tables.items():
        if table.ndim != 2 or 0 in table.shape:
            raise InputError(
                f"outcomes of {key}: shape {table.shape}, expected (seeds, items) with at least one of each"
            )
        if not np.isfinite(table).all():
            raise InputError(f"outcomes of {key}: {np.count_nonzero(~np.isfinite(table))} values are not finite")
    several = {key: table for key, table in tables.items() if len(table) > 1}
    for what, counts in (
        ("items", {table.shape[1]: key for key, table in tables.items()}),
        ("seeds", {len(table): key for key, table in several.items()} if paired else {}),
    ):
        if len(counts) > 1:
            listed = ", ".join(f"{count} of {key}" for count, key in sorted(counts.items()))
            raise InputError(
                f"outcomes: numbers of {what} differ ({listed}), expected the same {what} for all variants"
            )
    return tables
