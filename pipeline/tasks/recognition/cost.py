"""What a face network costs, one of the user's own too."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from pipeline.metrics.efficiency import count_parameters, multiply_adds
from pipeline.models.onnx_network import OnnxNetwork
from pipeline.tasks.recognition.adapting import ProgramNetwork
from pipeline.tasks.recognition.networks import FaceNetwork


def parameters(network: FaceNetwork) -> int:
    """Learned numbers; see count_parameters."""
    return network.program.parameters_stored if _is_onnx(network) else count_parameters(network)


def work(network: FaceNetwork, shape: Sequence[int]) -> float:
    """Multiply-adds of one face (C, S, S), a whole number; NaN for an ONNX model, whose operators are not counted.

    A program that takes only batches of several computes a whole one for a single face: it counts as one share of it.
    """
    if _is_onnx(network):
        return math.nan
    batch = network.program.batch if isinstance(network, ProgramNetwork) else None
    return multiply_adds(network, shape) // (batch or 1)


def runs_on(network: FaceNetwork, device: torch.device) -> torch.device:
    """Where faces on ``device`` are computed: an ONNX model may have to go to the CPU."""
    return network.program.runs_on if _is_onnx(network) else device


def _is_onnx(network: FaceNetwork) -> bool:
    return isinstance(network, ProgramNetwork) and isinstance(network.program, OnnxNetwork)
