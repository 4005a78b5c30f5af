"""A network that enlarges pictures: built from settings, saved and loaded with its card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from pipeline import checkpoints
from pipeline.models import super_resolution
from pipeline.models.super_resolution import Upscaler
from pipeline.params.faces import Channels
from pipeline.params.loading import validate
from pipeline.params.super_resolution_networks import SuperResolutionNetwork
from pipeline.randomness import derive


@dataclass
class Trained(checkpoints.Trained):
    """A network and what it was built from."""

    network: Upscaler
    card: dict[str, Any]


def build(settings: SuperResolutionNetwork, *, scale: int, channels: int, seed: int) -> Trained:
    """The network, initialised from ``seed``."""
    torch.manual_seed(derive(seed, "initialise"))
    network = super_resolution.build(settings, scale, channels)
    return Trained(network, {"network": settings.model_dump(), "scale": scale, "channels": channels, "seed": seed})


def load(path: Path) -> Trained:
    """The network saved at ``path``. Raises InputError when file, card and architecture do not fit."""
    tensors, card = checkpoints.load_checkpoint(path)
    where = checkpoints.card_of(path)
    settings = validate(SuperResolutionNetwork, card.get("network"), "network", where)
    scale = validate(Literal[2, 3, 4, 8], card.get("scale"), "scale", where)
    channels = validate(Channels, card.get("channels"), "channels", where)
    make = partial(super_resolution.build, settings, scale, channels)
    network = checkpoints.build(make, tensors, "network", path)
    return Trained(network, card)
