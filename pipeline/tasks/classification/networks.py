"""A classifier: built from settings, saved and loaded with its card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn

from pipeline import checkpoints
from pipeline.models import classifier
from pipeline.models.branched import Branched
from pipeline.params.classes import Pictures
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.faces import Channels
from pipeline.params.loading import validate
from pipeline.randomness import derive

STUDENT, TEACHER, ENSEMBLE = "student_1", "teacher", "ensemble"  # names of networks that learn; then student_2 and on
NETWORKS = "networks.json"  # in the folder of what else a training left: the names of the networks in it
Side = Annotated[int, Field(ge=1, le=512)]  # pixels; a card may be of smaller pictures than params.yaml allows


@dataclass
class Trained(checkpoints.Trained):
    """A network, from pictures shown as ``pictures_of`` says to logits, and what it was built from."""

    network: nn.Module
    card: dict[str, Any]


def build(
    settings: ClassifierNetwork,
    *,
    image_size: int,
    channels: int,
    classes: int,
    pictures: Pictures,
    seed: int,
    branches: int = 1,
) -> Trained:
    """The network, initialised from ``seed``; with several branches, pipeline.models.branched of it."""
    torch.manual_seed(derive(seed, "initialise"))
    card = {
        "network": settings.model_dump(),
        "image_size": image_size,
        "channels": channels,
        "classes": classes,
        "pictures": pictures.model_dump(),
        "branches": branches,
        "seed": seed,
    }
    return Trained(_make(settings, image_size, channels, classes, branches), card)


def first_branch(trained: Trained) -> Trained:
    """The network that is kept of a network with branches."""
    return Trained(trained.network.first, trained.card | {"branches": 1})


def load(path: Path) -> Trained:
    """The network saved at ``path``. Raises InputError when file, card and architecture do not fit."""
    tensors, card = checkpoints.load_checkpoint(path)
    where = checkpoints.card_of(path)
    settings = validate(ClassifierNetwork, card.get("network"), "network", where)
    image_size = validate(Side, card.get("image_size"), "image_size", where)
    channels = validate(Channels, card.get("channels"), "channels", where)
    classes = validate(Annotated[int, Field(ge=2, le=10_000_000)], card.get("classes"), "classes", where)
    branches = validate(Annotated[int, Field(ge=1, le=16)], card.get("branches"), "branches", where)
    validate(Pictures, card.get("pictures"), "pictures", where)
    make = partial(_make, settings, image_size, channels, classes, branches)
    network = checkpoints.build(make, tensors, "network", path)
    return Trained(network, card)


def pictures_of(trained: Trained) -> Pictures:
    """How pictures are shown to it (pipeline.data.class_batches.normalise)."""
    return Pictures(**trained.card["pictures"])


def _make(settings: ClassifierNetwork, image_size: int, channels: int, classes: int, branches: int) -> nn.Module:
    networks = [classifier.build(settings, image_size, channels, classes) for _ in range(branches)]
    if branches == 1:
        return networks[0]
    with torch.no_grad():
        probe = networks[0].eval().look_inside(torch.zeros(1, channels, image_size, image_size)).features[-2]
    return Branched([network.train() for network in networks], probe)
