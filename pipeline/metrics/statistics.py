"""Is a difference real? Intervals and paired tests over pairs, corrected for the number of comparisons.

``correct`` is (S, P): whether each of P pairs was called rightly by each of S seeds of one variant, as
booleans, 0 and 1, or any score that is averaged over pairs. A single seed may be given as (P,).

What is drawn again here is the pairs, with the trained networks held fixed. An interval or a p-value
therefore answers "would these networks differ on other pairs of this kind?", not "would other seeds?": the
spread over seeds stands beside it (seed_spread). Pairs count as independent, though a face may stand in
several of them and the pairs of a fold share a threshold, so intervals are, if anything, a little narrow.
For super-resolution the unit is a test picture in place of a pair, its score the PSNR in dB; for classification it
is a test image, rightly classified or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError

Floats = NDArray[np.float64]
Verdict = Literal["better", "worse", "not distinguishable"]

# Numbers drawn at a time: bounds the memory, 8 bytes each.
CHUNK = 2_000_000


@dataclass(frozen=True)
class PairedDifference:
    """How much higher the mean of ``a`` is than that of ``b`` on the same pairs."""

    difference: float
    """Mean of a less mean of b, over pairs and seeds."""
    low: float
    high: float
    """Percentile bootstrap interval of ``difference``."""
    p_value: float
    """Two-sided, not corrected for the number of comparisons."""
    n: int
    """Pairs."""


def bootstrap_interval(
    correct: ArrayLike, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """(low, high) of the mean over pairs and seeds: percentile bootstrap over pairs (Efron, 1979).

    All seeds of a drawn pair are drawn together, since they saw the same two pictures.

    Args:
        correct: (S, P) or (P,). level: the share of resampled means inside, in (0, 1).
        draws: resampled means, >= 1. seed: equal seeds give equal intervals.
    """
    correct = _checked("correct", correct)
    _check_level(level)
    # Sums are exact for booleans: the few values a pair can have stay few.
    low, high = _bootstrap(correct.sum(axis=0), level, draws, seed)
    return low / len(correct), high / len(correct)


def wilson_interval(successes: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """(low, high) of a proportion, in [0, 1] and sensible near its ends (Wilson, JASA 1927).

    Args:
        successes: in [0, n]; not whole where it is a mean over seeds times n. n: trials, >= 1.
    """
    _check_level(level)
    if not (n >= 1 and 0 <= successes <= n):
        raise InputError(f"wilson_interval: {successes} successes in {n} trials, expected 0 to n of at least one")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    rate, shrink = successes / n, 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def paired_difference(
    correct_a: ArrayLike,
    correct_b: ArrayLike,
    *,
    level: float = 0.95,
    draws: int = 2000,
    permutations: int = 19_999,
    seed: int = 0,
) -> PairedDifference:
    """Compare two variants on the same pairs, in the same order.

    The interval resamples pairs. The p-value is two-sided, its null that swapping a and b on a pair changes
    nothing. With one seed each and right or wrong calls that is McNemar's exact test (binomial on the pairs
    that only one of the two calls rightly). Otherwise it is its extension to averages over seeds: a
    permutation test that flips the sign of each pair's difference of seed means. Where so few pairs differ that
    all signs can be tried in ``permutations``, they are, and p is exact; else p is (1 + as extreme) /
    (1 + permutations) (Phipson & Smyth, 2010). See smallest_p_value for what it can reach.

    The pair is the unit of both: seeds lessen the noise of a pair's difference but are not drawn again, so a
    small p-value says that these trained networks differ, not that any two seeds of the variants would.

    Args:
        correct_a, correct_b: (S_a, P) and (S_b, P); the numbers of seeds may differ, the pairs may not.
        level, draws, seed: as for bootstrap_interval. permutations: >= 1.
    """
    a, b = _checked("correct_a", correct_a), _checked("correct_b", correct_b)
    if a.shape[1] != b.shape[1]:
        raise InputError(f"correct_a and correct_b: {a.shape[1]} and {b.shape[1]} pairs, expected the same pairs")
    _check_level(level)
    # Scaled by both numbers of seeds, differences of seed means are whole where the calls are: exact ties.
    scale = len(a) * len(b)
    differences = a.sum(axis=0) * len(b) - b.sum(axis=0) * len(a)
    low, high = _bootstrap(differences, level, draws, seed)
    if scale == 1 and np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all():
        p_value = _mcnemar(int((differences > 0).sum()), int((differences < 0).sum()))
    else:
        p_value = _sign_flip(differences, permutations, seed)
    return PairedDifference(float(differences.mean()) / scale, low / scale, high / scale, p_value, a.shape[1])


def smallest_p_value(n: int, permutations: int = 19_999) -> float:
    """The least p that paired_difference can give for ``n`` real scores a variant: all differences of one sign."""
    if n < 1:
        raise InputError(f"smallest_p_value: n is {n}, expected at least 1")
    return max(2.0 ** (1 - n), 1 / (1 + permutations))


def holm(p_values: ArrayLike) -> Floats:
    """(M,) p-values adjusted so that any false finding among the M is as rare as one test alone promises.

    Step-down (Holm, Scandinavian Journal of Statistics 1979): the i-th smallest times M - i (i from 0), not
    below those before it, at most 1. In the order given.
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    if p_values.ndim != 1 or not ((p_values >= 0) & (p_values <= 1)).all():
        raise InputError(f"p_values: {p_values.tolist()}, expected a list of numbers in [0, 1]")
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty_like(p_values)
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def verdict(difference: float, adjusted_p: float, alpha: float = 0.05) -> Verdict:
    """What may be said of a variant whose mean is higher by ``difference``, larger being better."""
    if not (math.isfinite(difference) and 0 <= adjusted_p <= 1):
        raise InputError(f"verdict: difference {difference} and p {adjusted_p}, expected a number and a p in [0, 1]")
    if adjusted_p >= alpha or difference == 0:
        return "not distinguishable"
    return "better" if difference > 0 else "worse"


