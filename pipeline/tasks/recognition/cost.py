"""What a face network costs, one of the user's own too."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.metrics.efficiency import count_parameters, multiply_adds
from pipeline.models.onnx_network import OnnxNetwork
from pipeline.tasks.recognition.adapting import ProgramNetwork
from pipeline.tasks.recognition.networks import FaceNetwork


def parameters(network: FaceNetwork) -> int:
    """Learned numbers; see count_parameters."""
    if isinstance(network, ProgramNetwork) and isinstance(network.program, OnnxNetwork):
        return network.program.parameters_stored
    return count_parameters(network)


def work(network: FaceNetwork, shape: Sequence[int]) -> float:
    """Multiply-adds of one face (C, S, S), a whole number; NaN for an ONNX model, whose operators are not counted.

    A program that takes only batches of several computes a whole one for a single face: it counts as one share of it.
    """
    if not isinstance(network, ProgramNetwork):
        return multiply_adds(network, shape)
    if isinstance(network.program, OnnxNetwork):
        return math.nan
    return multiply_adds(network, shape) // (network.program.batch or 1)
