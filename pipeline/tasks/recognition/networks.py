"""A face network with the head it learns by: built from settings, saved and loaded with its card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline import checkpoints
from pipeline.errors import InputError
from pipeline.models.center import CenterHead
from pipeline.models.margin import MarginHead
from pipeline.models.mobilefacenet import MobileFaceNet
from pipeline.models.resnext import ResNeXtCBAM
from pipeline.models.triplet import TripletHead
from pipeline.params.faces import Channels, ImageSize
from pipeline.params.loading import validate
from pipeline.params.losses import Center, Loss, Margin, Triplet
from pipeline.params.networks import Network
from pipeline.randomness import derive


# A network gives embeddings, or with look_inside all that methods compare (pipeline.models.resnext.Inside).
FaceNetwork = ResNeXtCBAM | MobileFaceNet
NETWORKS: dict[str, type] = {"resnext_cbam": ResNeXtCBAM, "mobilefacenet": MobileFaceNet}
Head = MarginHead | CenterHead | TripletHead
HEADS: dict[type, type] = {Margin: MarginHead, Center: CenterHead, Triplet: TripletHead}


@dataclass
class FaceClassifier:
    """A network from faces to embeddings, the head that it learns identities by, and what they were built from."""

    network: FaceNetwork
    head: Head
    card: dict[str, Any]


def build_network(settings: Network, image_size: int, channels: int) -> FaceNetwork:
    """The network with random weights; faces are (B, channels, image_size, image_size)."""
    options = settings.model_dump(exclude={"architecture"})
    return NETWORKS[settings.architecture](image_size=image_size, channels=channels, **options)


def build_head(settings: Loss, embedding: int, identities: int) -> Head:
    """The head with random weights: ``losses(embedding (B, D), labels (B,))`` by name."""
    margin = isinstance(settings, Margin)
    return HEADS[type(settings)](embedding, identities, **settings.model_dump(exclude=set() if margin else {"kind"}))


def build(
    settings: Network, loss: Loss, *, image_size: int, channels: int, identities: list[str], seed: int
) -> FaceClassifier:
    """Network and head, initialised from ``seed``."""
    torch.manual_seed(derive(seed, "initialise"))
    network = build_network(settings, image_size, channels).to(memory_format=torch.channels_last)
    head = build_head(loss, settings.embedding, len(identities))
    card = {
        "network": settings.model_dump(),
        "loss": loss.model_dump(),
        "image_size": image_size,
        "channels": channels,
        "identities": identities,
        "seed": seed,
    }
    return FaceClassifier(network, head, card)


def save(classifiers: dict[int | None, FaceClassifier], path: Path, provenance: dict[str, Any]) -> None:
    """Weights to ``path`` (.safetensors), card with ``provenance`` beside it.

    One for all qualities is under None, else there is one a quality, of the same settings.
    """
    tensors = {}
    for quality, classifier in classifiers.items():
        for part in ("network", "head"):
            own = getattr(classifier, part).state_dict().items()
            tensors |= {f"{_prefix(quality)}{part}.{key}": value for key, value in own}
    each = [quality for quality in classifiers if quality is not None]
    card = next(iter(classifiers.values())).card | {"one_a_quality": each, "provenance": provenance}
    checkpoints.save_checkpoint(path, tensors, card)


def _prefix(quality: int | None) -> str:
    return "" if quality is None else f"x{quality}."


def load(path: Path, quality: int = 1) -> FaceClassifier:
    """The classifier saved at ``path``, that for ``quality`` where there is one a quality.

    Raises InputError when file, card and architecture do not fit, or none is for the quality.
    """
    tensors, card = checkpoints.load_checkpoint(path)
    where = checkpoints.card_of(path)
    each = validate(list[int], card.get("one_a_quality"), "one_a_quality", where)
    if each and quality not in each:
        raise InputError(f"{where}: one_a_quality = {each}: no network for x{quality}")
    prefix = _prefix(quality if each else None)
    settings = validate(Network, card.get("network"), "network", where)
    loss = validate(Loss, card.get("loss"), "loss", where)
    size = validate(ImageSize, card.get("image_size"), "image_size", where)
    channels = validate(Channels, card.get("channels"), "channels", where)
    identities = validate(list[str], card.get("identities"), "identities", where)
    network = build_network(settings, size, channels)
    head = build_head(loss, settings.embedding, len(identities))
    checkpoints.load_into(network, tensors, f"{prefix}network", path)
    checkpoints.load_into(head, tensors, f"{prefix}head", path)
    return FaceClassifier(network.to(memory_format=torch.channels_last), head, card)
