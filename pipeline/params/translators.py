"""Architectures that turn a photo into a sketch or back: U-Net, residual encoder-decoder; and who judges them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.params.loading import Settings
from pipeline.params.networks import Fraction

FeatureWidth = Annotated[int, Field(ge=4, le=1024)]
Norm = Literal["instance", "batch"]


class _Levelled(Settings):
    """Level 1 has the picture's own size, level l a side 2^(l-1) times smaller, level ``levels + 1`` is the bottom."""

    levels: Annotated[int, Field(ge=1, le=9)]  # times that the side is halved
    width: FeatureWidth  # channels at level 1, doubled from level to level up to
    widest: FeatureWidth  # this many
    norm: Norm

    @property
    def widths(self) -> list[int]:
        """Channels of the features, of encoder and decoder alike, level by level from the finest."""
        return [min(self.width * 2**level, self.widest) for level in range(self.levels + 1)]

    @model_validator(mode="after")
    def _grows(self) -> _Levelled:
        if self.widest < self.width:
            raise ValueError(f"widest = {self.widest}: expected at least width = {self.width}")
        return self


class UNet(_Levelled):
    """Encoder-decoder with a skip connection at every level (pipeline.models.translator), as pix2pix's, narrower."""

    architecture: Literal["unet"]
    dropout: Fraction = 0.0  # of the decoder's three coarsest levels; pix2pix has 0.5, in testing too


class ResNet(_Levelled):
    """Encoder, residual blocks at the bottom, decoder, no skips; CycleGAN's has levels 2, width 64, 9 blocks."""

    architecture: Literal["resnet"]
    blocks: Annotated[int, Field(ge=1, le=50)]


Translator = Annotated[UNet | ResNet, Field(discriminator="architecture")]


class PatchDiscriminator(Settings):
    """Which patches of a picture are real, given the other of the pair (pipeline.models.patch_discriminator)."""

    layers: Annotated[int, Field(ge=1, le=6)]  # that halve the side: patches of 16, 34, 70 pixels for 1, 2, 3
    width: FeatureWidth  # channels of the first, doubled from layer to layer, at most 8 times; 64 as published
    norm: Norm

    @property
    def smallest(self) -> int:
        """The smallest side of a picture: two layers after those that halve take a pixel each, and one pixel must be left."""
        return 3 * 2**self.layers


def check_size(settings: UNet | ResNet, image_size: int) -> None:
    """Raise ValueError where pictures of ``image_size`` pixels per side cannot be halved so often."""
    unit = 2**settings.levels
    if image_size < 1 or image_size % unit:
        raise ValueError(
            f"levels = {settings.levels}: pictures have {image_size} pixels per side, expected a multiple of {unit}"
        )
    if isinstance(settings, ResNet) and image_size == unit:  # a block's norm at one place would leave nothing
        raise ValueError(
            f"levels = {settings.levels}: pictures of {unit} pixels are a single place at the bottom, expected fewer levels"
        )


def check_discriminator(settings: PatchDiscriminator, image_size: int) -> None:
    """Raise ValueError where pictures of ``image_size`` pixels per side leave no patch to judge."""
    if image_size < settings.smallest:
        raise ValueError(
            f"layers = {settings.layers}: pictures have {image_size} pixels per side,"
            f" expected {settings.smallest} at least"
        )


def check_taps(settings: UNet | ResNet, taps: Sequence[int]) -> None:
    """Raise ValueError where the network has no such levels, counted from 1, the picture's own size."""
    if list(taps) != sorted(set(taps)):
        raise ValueError(f"taps = {list(taps)}: expected growing numbers, each level once")
    if outside := [tap for tap in taps if not 1 <= tap <= settings.levels + 1]:
        raise ValueError(
            f"taps = {list(taps)}: found {outside[0]}, expected 1 to {settings.levels + 1}, the network's levels"
        )
