"""Drawing people again: the double-or-nothing bootstrap for rates and curves over pairs.

Each person is kept with probability 1/2, a pair where both of its people are: Fogliato, Patil and Perona (IJCV 2024,
arXiv 2306.01198) after Owen and Eckles (Annals of Applied Statistics 6, 2012). Pairs of one person, and pairs that share a person, then come
and go together. What is drawn is people; the spread over trainings and what both share is added as in
verdicts/difference.py, each draw being applied to every seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from pipeline.errors import InputError
from pipeline.metrics.verdicts.difference import crossed
from pipeline.metrics.verdicts.mean import rate_interval
from pipeline.metrics.verdicts.seeds import seed_variance

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kept:
    """Draws of people."""

    people: NDArray[np.bool_]
    """(draws, people) whether a draw keeps a person."""

    @staticmethod
    def drawn(people: int, draws: int, seed: int) -> Kept:
        """Equal seeds give equal draws. Raises InputError on fewer than two draws."""
        if draws < 2:
            raise InputError(f"draws: {draws}, expected at least 2")
        return Kept(np.random.default_rng(seed).random((draws, people)) < 0.5)


def interval_over_draws(
    values: Floats, drawn: Floats, people: float, n: int, level: float = 0.95
) -> tuple[float, float]:
    """(low, high) of a rate in [0, 1] averaged over seeds, Wilson's with n_eff items.

    Args:
        values: (S,) the rate of each seed on all pairs. drawn: (draws, S) on each draw's; NaN where a draw holds none.
        people: how many people's worth of information there is, for the degrees of freedom; > 1.
        n: pairs behind the rate.
    """
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    if len(drawn) < 2:
        raise InputError(f"draws: {len(drawn)} hold pairs of both kinds, expected at least 2: too few people")
    deviations = drawn - values
    v_people = float((deviations.mean(axis=1) ** 2).mean())
    error, df = math.sqrt(v_people), max(people - 1, 1.0)
    seeds = len(values)
    if seeds > 1:
        rest = deviations - deviations.mean(axis=1, keepdims=True)
        both = float((rest**2).mean(axis=0).sum()) / (seeds * (seeds - 1))
        over_seeds = seed_variance({0: values}, 0, None, False)
        error, df = crossed(v_people, df, over_seeds, both, one_set=True, level=level)
    return rate_interval(float(values.mean()), error, float(stdtrit(df, 0.5 + level / 2)), n)


@dataclass(frozen=True)
class Band:
    """A ROC averaged over seeds at given false accept rates, with a pointwise band; and the AUC with its interval."""

    far: Floats
    tar: Floats
    low: Floats
    high: Floats
    auc: float
    auc_low: float
    auc_high: float


def roc_band(
    scores: ArrayLike,
    same: ArrayLike,
    people: ArrayLike,
    far: ArrayLike,
    *,
    draws: int = 400,
    seed: int = 0,
    level: float = 0.95,
) -> Band:
    """The ROC of one method's networks on the pairs of a protocol; 1 - tar over far is the DET curve.

    Args:
        scores: (S, P) or (P,) finite floats, pooled over folds. same: (P,) booleans, both kinds.
        people: (P, 2) integers; (P,) where a pair has one group. far: (G,) false accept rates in [0, 1].

    At each rate the tar is the largest of any threshold whose false accept rate is not above it, in each draw anew.
    """
    scores, same = np.atleast_2d(np.asarray(scores, dtype=np.float64)), np.asarray(same, dtype=bool)
    people, far = np.asarray(people), np.asarray(far, dtype=np.float64)
    people = people[:, None] if people.ndim == 1 else people
    if scores.shape[1:] != same.shape or len(people) != len(same):
        raise InputError(
            f"scores, same, people: shapes {scores.shape}, {same.shape}, {people.shape}, expected as many pairs in each"
        )
    if not np.isfinite(scores).all() or not ((far >= 0) & (far <= 1)).all():
        raise InputError("scores and far: expected finite scores, and false accept rates in [0, 1]")
    if same.all() or not same.any():
        raise InputError(f"same: all {len(same)} pairs are {bool(same.all())}, expected both kinds")
    labels, person = np.unique(people, return_inverse=True)
    person = person.reshape(people.shape)
    kept = Kept.drawn(len(labels), draws, seed).people[:, person].all(axis=2)  # (draws, P)
    curves = [_curves(one, same, np.concatenate([np.ones((1, len(same)), dtype=bool), kept]), far) for one in scores]
    table = np.stack(curves, axis=1)  # (1 + draws, S, G + 1), the last column being AUC
    shares = np.bincount(person[same, 0])
    effective = shares.sum() ** 2 / (shares**2).sum()
    count = int(min(same.sum(), (~same).sum()))
    ends = np.array([
        interval_over_draws(table[0, :, place], table[1:, :, place], effective, count, level)
        for place in range(table.shape[2])
    ])  # fmt: skip
    mean = table[0].mean(axis=0)
    return Band(far, mean[:-1], ends[:-1, 0], ends[:-1, 1], float(mean[-1]), float(ends[-1, 0]), float(ends[-1, 1]))


def _curves(scores: Floats, same: NDArray[np.bool_], kept: NDArray[np.bool_], far: Floats) -> Floats:
    """(draws, G + 1) tar at each far, then AUC, of the pairs in each row of ``kept`` (draws, P); NaN without both kinds."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # the last pair of each distinct score
    found = np.full((len(kept), len(far) + 1), np.nan)
    for place, some in enumerate(kept):
        mine = some[order]
        genuine = np.cumsum(mine & same[order])[ends]
        impostors = np.cumsum(mine & ~same[order])[ends]
        if genuine[-1] == 0 or impostors[-1] == 0:
            continue
        tar = np.concatenate([[0.0], genuine / genuine[-1]])
        reached = np.concatenate([[0], impostors])
        at = np.searchsorted(reached, np.floor(far * impostors[-1] + 1e-9), side="right") - 1
        found[place, :-1] = tar[at]
        found[place, -1] = float(np.sum(np.diff(reached) * (tar[1:] + tar[:-1]) / 2)) / impostors[-1]
    return found
