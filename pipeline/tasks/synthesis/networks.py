"""The two students, and teachers trained here: built from settings, saved and loaded with their cards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from pipeline import checkpoints
from pipeline.errors import InputError
from pipeline.face_losses import Margin
from pipeline.face_losses import build as build_head
from pipeline.models import translator, vgg
from pipeline.models.head import Head
from pipeline.models.translator import Translator
from pipeline.models.vgg import VGG
from pipeline.params.faces import Channels, ImageSize
from pipeline.params.loading import validate
from pipeline.params.networks import Seed
from pipeline.params.translators import Translator as TranslatorSettings
from pipeline.params.translators import check_size
from pipeline.params.vgg import VGG as VGGSettings
from pipeline.params.vgg import check_teacher_size
from pipeline.randomness import derive

Domain = Literal["photos", "drawings", "both"]
DIRECTIONS = ("photo_to_sketch", "sketch_to_photo")


@dataclass
class Students(checkpoints.Trained):
    """A network per direction, and what they were built from."""

    photo_to_sketch: Translator
    sketch_to_photo: Translator
    card: dict[str, Any]


@dataclass
class Taught(checkpoints.Trained):
    """A teacher, the head that it learned identities by, and what they were built from."""

    network: VGG
    head: Head
    card: dict[str, Any]


def build(
    settings: TranslatorSettings, *, image_size: int, photo_channels: int, sketch_channels: int, seed: int
) -> Students:
    """Both students, initialised from ``seed``. Raises ValueError where pictures of that size do not fit them."""
    check_size(settings, image_size)
    made = []
    for direction, (inputs, outputs) in zip(
        DIRECTIONS, [(photo_channels, sketch_channels), (sketch_channels, photo_channels)], strict=True
    ):
        torch.manual_seed(derive(seed, "initialise", direction))
        made.append(translator.build(settings, inputs, outputs))
    card = {
        "network": settings.model_dump(),
        "image_size": image_size,
        "photo_channels": photo_channels,
        "sketch_channels": sketch_channels,
        "seed": seed,
    }
    return Students(*made, card)


def load(path: Path) -> Students:
    """The students saved at ``path``. Raises InputError when file, card and architecture do not fit."""
    tensors, card = checkpoints.load_checkpoint(path)
    where = checkpoints.card_of(path)
    settings = validate(TranslatorSettings, card.get("network"), "network", where)
    size = validate(ImageSize, card.get("image_size"), "image_size", where)
    channels = [validate(Channels, card.get(key), key, where) for key in ("photo_channels", "sketch_channels")]
    validate(Seed, card.get("seed"), "seed", where)
    try:
        check_size(settings, size)
    except ValueError as error:
        raise InputError(f"{where}: network.{error}") from None
    made = [
        checkpoints.build(partial(translator.build, settings, *sides), tensors, direction, path)
        for direction, sides in zip(DIRECTIONS, (channels, channels[::-1]), strict=True)
    ]
    return Students(*made, card)


def build_teacher(
    settings: VGGSettings, loss: Margin, *, domain: Domain, image_size: int, channels: int, identities: int, seed: int
) -> Taught:
    """Teacher and head, initialised from ``seed``. Raises ValueError where pictures of that size do not fit it."""
    check_teacher_size(settings, image_size)
    torch.manual_seed(derive(seed, "initialise"))
    network = vgg.build(settings, image_size, channels)
    head = build_head(loss, settings.embedding, identities)
    card = {
        "network": settings.model_dump(),
        "loss": loss.model_dump(),
        "domain": domain,
        "image_size": image_size,
        "channels": channels,
        "identities": identities,
        "seed": seed,
    }
    return Taught(network, head, card)


def load_teacher(path: Path) -> Taught:
    """The teacher saved at ``path``. Raises InputError when file, card and architecture do not fit."""
    tensors, card = checkpoints.load_checkpoint(path)
    where = checkpoints.card_of(path)
    settings = validate(VGGSettings, card.get("network"), "network", where)
    validate(Domain, card.get("domain"), "domain", where)
    size = validate(ImageSize, card.get("image_size"), "image_size", where)
    channels = validate(Channels, card.get("channels"), "channels", where)
    identities = validate(Annotated[int, Field(ge=1, le=10_000_000)], card.get("identities"), "identities", where)
    validate(Seed, card.get("seed"), "seed", where)
    loss = validate(Margin, card.get("loss"), "loss", where)
    try:
        check_teacher_size(settings, size)
    except ValueError as error:
        raise InputError(f"{where}: network.{error}") from None
    network = checkpoints.build(partial(vgg.build, settings, size, channels), tensors, "network", path)
    make_head = partial(build_head, loss, settings.embedding, identities)
    return Taught(network, checkpoints.build(make_head, tensors, "head", path), card)
