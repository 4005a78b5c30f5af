"""Every pair of a set of photos, scored in blocks: false match rates far below what a protocol's pairs can show.

900 pairs of different people allow no false match at a rate of 1e-3, so their true accept rate there is that of no
false match at all. 2,320 photos make 2.7 million pairs. Of these all genuine scores (two photos of one person) are
kept, and of the impostors' (two people) only the highest, which is where thresholds of low false match rates lie.

FMR: the share of impostor pairs that are matched, score at least the threshold. FNMR: the share of genuine pairs that
are not. A figure is shown only where at least ENOUGH errors of either kind stand behind it (the rule of 30:
Doddington, Przybocki, Martin and Reynolds, Speech Communication 31, 2000).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError
from pipeline.metrics.persons import Kept, interval_over_draws

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

RATES = (1e-2, 1e-3, 1e-4, 1e-5)
ENOUGH = 30
# The highest impostor scores are kept to this multiple of the largest rate: drawing people again moves thresholds down.
MARGIN = 3.0
BLOCK = 256  # photos whose scores with all later ones are computed at a time


@dataclass(frozen=True)
class AllPairs:
    """Scores of all pairs of N photos by one network, cosines in [-1, 1]. People are numbered from 0."""

    photos: Whole
    """(people,) photos of each person."""
    genuine: Floats
    """(G,) scores of all pairs of one person, and in ``genuine_person`` (G,) whose they are."""
    genuine_person: Whole
    impostors: int
    """Pairs of two people."""
    highest: Floats
    """(K,) the highest impostor scores, falling, and in ``highest_people`` (K, 2) whose they are."""
    highest_people: Whole


def score_all_pairs(embeddings: ArrayLike, people: ArrayLike, *, largest_rate: float = RATES[0]) -> AllPairs:
    """Cosines of all N (N - 1) / 2 pairs of photos, with memory for the genuine, the highest impostors, and one block.

    Args:
        embeddings: (N, D) finite floats, as they are to be compared; a zero vector has cosine 0 with all.
        people: (N,) integers, any labels. largest_rate: the largest FMR that will be asked for.

    Takes O(N^2 D) time, and memory for G genuine scores, about 3 * MARGIN * largest_rate * N^2 / 2 impostors
    and BLOCK * N scores. Equal scores at the end of ``highest`` are cut off arbitrarily but always in the same way.
    Raises InputError on NaN or infinity, unequal lengths, no person with two photos, or fewer than two people.
    """
    embeddings, people = np.asarray(embeddings), np.asarray(people)
    if embeddings.ndim != 2 or people.shape != (len(embeddings),):
        raise InputError(
            f"embeddings and people: shapes {embeddings.shape} and {people.shape}, expected (N, D) and (N,)"
        )
    if not len(people) or not np.issubdtype(people.dtype, np.integer):
        raise InputError(f"people: {len(people)} of type {people.dtype}, expected integers, one for each photo")
    if not np.isfinite(embeddings).all():
        raise InputError(f"embeddings: {np.count_nonzero(~np.isfinite(embeddings))} values are not finite")
    labels, person = np.unique(people, return_inverse=True)
    photos = np.bincount(person)
    if len(labels) < 2 or photos.max() < 2:
        raise InputError(f"people: {len(labels)} with at most {photos.max()} photos, expected two people, one with two")
    x = embeddings.astype(np.float64)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    x = np.divide(x, length, out=np.zeros_like(x), where=length > 0)

    n = len(x)
    impostors = n * (n - 1) // 2 - int((photos * (photos - 1) // 2).sum())
    room = min(impostors, math.ceil(MARGIN * largest_rate * impostors) + ENOUGH)
    genuine, genuine_person = [], []
    highest, pairs, floor = np.empty(0), np.empty((0, 2), dtype=np.int64), -np.inf
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        scores = np.clip(x[start:stop] @ x[start:].T, -1.0, 1.0)
        later = np.arange(start, n)[None, :] > np.arange(start, stop)[:, None]
        same = person[start:stop, None] == person[None, start:]
        row, column = np.nonzero(later & same)
        genuine.append(scores[row, column])
        genuine_person.append(person[start + row])
        row, column = np.nonzero(later & ~same & (scores > floor))
        highest = np.concatenate([highest, scores[row, column]])
        pairs = np.concatenate([pairs, np.stack([person[start + row], person[start + column]], axis=1)])
        if len(highest) > room:
            order = np.argsort(-highest, kind="stable")[:room]
            highest, pairs, floor = highest[order], pairs[order], highest[order[-1]]
    order = np.argsort(-highest, kind="stable")
    return AllPairs(
        photos, np.concatenate(genuine), np.concatenate(genuine_person), impostors, highest[order], pairs[order]
    )


@dataclass(frozen=True)
class LowRate:
    """FNMR at one FMR, in [0, 1], averaged over seeds."""

    fmr: float
    fnmr: float
    low: float
    high: float
    """Wilson's interval with n_eff; people and seeds are sampled, the threshold is chosen again in each draw."""
    false_matches: int
    """That the threshold allows: floor(fmr * impostors)."""
    misses: float
    """Genuine pairs below the threshold, a mean over seeds."""

    @property
    def shown(self) -> bool:
        """At least ENOUGH errors of either kind stand behind the figure."""
        return self.false_matches >= ENOUGH and self.misses >= ENOUGH


