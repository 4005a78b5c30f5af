"""Who a face shows, as a number: faces that may show one person are no independent evidence (pipeline.metrics.verdicts)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

NOBODY = -1  # of a face without an identity


def persons(identities: Sequence[str]) -> NDArray[np.int64]:
    """(N,) a number from 0 for each identity, in alphabetical order, and NOBODY for ""."""
    named = np.asarray(identities, dtype=object).astype(str)
    numbers = np.full(len(named), NOBODY, dtype=np.int64)
    numbers[named != ""] = np.unique(named[named != ""], return_inverse=True)[1]
    return numbers


def groups(numbers: NDArray[np.int64], pictures: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Numbers for faces whose people are made up, from 0: those of one made-up person are one group, and so are those of
    two that have a picture in common, for the two are then one person.

    numbers (N,): of ``persons``, none of them NOBODY. pictures (N,): equal where two pictures are (pipeline.data.repeats).
    """
    by_picture = np.unique(pictures, return_inverse=True)[1] + numbers.max(initial=-1) + 1
    nodes = int(by_picture.max(initial=-1)) + 1
    edges = sparse.coo_array((np.ones(len(numbers)), (numbers, by_picture)), shape=(nodes, nodes))
    component = connected_components(edges, directed=False)[1][numbers]
    return np.unique(component, return_inverse=True)[1].astype(np.int64)
