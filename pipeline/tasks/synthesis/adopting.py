"""A teacher of photo-sketch synthesis: VGG-19 taken over as published, and the loading of either kind."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from pipeline import checkpoints
from pipeline.models import vgg19
from pipeline.params.loading import validate
from pipeline.params.vgg import VGG19
from pipeline.tasks.synthesis import networks
from pipeline.tasks.synthesis.knowledge import Teacher


def adopt(settings: VGG19, cache: Path, drop_in: Path, model: Path, provenance: dict[str, Any]) -> None:
    """Write torchvision's VGG-19 as a checkpoint of this project, the card with ``provenance`` beside it.

    Raises InputError where its weights can be neither found nor downloaded.
    """
    network = vgg19.load(vgg19.fetch_weights(cache, drop_in), settings.layers)
    tensors = checkpoints.tensors_of({"network": network})
    card = {"network": settings.model_dump(), "domain": "both", "provenance": provenance}
    checkpoints.save_checkpoint(model, tensors, card)


def load_teacher(path: Path) -> Teacher:
    """The teacher's network. Raises InputError when file, card and architecture do not fit."""
    tensors, card = checkpoints.load_checkpoint(path)
    described = card.get("network")
    if not isinstance(described, dict) or described.get("architecture") != "vgg19":
        return networks.load_teacher(path).network
    where = checkpoints.card_of(path)
    layers = validate(VGG19, described, "network", where).layers
    return checkpoints.build(partial(vgg19.VGG19, layers), tensors, "network", path)