@dataclass(frozen=True)
class Misses:
    """FNMR of one network at each of some FMR, on all people and on draws of them: what low_rates needs, and small."""

    rates: Floats
    """(R,) FMR."""
    values: Floats
    """(R,) FNMR at the threshold of each rate."""
    drawn: Floats
    """(draws, R) the same on each draw of people, the threshold chosen again; NaN where a draw has no genuine pair."""
    genuine: int
    """Pairs of one person."""
    impostors: int
    """Pairs of two people."""
    effective: float
    """People with as many genuine pairs each as would say as much."""


def misses(pairs: AllPairs, rates: Sequence[float] = RATES, *, draws: int = 400, seed: int = 0) -> Misses:
    """FNMR at each FMR of ``rates``; equal ``seed`` and photos give equal draws, which low_rates builds on.

    The threshold is the lowest that at most floor(fmr * impostors) impostor scores reach.
    """
    kept = Kept.drawn(len(pairs.photos), draws, seed)
    everybody = np.ones((1, len(pairs.photos)), dtype=bool)
    each = pairs.photos * (pairs.photos - 1) / 2
    return Misses(
        np.array(rates, dtype=np.float64),
        _misses(pairs, everybody, rates)[0],
        _misses(pairs, kept.people, rates),
        len(pairs.genuine),
        pairs.impostors,
        float(each.sum() ** 2 / (each**2).sum()),
    )


def low_rates(by_seed: Sequence[Misses], *, level: float = 0.95) -> list[LowRate]:
    """FNMR at each FMR, of the networks of one method on the same photos.

    The variance over people is that of the double-or-nothing bootstrap (persons.py) with the threshold chosen again; over
    seeds as in verdicts/difference.py. Raises InputError where the networks saw other photos, rates or draws.
    """
    first = by_seed[0] if by_seed else None
    if first is None or any(
        (one.genuine, one.impostors) != (first.genuine, first.impostors)
        or one.drawn.shape != first.drawn.shape
        or not np.array_equal(one.rates, first.rates)
        for one in by_seed
    ):
        raise InputError(f"by_seed: {len(by_seed)} networks, expected at least one, all on the same photos")
    values, drawn = np.stack([one.values for one in by_seed]), np.stack([one.drawn for one in by_seed], axis=1)
    rates = []
    for place, rate in enumerate(first.rates.tolist()):
        low, high = interval_over_draws(values[:, place], drawn[:, :, place], first.effective, first.genuine, level)
        fnmr = float(values[:, place].mean())
        rates.append(LowRate(rate, fnmr, low, high, _allowed(rate, first.impostors), fnmr * first.genuine))
    return rates


def _misses(pairs: AllPairs, kept: NDArray[np.bool_], rates: Sequence[float]) -> Floats:
    """(draws, rates) FNMR among the people of each row of ``kept`` (draws, people); NaN without a genuine pair."""
    order = np.argsort(pairs.genuine, kind="stable")
    genuine, person = pairs.genuine[order], pairs.genuine_person[order]
    found = np.full((len(kept), len(rates)), np.nan)
    # Where a draw needs more impostors than were kept, the threshold is a little high, FNMR too.
    floor = pairs.highest[-1] if len(pairs.highest) < pairs.impostors else -np.inf
    for place, some in enumerate(kept):
        mine = genuine[some[person]]
        total = pairs.photos[some].sum()
        impostors = (total**2 - (pairs.photos[some] ** 2).sum()) // 2
        reached = pairs.highest[some[pairs.highest_people[:, 0]] & some[pairs.highest_people[:, 1]]]
        if not len(mine):
            continue
        for column, rate in enumerate(rates):
            allowed = _allowed(rate, impostors)
            # The highest impostor score that may not match: a threshold lies above it.
            edge = reached[allowed] if allowed < len(reached) else floor
            found[place, column] = np.searchsorted(mine, edge, side="right") / len(mine)
    return found


def _allowed(rate: float, impostors: int) -> int:
    # The slack of a billionth of a pair keeps 0.29 * 100 pairs at 29.
    return math.floor(rate * impostors + 1e-9)
