"""What a face network costs, a user's network included."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from pipeline.metrics.efficiency import count_parameters, multiply_adds
from pipeline.tasks.recognition.adapting import ProgramNetwork
from pipeline.tasks.recognition.networks import FaceNetwork


def parameters(network: FaceNetwork) -> int:
    """Learned numbers; see count_parameters."""
    return network.program.parameters_stored if isinstance(network, ProgramNetwork) else count_parameters(network)


def work(network: FaceNetwork, shape: Sequence[int]) -> float:
    """Multiply-adds of one face (C, S, S), a whole number; NaN for an ONNX model, whose operators are not counted."""
    return math.nan if isinstance(network, ProgramNetwork) else multiply_adds(network, shape)


def runs_on(network: FaceNetwork, device: torch.device) -> torch.device:
    """Where faces on ``device`` are computed: an ONNX model may have to go to the CPU."""
    return network.program.runs_on if isinstance(network, ProgramNetwork) else device