def seed_spread(values: Sequence[float]) -> tuple[float, float | None]:
    """(mean, standard deviation over seeds with S - 1 below the line); no deviation from a single seed."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise InputError(f"seed_spread: {values.tolist()}, expected one finite number a seed, at least one")
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None


def _bootstrap(values: Floats, level: float, draws: int, seed: int) -> tuple[float, float]:
    """Percentile interval of the mean of ``values`` (P,) under resampling.

    A resample is known by how often each distinct value is in it: a multinomial draw over the few values that
    averages of right and wrong calls have, instead of P indices.
    """
    distinct, counts = np.unique(values, return_counts=True)
    generator = np.random.default_rng(seed)
    means = np.concatenate([
        generator.multinomial(len(values), counts / len(values), size=size) @ distinct
        for size in _chunks(draws, len(distinct))
    ]) / len(values)  # fmt: skip
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _mcnemar(only_a: int, only_b: int) -> float:
    from scipy.stats import binomtest  # costs more to import than the rest of this file

    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue) if only_a + only_b else 1.0


def _sign_flip(differences: Floats, permutations: int, seed: int) -> float:
    """P-value of |sum| under random signs. The signs of n equal sizes sum to 2 Binomial(n, 1/2) - n."""
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0
    # Sums that are equal on paper may differ by rounding: they count as equally extreme.
    observed = abs(differences.sum()) - 1e-9 * np.abs(differences).sum()
    if 2 ** len(differences) <= 1 + permutations:
        sums = np.zeros(1)
        for difference in differences:
            sums = np.concatenate([sums + difference, sums - difference])
        return float(np.mean(np.abs(sums) >= observed))
    sizes, counts = np.unique(np.abs(differences), return_counts=True)
    generator = np.random.default_rng(seed)
    extreme = sum(
        np.count_nonzero(np.abs((2 * generator.binomial(counts, 0.5, (size, len(sizes))) - counts) @ sizes) >= observed)
        for size in _chunks(permutations, len(sizes))
    )
    return (1 + int(extreme)) / (1 + permutations)


def _chunks(total: int, width: int) -> list[int]:
    """Split ``total`` rows of ``width`` numbers into parts of at most CHUNK numbers."""
    if total < 1:
        raise InputError(f"draws: {total}, expected at least 1")
    rows = max(1, CHUNK // width)
    return [rows] * (total // rows) + ([total % rows] if total % rows else [])


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level: {level}, expected a confidence level between 0 and 1")


def _checked(name: str, correct: ArrayLike) -> Floats:
    """(S, P) finite floats."""
    correct = np.atleast_2d(np.asarray(correct, dtype=np.float64))
    if correct.ndim != 2 or 0 in correct.shape:
        raise InputError(f"{name}: shape {correct.shape}, expected (seeds, pairs) with at least one of each")
    if not np.isfinite(correct).all():
        raise InputError(f"{name}: {np.count_nonzero(~np.isfinite(correct))} values are not finite")
    return correct
