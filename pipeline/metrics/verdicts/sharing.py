"""Items that show the same people are not independent: the dyadic variance of a mean (Fafchamps and Gubert, 2007).

An item is a pair of pictures (two people, or twice the same one), a probe (one), a test picture or an image (nobody, or
the group that it belongs to). Two items are neighbours when they share at least one person; each is its own
neighbour. With W (n, n) holding 1 for neighbours and 0 elsewhere, and deviations e_i = y_i - mean(y),

    V = c / n^2 * max(e'We, e'e)            c = n / tr(MW), M = I - 11'/n

is the variance of mean(y): Fafchamps and Gubert (Journal of Development Economics 83, 2007); Aronow, Samii and Assenova
(Political Analysis 23, 2015). Two changes. ``c`` makes V unbiased where items are independent after all: n / (n - 1)
where nobody is shared, G / (G - 1) for G equally large groups, the correction of cluster-robust variances. And V is
not below that of independent items: a negative sum over neighbours counts as 0, as Fogliato, Patil and Perona do
(IJCV 2024, arXiv 2306.01198).

V has the degrees of freedom of Bell and McCaffrey (Survey Methodology 28, 2002) for independent items,

    df = tr(MW)^2 / tr(MWMW)                n - 1 where nobody is shared, G - 1 for G equally large groups.

W is never built. Sums over neighbours are sums over people, less what items with the same two people counted twice:
e'We = sum_p (sum of e over items with p)^2 - sum_{p, q} (sum of e over items with p and q)^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from pipeline.errors import InputError

Floats = NDArray[np.float64]


class NoVariance(InputError):
    """Items that hold no information on their own variance: fewer than two, or each shares somebody with every other."""


@dataclass(frozen=True)
class Sharing:
    """Which of n items share people. Made by ``sharing``."""

    n: int
    """Items."""
    people: sparse.csr_array | None
    """(people, n) 1 where an item shows a person; None where nobody is shared."""
    twosomes: sparse.csr_array | None
    """(pairs of different people, n) 1 where an item shows both; None where no item shows two people."""
    correction: float
    """c above, >= 1."""
    df: float
    """Degrees of freedom of the variance, > 0."""

    def variance(self, values: ArrayLike, centre: ArrayLike | None = None) -> Floats:
        """(m,) variance of the mean over items of each column of ``values`` (n, m), in its unit squared.

        ``centre`` (m,): the columns' means where they are known to be other than the mean of ``values``.
        """
        values = np.asarray(values, dtype=np.float64)
        deviations = values - (values.mean(axis=0) if centre is None else centre)
        sums = np.maximum(self.neighbours(deviations), (deviations**2).sum(axis=0))
        return self.correction * sums / self.n**2

    def neighbours(self, values: Floats) -> Floats:
        """(m,) the sum of v_i v_j over all ordered pairs of neighbours, i = j among them, of each column v of (n,
        m)."""
        if self.people is None:
            return (values**2).sum(axis=0)
        sums = ((self.people @ values) ** 2).sum(axis=0)
        return sums if self.twosomes is None else sums - ((self.twosomes @ values) ** 2).sum(axis=0)


def sharing(items: int, people: ArrayLike | None = None) -> Sharing:
    """Who shares whom among ``items`` items.

    Args:
        items: n, at least 2.
        people: (n,) or (n, 1), one person or group for each item; (n, 2) for pairs, the same number twice where both
            pictures show one person. Integers of any size; order and labels do not matter. None: nobody is shared.

    Raises InputError on another shape or type, NoVariance on fewer than two items, or where every item shares somebody
    with every other.
    """
    if items < 2:
        raise NoVariance(f"items: {items}, expected at least two: one has no variance")
    if people is None:
        return Sharing(items, None, None, items / (items - 1), items - 1.0)
    people = np.asarray(people)
    people = people[:, None] if people.ndim == 1 else people
    if people.ndim != 2 or len(people) != items or people.shape[1] not in (1, 2):
        raise InputError(f"people: shape {people.shape}, expected ({items},) or ({items}, 2): one or two for each item")
    if not np.issubdtype(people.dtype, np.integer):
        raise InputError(f"people: type {people.dtype}, expected integers")

    labels, places = np.unique(people, return_inverse=True)
    places = np.sort(places.reshape(people.shape), axis=1)
    item = np.arange(items)
    by_person, by_twosome = _incidence(places[:, 0], item, items, len(labels)), None
    two = np.flatnonzero(places[:, 0] != places[:, -1])
    if len(two):
        by_person = by_person + _incidence(places[two, 1], two, items, len(labels))
        code = places[two, 0].astype(np.int64) * len(labels) + places[two, 1]
        codes, twosome = np.unique(code, return_inverse=True)
        by_twosome = _incidence(twosome, two, items, len(codes))

    count = by_person.T @ by_person.sum(axis=1)  # of neighbours of each item: W 1
    if by_twosome is not None:
        count = count - by_twosome.T @ by_twosome.sum(axis=1)
    # W holds 0 and 1 and is symmetric: tr(W) = n, tr(WW) = 1'W1, 1'WW1 = |W1|^2.
    total = count.sum()
    trace = items - total / items
    square = total - 2 * (count @ count) / items + (total / items) ** 2
    if trace <= 1e-9 * items:
        raise NoVariance(f"people: each of the {items} items shares a person with every other, expected several groups")
    return Sharing(items, by_person, by_twosome, float(items / trace), float(trace**2 / square))


def _incidence(rows: NDArray[np.int64], columns: NDArray[np.int64], items: int, people: int) -> sparse.csr_array:
    """(people, items) ones at (row, column)."""
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(people, items))
