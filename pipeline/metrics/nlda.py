"""Are people recognised by their synthesised pictures? The field's protocol, null-space linear discriminant analysis.

As the code that comes with papers on CUFS and CUFSF runs it (Wang et al., "Random Sampling for Fast Face Sketch
Synthesis", Pattern Recognition 2018): of the people of a test set some, drawn at random, train the analysis on two
pictures each, real and synthesised; the real pictures of the others are looked up among their synthesised pictures;
20 draws. The analysis (Chen et al., Pattern Recognition 2000): PCA that keeps all there is, the null space of the
within-class scatter, where a person's two pictures fall on one point, and in it the directions that spread people
most.

The function of the original that does the last step is not public: the nearest neighbour is Euclidean here [ours].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError
from pipeline.metrics.likeness import grey_levels

Floats = NDArray[np.float64]

SHARE = 150 / 338  # of CUFS's test people that train; of CUFSF's it is 300 of 944
# An axis shorter than this part of the pictures' own length is rounding noise, not a direction.
NO_DIRECTION = 1e-10
# Squared distances that differ by less than this part of the largest are equal.
TIE = 1e-9


@dataclass(frozen=True)
class Recognition:
    """The outcome over all splits. Rates are fractions in [0, 1]; chance is 1 / tested."""

    table: pd.DataFrame
    """split (from 0), dimension (from 1), rank1: the share of probes whose nearest picture by the first ``dimension``
    directions is the right one. A split without any direction has one row, dimension 0, rank1 0."""
    people: Floats
    """(N,) for each person, the share right, in all dimensions, of the splits that test them; NaN if none does. The
    unit of intervals and tests (pipeline.metrics.verdicts): variants share the splits of a seed."""
    train: int
    tested: int
    """People that train the analysis, and that are looked up, a split."""

    @property
    def rank1_best_dimension(self) -> float:
        """What papers report: each split's best rank-1 over dimensions, averaged over splits.

        The dimension is chosen on the people tested, so it flatters, more so where few are tested.
        """
        return float(self.table.groupby("split")["rank1"].max().mean())

    @property
    def rank1_all_dimensions(self) -> float:
        """Rank-1 in all dimensions there are, train - 1 as a rule, averaged over splits: nothing is chosen."""
        return float(self.table.groupby("split")["rank1"].last().mean())


def recognise(
    real: ArrayLike, synthesised: ArrayLike, *, train: int | None = None, splits: int = 20, seed: int = 0
) -> Recognition:
    """Look up real pictures (probes) among synthesised pictures (the gallery), by null-space LDA.

    Sketches for photo to sketch, photos for sketch to photo. A tie counts against the probe, so pictures that are all
    the same recognise nobody. Takes double precision of all pictures in memory.

    Args:
        real, synthesised: (N, C, H, W), row i of both shows person i; grey levels as likeness.ssim takes them, more
            pixels than ``train``.
        train: people that train a split, at least 2 and at most N - 2; None: the share of CUFS, 150 of 338.
        splits: draws, at least 1. seed: equal seeds and N give equal splits, whatever the pictures.
    """
    if np.shape(real) != np.shape(synthesised):
        raise InputError(f"real and synthesised: {np.shape(real)} and {np.shape(synthesised)}, expected the same shape")
    first, second = grey_levels("real", real), grey_levels("synthesised", synthesised)
    people = len(first)
    train = round(SHARE * people) if train is None else train
    if not 2 <= train <= people - 2:
        raise InputError(f"train: {train} of {people} people, expected at least 2 that train and 2 that are tested")
    pixels = first[0].size
    if pixels <= train:
        raise InputError(f"real: {pixels} pixels per picture, expected more than the {train} people that train")
    if splits < 1:
        raise InputError(f"splits: {splits}, expected at least 1")

    # All pictures lie in a space of 2 N dimensions: the triangular factor holds their coordinates in an orthonormal
    # basis of it. Distances and scatters stay as they are, so nothing is learned from the people tested.
    pictures = np.concatenate([first.reshape(people, -1), second.reshape(people, -1)])
    coordinates = np.linalg.qr(pictures.T, mode="r").T
    first, second = coordinates[:people], coordinates[people:]

    rows = []
    right, tests = np.zeros(people), np.zeros(people)
    generator = np.random.default_rng(seed)
    for split in range(splits):
        order = generator.permutation(people)
        trained, tested = order[:train], order[train:]
        directions = discriminants(first[trained], second[trained])
        correct = np.zeros(len(tested), dtype=bool)
        if not directions.shape[1]:
            rows.append((split, 0, 0.0))
        for number, correct in enumerate(_found(first[tested] @ directions, second[tested] @ directions), 1):
            rows.append((split, number, correct.mean()))
        right[tested] += correct  # in all dimensions, the last of the loop
        tests[tested] += 1
    share = np.divide(right, tests, out=np.full(people, np.nan), where=tests > 0)
    table = pd.DataFrame(rows, columns=["split", "dimension", "rank1"])
    return Recognition(table, share, train, people - train)


def discriminants(first: Floats, second: Floats) -> Floats:
    """(D, K) orthonormal directions, the direction that spreads people most first, of two pictures (n, D) of n people
    each.

    K is n - 1, or fewer where pictures leave no more: none where all are the same. The within-class scatter of the
    projected pictures is 0.
    """
    from sklearn.decomposition import PCA

    pictures = np.concatenate([first, second])
    if not np.ptp(pictures, axis=0).any():
        return np.zeros((first.shape[1], 0))
    pca = PCA(svd_solver="full").fit(pictures)
    least = NO_DIRECTION * np.linalg.norm(pictures)
    axes = pca.components_[pca.singular_values_ > least].T  # (D, r)

    # Two pictures scatter about their mean by half their difference each: S_w = sum of d d^T / 2.
    _, sizes, turned = np.linalg.svd((first - second) @ axes)
    axes = axes @ turned[np.count_nonzero(sizes > least) :].T  # (D, dimension of the null space)
    if not axes.shape[1]:
        return axes
    points = first @ axes  # as second @ axes: here a person is a point
    _, sizes, turned = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return axes @ turned[sizes > least].T


def _found(probes: Floats, gallery: Floats) -> Iterator[NDArray[np.bool_]]:
    """(T,) for 1, 2, ... K dimensions: whether row i of ``gallery`` (T, K) alone is nearest to row i of ``probes``."""
    squared = np.zeros((len(probes), len(gallery)))
    for probe, picture in zip(probes.T, gallery.T, strict=True):
        squared += np.subtract.outer(probe, picture) ** 2
        mates = squared.diagonal().copy()
        largest = squared.max()
        np.fill_diagonal(squared, np.inf)
        yield mates + TIE * largest < squared.min(axis=1)
        np.fill_diagonal(squared, mates)
