"""Which network of super-resolution an architecture names, and how to build it from its settings."""

from __future__ import annotations

import torch

from pipeline.models.edsr import EDSR
from pipeline.models.rcan import RCAN
from pipeline.models.san import SAN
from pipeline.models.upscaling import Inside, Upscaler
from pipeline.params.super_resolution_networks import SuperResolutionNetwork

NETWORKS: dict[str, type[Upscaler]] = {"rcan": RCAN, "edsr": EDSR, "san": SAN}


def build(settings: SuperResolutionNetwork, scale: int, channels: int) -> Upscaler:
    """The network with random weights, channels last; scale 2, 3, 4 or 8, channels 1 or 3, else ValueError."""
    options = settings.model_dump(exclude={"architecture"})
    return NETWORKS[settings.architecture](scale, channels, **options).to(memory_format=torch.channels_last)


__all__ = ["Inside", "Upscaler", "build"]
