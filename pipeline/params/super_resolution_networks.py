"""Architectures of super-resolution: RCAN, EDSR, SAN, and where their features may be tapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.params.loading import Settings

Depth = Annotated[int, Field(ge=1, le=200)]
FeatureWidth = Annotated[int, Field(ge=4, le=1024)]
# none: as published, the network makes every pixel; bicubic: it adds what is missing from the bicubic enlargement,
# [ours]: it starts there, which trainings of minutes never catch up with otherwise.
Skip = Literal["none", "bicubic"]


class _Grouped(Settings):
    """What RCAN and SAN have in common: residual groups of blocks with channel attention."""

    groups: Depth
    blocks: Depth  # in each group
    width: FeatureWidth  # channels of all features
    reduction: Annotated[int, Field(ge=1, le=1024)]  # of channel attention, width // reduction hidden units
    skip: Skip

    @model_validator(mode="after")
    def _attention_has_units(self) -> _Grouped:
        if self.reduction > self.width:
            raise ValueError(f"reduction = {self.reduction}: expected at most width = {self.width}")
        return self

    @property
    def places(self) -> int:
        """How many outputs may be tapped: one per group."""
        return self.groups


class RCAN(_Grouped):
    """Residual channel attention network (pipeline.models.rcan); 10 groups of 20 blocks of width 64 as published."""

    architecture: Literal["rcan"]


class SAN(_Grouped):
    """Second-order attention network (pipeline.models.san); 20 groups of 10 blocks of width 64 as published."""

    architecture: Literal["san"]


class EDSR(Settings):
    """Enhanced deep super-resolution network (pipeline.models.edsr); 16 blocks of width 64, or 32 of 256 at 0.1."""

    architecture: Literal["edsr"]
    blocks: Depth
    width: FeatureWidth
    residual_scale: Annotated[float, Field(gt=0, le=1)]  # factor of every block's branch
    skip: Skip

    @property
    def places(self) -> int:
        """How many outputs may be tapped: one per block."""
        return self.blocks


SuperResolutionNetwork = Annotated[RCAN | EDSR | SAN, Field(discriminator="architecture")]


def check_taps(settings: RCAN | EDSR | SAN, taps: Sequence[int]) -> None:
    """Raise ValueError where the network has no such taps: groups (RCAN, SAN) or blocks (EDSR), counted from 1.

    FAKD taps RCAN at 3 and 7 of 10, SAN at 7 and 14 of 20 and at 2 and 4 of 6, EDSR at blocks / 3 and 2 blocks / 3,
    rounded down, each with the end of the body, which needs no tap: look_inside always gives it last.
    """
    unit = "blocks" if isinstance(settings, EDSR) else "groups"
    if list(taps) != sorted(set(taps)):
        raise ValueError(f"taps = {list(taps)}: expected growing numbers, each {unit.removesuffix('s')} once")
    count = settings.places
    if outside := [tap for tap in taps if not 1 <= tap <= count]:
        raise ValueError(f"taps = {list(taps)}: found {outside[0]}, expected 1 to {count}, the network's {unit}")
