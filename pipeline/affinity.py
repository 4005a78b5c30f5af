"""How far two networks' affinities between positions are apart, in memory that does not grow with their number.

An affinity matrix has a value for every pair of positions: 2304 x 2304 for 48 x 48 features, 21 MB a picture, and
plain autograd keeps about six of them a pair of features. Here one strip of rows is made at a time, and with the loss
the gradient of that strip, so that nothing is left to be kept for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Bytes of both strips together. A CPU is fastest with what fits in its cache (48 x 48 features of width 64, batch 4,
# one core: 0.10 s forward and backward with 4 MiB, 0.21 s with 64 MiB, 0.55 s plainly); a GPU wants few large products.
BUFFERS = {"cpu": 4 * 2**20, "cuda": 64 * 2**20}
FEWEST_ROWS = 128  # of a strip, where there are pictures to take fewer of instead: thinner products are slow


def mean_affinity_difference(
    student: Tensor, teacher: Tensor, rows: int | None = None, pictures: int | None = None
) -> Tensor:
    """``mean |F^T F - G^T G|`` over (B, N, N) of F (B, C_S, N) and G (B, C_T, N), of one floating type: a scalar.

    The gradient goes to F alone. ``rows`` of the matrices of ``pictures`` of the batch are held at a time, by default
    as many as BUFFERS allows; the result depends on it only in the order of sums.
    """
    batch, _, count = student.shape
    fitting = BUFFERS[student.device.type] // (2 * count * student.element_size())  # rows of a single picture
    if pictures is None:
        pictures = min(max(fitting // min(rows or FEWEST_ROWS, count), 1), batch)
    if rows is None:
        rows = min(max(fitting // pictures, 1), count)
    return _MeanAffinityDifference.apply(student, teacher.detach(), rows, pictures)


class _MeanAffinityDifference(torch.autograd.Function):
    """With D = F^T F - G^T G and n = B N^2, dL/dF = F (S + S^T) / n = 2 F S / n, where S = sign D is symmetric."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor, rows: int, pictures: int) -> Tensor:
        """Only the columns from a strip's first row on are made: the others are its mirror image."""
        batch, _, count = student.shape
        learns = ctx.needs_input_grad[0]
        # Double for the few sums: strips of any height then give the same float32.
        total = torch.zeros((), dtype=torch.float64, device=student.device)
        gradient = torch.zeros_like(student) if learns else None
        with torch.autocast(student.device.type, enabled=False):
            for first in range(0, batch, pictures):
                f, g = student[first : first + pictures], teacher[first : first + pictures]
                for start in range(0, count, rows):
                    places, height = slice(start, start + rows), min(rows, count - start)
                    strip = f[:, :, places].transpose(1, 2) @ f[:, :, start:]  # (pictures, height, N - start)
                    # Two products, not one of both networks side by side: equal features then differ by exactly zero.
                    other = g[:, :, places].transpose(1, 2) @ g[:, :, start:]
                    strip -= other
                    torch.abs(strip, out=other)
                    total += other[:, :, :height].sum() + 2 * other[:, :, height:].sum()
                    if learns:
                        strip.sign_()
                        slope = gradient[first : first + pictures]
                        slope[:, :, places] += f[:, :, start:] @ strip.transpose(1, 2)
                        slope[:, :, start + height :] += f[:, :, places] @ strip[:, :, height:]
        values = batch * count**2
        if learns:
            ctx.save_for_backward(gradient.mul_(2 / values))
        return (total / values).to(student.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None, None]:
        """The gradient was made with the loss; ``outer`` is the loss's own."""
        (gradient,) = ctx.saved_tensors
        return outer * gradient, None, None, None
