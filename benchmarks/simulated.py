"""Tables of outcomes whose truth is known: methods, equal or not, seeds that scatter, people who stand in several items.

A score is the sum of four normal parts: one of the item for all methods (half the variance of pairs), one of the item
and the method, one of the item and the training (a quarter each), and a shift of the training. ``share`` of the
variance of each of the first three belongs to the people on the item. Shifts are such that the trainings of a method
scatter by ``deviation``, and that a method is better by its ``gain``, both in the unit of the outcome's mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from pipeline.metrics.auc import placements
from pipeline.metrics.verification import called_rightly

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

RIGHT = 0.8  # of pairs and probes are called rightly
COMMON, METHOD = 0.5, 0.25  # of a score's variance: the item for all methods, the item with the method
FOLD = 600  # pairs per fold at most, as in LFW; at least three folds


@dataclass(frozen=True)
class Setting:
    """What is simulated: one row of the table."""

    kind: str
    items: int
    deviation: float
    """Standard deviation of a method's mean from one training to the next: points, dB, or SSIM."""
    share: float = 0.0
    """Of a score's noise that belongs to people; of pictures, to groups of two or three."""
    together: float = 0.0
    """Of the variance over seeds that all methods have in common: they were trained from the same seeds."""
    unequal: float = 1.0
    """How much more than the others the control scatters."""


def pairs(draw: np.random.Generator, s: Setting, gains: Floats, seeds: int) -> tuple[Floats, Whole]:
    """(methods, seeds, pairs) calls by verify's thresholds on the other folds, and (pairs, 2) people."""
    scores, same, fold, people = _pair_scores(draw, s, gains, seeds)
    return np.array([[called_rightly(one, same, fold) for one in method] for method in scores], dtype=float), people


def areas(draw: np.random.Generator, s: Setting, gains: Floats, seeds: int) -> tuple[Floats, Whole]:
    """(methods, seeds, pairs) placements whose mean is the AUC, and (pairs, 2) people; deviation and gain are in points
    of the accuracy that the same scores have."""
    scores, same, _, people = _pair_scores(draw, s, gains, seeds)
    return np.array([[placements(one, same) for one in method] for method in scores]), people


def _pair_scores(
    draw: np.random.Generator, s: Setting, gains: Floats, seeds: int
) -> tuple[Floats, NDArray[np.bool_], Whole, Whole]:
    """(methods, seeds, pairs) scores, (pairs,) same, (pairs,) folds, (pairs, 2) people.

    Each fold has people of its own, half of its pairs show one person. As in LFW: 0.96 people per pair, 0.28 of them
    with several photos; same pairs draw among these, different pairs among all.
    """
    folds = max(3, s.items // FOLD)
    fold = np.repeat(np.arange(folds), s.items // folds)
    n, size = len(fold), s.items // folds
    everyone, several = int(0.96 * size), int(0.28 * size)
    same = np.tile(np.arange(size) < size // 2, folds)
    first = np.where(same, draw.integers(several, size=n), draw.integers(everyone, size=n))
    other = (first + 1 + draw.integers(everyone - 1, size=n)) % everyone
    people = fold[:, None] * everyone + np.stack([first, np.where(same, first, other)], axis=1)

    distance = 2 * norm.ppf(RIGHT)  # between the means of same and different pairs: a threshold between calls RIGHT
    slope = norm.pdf(distance / 2) / 2  # of the share of right calls with that distance
    shifts = _shifts(draw, s, gains, seeds) / 100 / slope + distance
    return _noise(draw, s, people, len(gains), seeds) + shifts[..., None] * same, same, fold, people


def probes(draw: np.random.Generator, s: Setting, gains: Floats, seeds: int) -> tuple[Floats, Whole]:
    """(methods, seeds, probes) found at rank 1, and (probes,) people: about two probes of each."""
    people = draw.integers(s.items // 2, size=s.items)
    edge = norm.ppf(RIGHT) + _shifts(draw, s, gains, seeds) / 100 / norm.pdf(norm.ppf(RIGHT))
    noise = _noise(draw, s, np.stack([people, people], axis=1), len(gains), seeds)
    ranks = np.where(noise + edge[..., None] >= 0, 1, 2)  # by how much the mate is more similar than the best other
    return (ranks == 1).astype(float), people


def images(draw: np.random.Generator, s: Setting, gains: Floats, seeds: int) -> tuple[Floats, None]:
    """(methods, seeds, images) rightly classified; images share nobody."""
    calls, _ = probes(draw, s, gains, seeds)
    return calls, None


def _pictures(
    level: float, spread: float, method: float, training: float
) -> Callable[[np.random.Generator, Setting, Floats, int], tuple[Floats, Whole | None]]:
    """Scores of pictures: their level and spread, what a method adds on a picture (skewed), what a training adds."""

    def drawn(draw: np.random.Generator, s: Setting, gains: Floats, seeds: int) -> tuple[Floats, Whole | None]:
        shape = (len(gains), 1, s.items)
        group = draw.permutation(s.items) // 2.5 // 1 if s.share else None
        effect = draw.gamma(2.0, 1.0, shape)
        if group is not None:
            group = group.astype(np.int64)
            of_group = draw.gamma(2.0, 1.0, (len(gains), 1, int(group.max()) + 1))[..., group]
            effect = np.sqrt(s.share) * of_group + np.sqrt(1 - s.share) * effect
        picture = level + spread * draw.standard_normal((1, 1, s.items))
        own = training * draw.standard_normal((len(gains), seeds, s.items))
        shifts = _shifts(draw, s, gains, seeds)[..., None]
        return picture + method * effect / np.sqrt(2) + own + shifts, group

    return drawn


KINDS = {
    "pairs": pairs,
    "AUC": areas,
    "probes": probes,
    "images": images,
    "PSNR": _pictures(28.0, 3.0, 0.07, 0.04),  # dB
    "SSIM": _pictures(0.6, 0.08, 0.015, 0.01),
}


def outcomes(draw: np.random.Generator, s: Setting, gains: Floats, seeds: int) -> tuple[Floats, Whole | None]:
    """(methods, seeds, items) outcomes in the unit of the kind (calls as 0 and 1), and who is on each item."""
    return KINDS[s.kind](draw, s, gains, seeds)


def _shifts(draw: np.random.Generator, s: Setting, gains: Floats, seeds: int) -> Floats:
    """(methods, seeds) how much better each training is; the first method, the control, may scatter more."""
    scatter = np.full((len(gains), 1), s.deviation)
    scatter[0] *= s.unequal
    alone = np.sqrt(1 - s.together) * draw.standard_normal((len(gains), seeds))
    return gains[:, None] + scatter * (alone + np.sqrt(s.together) * draw.standard_normal((1, seeds)))


def _noise(draw: np.random.Generator, s: Setting, people: Whole, methods: int, seeds: int) -> Floats:
    """(methods, seeds, items) of variance 1."""
    several = np.where(people[:, 0] == people[:, 1], 1.0, np.sqrt(0.5))

    def part(count: int) -> Floats:
        alone = draw.standard_normal((count, len(people)))
        if not s.share:
            return alone
        each = draw.standard_normal((count, int(people.max()) + 1))
        of_people = np.where(people[:, 0] == people[:, 1], each[:, people[:, 0]], each[:, people].sum(axis=2) * several)
        return np.sqrt(s.share) * of_people + np.sqrt(1 - s.share) * alone

    training = part(methods * seeds).reshape(methods, seeds, -1)
    return (
        np.sqrt(COMMON) * part(1) + np.sqrt(METHOD) * part(methods)[:, None] + np.sqrt(1 - COMMON - METHOD) * training
    )
