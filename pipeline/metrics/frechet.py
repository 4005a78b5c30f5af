"""The Frechet distance of two sets of pictures in the feature space of a network (Heusel et al., NeurIPS 2017).

``d^2 = |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))``: the squared 2-Wasserstein distance of two Gaussians with
the sets' means and covariances (Dowson, Landau, Journal of Multivariate Analysis 1982). It is called FID where the
features are those of a particular Inception network; of any other network it is not comparable with published FIDs,
so the features' name stands in the name of the figure.

With few pictures it comes out too large, the more so the fewer there are (Chong, Forsyth, CVPR 2020): two halves of
one set are not at distance 0. Resampling repeats pictures and makes it worse. Only figures with the same features and
the same numbers of pictures can be compared, so the numbers belong beside it in a table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Frechet:
    """A distance and what it depends on."""

    squared: float
    """d^2 >= 0, in squared units of the features; the square is what is reported as FID."""
    features: str
    """Whose features: ``recognition_teacher``, ``inception``."""
    n: int
    m: int
    """Pictures in the first and in the second set."""
    dimensions: int

    @property
    def name(self) -> str:
        """The figure's name in tables and files: ``frechet_recognition_teacher``."""
        return f"frechet_{self.features}"


def frechet(first: ArrayLike, second: ArrayLike, *, features: str) -> Frechet:
    """The Frechet distance of two sets of feature vectors; symmetric.

    Covariances have N - 1 below the line. No root of a matrix is taken, which loses half the digits where covariances
    are singular, as with fewer pictures than dimensions: with S_1 = A^T A and S_2 = B^T B the trace of the root of
    S_1 S_2 is the sum of the singular values of A B^T. Takes O(N M min(N, M, D)) time, or O(D^3) with many pictures.

    Args:
        first, second: (N, D) and (M, D) finite floats, at least two of each, computed on in double precision.
        features: the network they are of, in lower case, digits and underscores.

    Raises InputError on other shapes, NaN or infinity.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", features):
        raise InputError(f"features: {features!r}, expected a name in lower case, digits and underscores")
    first, second = _checked("first", first), _checked("second", second)
    if first.shape[1] != second.shape[1]:
        raise InputError(f"first and second: {first.shape[1]} and {second.shape[1]} dimensions, expected the same")
    apart = first.mean(axis=0) - second.mean(axis=0)
    a, b = _factor(first), _factor(second)
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    squared = float(apart @ apart + (a**2).sum() + (b**2).sum() - 2 * shared)
    # Of equal sets rounding may leave a little less than nothing.
    return Frechet(max(squared, 0.0), features, len(first), len(second), first.shape[1])


def _factor(x: Floats) -> Floats:
    """A of at most D rows with A^T A the covariance of ``x`` (N, D)."""
    centred = (x - x.mean(axis=0)) / np.sqrt(len(x) - 1)
    return np.linalg.qr(centred, mode="r") if len(x) > x.shape[1] else centred


def _checked(name: str, x: ArrayLike) -> Floats:
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[0] < 2 or x.shape[1] < 1:
        raise InputError(f"{name}: shape {x.shape}, expected (pictures, dimensions) with at least two pictures")
    if not np.issubdtype(x.dtype, np.floating):
        raise InputError(f"{name}: type {x.dtype}, expected floats")
    unusable = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if unusable.size:
        raise InputError(
            f"{name}: {unusable.size} of {len(x)} pictures have NaN or infinite features (first: row {unusable[0]}),"
            " expected finite numbers"
        )
    return x.astype(np.float64)
