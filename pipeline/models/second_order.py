"""Covariance pooling and the square root of a matrix without eigenvalues, for attention by second-order statistics.

Is Second-Order Information Helpful for Large-Scale Visual Recognition? (Li et al., ICCV 2017) and its iterative
form (CVPR 2018), as the second-order attention network (Dai et al., CVPR 2019) uses them.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Added to every variance. Features are of the order of 0.1 to 1, this is a noise of a thousandth on them: it changes
# nothing that can be seen, and where a map is constant the root has no infinite slope and the trace is not zero.
NOISE = 1e-6


def covariance(features: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, C): the covariance of the channels over all positions, over H W, not H W - 1."""
    values = features.flatten(2)
    values = values - values.mean(dim=2, keepdim=True)  # first: differences of large means would lose every bit
    return values @ values.transpose(1, 2) / values.shape[2]


def square_root(matrices: Tensor, iterations: int) -> Tensor:
    """Symmetric positive matrices (B, C, C) -> about their square roots (B, C, C), by Newton and Schulz.

    ``A = M / trace M``, ``Y_0 = A``, ``Z_0 = I``, ``T = (3 I - Z Y) / 2``, ``Y <- Y T``, ``Z <- T Z``, and at the end
    ``sqrt(trace M) Y``. All eigenvalues of A are in 0..1, where this converges; few iterations leave the small
    eigenvalues below their roots, which is what the published network works with (five).
    """
    trace = matrices.diagonal(dim1=1, dim2=2).sum(dim=1).view(-1, 1, 1)
    three = 3 * torch.eye(matrices.shape[1], dtype=matrices.dtype, device=matrices.device)
    root = matrices / trace
    inverse = None  # Z_0 = I needs no product
    for step in range(iterations):
        factor = (three - (root if inverse is None else inverse @ root)) / 2
        root = root @ factor
        if step < iterations - 1:
            inverse = factor if inverse is None else factor @ inverse
    return root * trace.sqrt()


def second_order_statistics(features: Tensor, iterations: int = 5) -> Tensor:
    """(B, C, H, W) -> (B, C): column means of the square root of the channels' covariance; at least float32 always.

    bfloat16 has too few bits for it: the iteration multiplies nearly equal matrices by their inverses.
    """
    with torch.autocast(features.device.type, enabled=False):
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        noise = NOISE * torch.eye(features.shape[1], dtype=features.dtype, device=features.device)
        return square_root(covariance(features) + noise, iterations).mean(dim=1)
