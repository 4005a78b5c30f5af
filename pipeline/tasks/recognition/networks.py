"""A face network with the head it learns by: built from settings, saved and loaded with its card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from pipeline import checkpoints
from pipeline.errors import InputError
from pipeline.face_losses import Loss
from pipeline.face_losses import build as build_head
from pipeline.face_networks import Network
from pipeline.face_networks import build as build_network
from pipeline.models.head import Head
from pipeline.params.faces import Channels, ImageSize
from pipeline.params.loading import Settings, lookup, validate
from pipeline.params.networks import Precision
from pipeline.randomness import derive
from pipeline.tasks.recognition.adapting import AdaptedNetwork, ProgramNetwork, adapt, program_network
from pipeline.tasks.recognition.params.teachers import OwnNetwork, TeacherNetwork

FaceNetwork = nn.Module  # of pipeline.face_networks, or the user's


@dataclass
class FaceClassifier:
    """A network from faces to embeddings, the head that it learns identities by, and what they were built from."""

    network: FaceNetwork
    head: Head
    card: dict[str, Any]


class Adopted(Settings):
    """What a card says of a user's network: its file, and what faces a checkpoint was made for."""

    file: Annotated[str, Field(max_length=200)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    image_size: ImageSize | None = None
    channels: Channels | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Adopted:
        if (self.image_size is None) != (self.channels is None):
            given = f"image_size = {self.image_size}, channels = {self.channels}"
            raise ValueError(f"found {given}, expected both (of a checkpoint) or neither")
        return self


def build(
    settings: Network, loss: Loss, *, image_size: int, channels: int, identities: list[str], seed: int
) -> FaceClassifier:
    """Network and head, initialised from ``seed``."""
    torch.manual_seed(derive(seed, "initialise"))
    network = _channels_last(settings, image_size, channels)
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

    A classifier for all qualities is under None; else there is one per quality, all with the same settings.
    """
    tensors = {}
    for quality, classifier in classifiers.items():
        for part in ("network", "head"):
            stored = _stored(getattr(classifier, part)).items()
            tensors |= {f"{_prefix(quality)}{part}.{key}": value for key, value in stored}
    each = [quality for quality in classifiers if quality is not None]
    card = next(iter(classifiers.values())).card | {"one_a_quality": each, "provenance": provenance}
    checkpoints.save_checkpoint(path, tensors, card)


def _stored(part: nn.Module) -> dict[str, Tensor]:
    """The weights; of a user's program the bytes of its file, which need no pickle either."""
    if isinstance(part, ProgramNetwork):
        return {"program": torch.frombuffer(bytearray(part.content), dtype=torch.uint8)}
    return (part.network if isinstance(part, AdaptedNetwork) else part).state_dict()


def _prefix(quality: int | None) -> str:
    return "" if quality is None else f"x{quality}."


def load(path: Path, quality: int = 1) -> FaceClassifier:
    """The classifier saved at ``path``; the classifier for ``quality`` where each quality has its own.

    Raises InputError when file, card and architecture do not fit, or none is for the quality.
    """
    tensors, card = checkpoints.load_checkpoint(path)
    where = checkpoints.card_of(path)
    each = validate(list[int], card.get("one_a_quality"), "one_a_quality", where)
    if each and quality not in each:
        raise InputError(f"{where}: one_a_quality = {each}: no network for x{quality}")
    prefix = _prefix(quality if each else None)
    settings = validate(TeacherNetwork, card.get("network"), "network", where)
    loss = validate(Loss, card.get("loss"), "loss", where)
    size = validate(ImageSize, card.get("image_size"), "image_size", where)
    channels = validate(Channels, card.get("channels"), "channels", where)
    identities = validate(list[str], card.get("identities"), "identities", where)
    adopted = validate(Adopted | None, card.get("adopted"), "adopted", where)
    if isinstance(settings, OwnNetwork):
        if settings.is_checkpoint:
            raise InputError(f"{where}: network.file = {settings.file!r}: expected an ONNX model's, or another network")
        program = tensors.get("network.program")
        if program is None or program.dtype != torch.uint8 or program.ndim != 1:
            raise InputError(f"{path}: network.program is missing, expected the bytes of {settings.file}")
        network = program_network(settings, program.numpy().tobytes())
    else:
        sides = (adopted.image_size, adopted.channels) if adopted and adopted.image_size else (size, channels)
        make = partial(_channels_last, settings, *sides)
        network = adapt(checkpoints.build(make, tensors, f"{prefix}network", path), sides, (size, channels))
    make_head = partial(build_head, loss, settings.embedding, len(identities))
    return FaceClassifier(network, checkpoints.build(make_head, tensors, f"{prefix}head", path), card)


def _channels_last(settings: Network, image_size: int, channels: int) -> FaceNetwork:
    return build_network(settings, image_size, channels).to(memory_format=torch.channels_last)


def precision_of(card: dict[str, Any], path: Path) -> Precision:
    """What the checkpoint at ``path`` was trained in, or for a user's program float32."""
    key, where = "provenance.training.precision", checkpoints.card_of(path)
    return validate(Precision, lookup(card, key, where), key, where)
