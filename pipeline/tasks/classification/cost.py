"""What a step of learning costs, in multiply-adds: so that methods can be compared at equal work."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from pipeline.metrics.efficiency import multiply_adds

ASKED = 1  # forward passes' worth of being asked
LEARNED = 3  # of learning: forward, and backward to the inputs and to the weights of every layer


def forwards_backwards(passes: Sequence[tuple[nn.Module, int]], shape: Sequence[int], batch: int) -> int:
    """Networks with how many forward passes' worth each does in a step -> multiply-adds a step of ``batch`` pictures.

    ``shape`` is a picture's (C, H, W). Losses, regressors and memories of methods do not count.
    """
    return batch * sum(times * multiply_adds(network, shape) for network, times in passes)
