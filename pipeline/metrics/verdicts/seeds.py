"""How far the mean of a method moves from one training to the next, and when the variants of a table tell it together.

m_s is the mean over items of the training with seed s. Where variant and control were trained from other seeds or are
other networks, the variance of the difference of their means over seeds is

    V = s_A^2 / S_A + s_B^2 / S_B,    df after Satterthwaite (Biometrics Bulletin 2, 1946).

Where the variants of a table were trained from the same seeds and the same initial networks (``paired``), a seed may
move all of them together, which leaves their differences alone: V = s^2 / S of the differences by seed, df = S - 1.

Three seeds know little of their own spread: df 2 makes a t of 4.30 out of 1.96. So one estimate serves all variants
of a table, the residual variance s^2 of the layout variants by seeds: V = s^2 (1 / S_A + 1 / S_B), with df the sum of
(S - 1), or (variants - 1)(S - 1) where a seed effect is taken out. It does not serve a comparison whose own V is
larger than the rest of the table allows: an F-test of its V against the variants that are not in it, one-sided at
LARGER. One-sided, because a pooled spread that is too large only costs power. Levene's test and Brown and Forsythe's
would not do: with three seeds the middle deviation from the median is always 0, and what is left is not independent.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

Floats = NDArray[np.float64]

# A spread is not shared from this p on downwards; high, since few seeds see little (Bancroft, Annals of Mathematical
# Statistics 15, 1944, on tests that only prepare another).
LARGER = 0.25


@dataclass(frozen=True)
class SeedVariance:
    """The variance over seeds of a difference of two means, or of a mean, in the outcome's unit squared."""

    variance: float
    df: float
    pooled: bool
    """Taken from all variants of the table."""
    larger_p: float
    """Of the F-test that the comparison's own variance is no larger than the rest's; NaN where there is no rest."""


def seed_variance(means: Mapping[Hashable, Floats], a: Hashable, b: Hashable | None, paired: bool) -> SeedVariance:
    """Of the difference between the variants ``a`` and ``b`` of a table, or of the mean of ``a`` where ``b`` is None.

    Args:
        means: (S,) means over items by seed of each variant, at least two each of ``a`` and ``b``; variants with one
            seed tell nothing here. Where ``paired`` all have the same seeds in the same order.
    """
    members = [key for key in (a, b) if key is not None]
    own, own_df = _of_these([means[key] for key in members], paired)
    several = {key: one for key, one in means.items() if len(one) > 1}
    both = sum(1 / len(means[key]) for key in members)
    rest, rest_df = residual({key: one for key, one in several.items() if key not in members}, paired)
    if rest_df == 0:
        return SeedVariance(own, own_df, False, float("nan"))
    # Without any spread in the rest, any spread at all is larger.
    larger_p = float(fdtrc(own_df, rest_df, own / (both * rest))) if rest > 0 else float(own == 0)
    if larger_p < LARGER:
        return SeedVariance(own, own_df, False, larger_p)
    spread, df = residual(several, paired)
    return SeedVariance(spread * both, df, True, larger_p)


def residual(means: Mapping[Hashable, Floats], paired: bool) -> tuple[float, float]:
    """(variance, df) of one training around its variant's mean: without what a seed does to all where ``paired``.

    (0, 0) where nothing is left: no variants with two seeds, or a single one where ``paired``.
    """
    if not means:
        return 0.0, 0.0
    if paired:
        table = np.stack(list(means.values()))
        left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
        total, df = float((left**2).sum()), (table.shape[0] - 1.0) * (table.shape[1] - 1.0)
    else:
        total = sum(float(((one - one.mean()) ** 2).sum()) for one in means.values())
        df = float(sum(len(one) - 1 for one in means.values()))
    return (total / df, df) if df else (0.0, 0.0)


def _of_these(means: Sequence[Floats], paired: bool) -> tuple[float, float]:
    """(variance, df) from one or two variants alone. Without any spread the variance is 0, df that of equal spreads."""
    if paired:
        first, second = means
        return float(np.var(first - second, ddof=1)) / len(first), len(first) - 1.0
    parts = np.array([np.var(one, ddof=1) / len(one) for one in means])
    each = np.array([len(one) - 1.0 for one in means])
    total = float(parts.sum())
    return total, float(total**2 / (parts**2 / each).sum()) if total > 0 else float(each.sum())
