"""Teachers of photo-sketch synthesis: a network trained here to know faces, or VGG-19 as published."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.params.loading import Settings
from pipeline.params.networks import Fraction, Width

VGG19_WIDTHS = (64, 128, 256, 512, 512)  # channels, stage by stage
VGG19_DEPTHS = (2, 2, 4, 4, 4)  # convolutions


class VGG(Settings):
    """Stages of 3x3 convolutions with batch norm, the side halved between them (pipeline.models.vgg)."""

    architecture: Literal["vgg"]
    widths: Annotated[list[Width], Field(min_length=1, max_length=6)]  # channels per stage
    depths: Annotated[list[Annotated[int, Field(ge=1, le=16)]], Field(min_length=1, max_length=6)]  # convolutions
    embedding: Annotated[int, Field(ge=2, le=8192)]
    dropout: Fraction = 0.0  # before the embedding

    @model_validator(mode="after")
    def _same_stages(self) -> VGG:
        if len(self.widths) != len(self.depths):
            counts = f"{len(self.widths)} widths and {len(self.depths)} depths"
            raise ValueError(f"found {counts}, expected one of each per stage")
        return self

    @property
    def features(self) -> list[int]:
        """Channels of the features that look_inside gives, stage by stage."""
        return self.widths


class VGG19(Settings):
    """torchvision's VGG-19 with its ImageNet weights (pipeline.models.vgg19): what it gives after one ReLU per stage.

    By default the last of each, and the first of stage five, whose rest costs much and has seen nothing like faces.
    """

    architecture: Literal["vgg19"]
    layers: Annotated[list[str], Field(min_length=1, max_length=5)] = [
        "relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_1",
    ]  # fmt: skip

    @field_validator("layers")
    @classmethod
    def _one_a_stage(cls, layers: list[str]) -> list[str]:
        for stage, (name, depth) in enumerate(zip(layers, VGG19_DEPTHS, strict=False), start=1):
            if not re.fullmatch(rf"relu{stage}_[1-{depth}]", name):
                raise ValueError(f"{name!r} in place {stage}, expected one of relu{stage}_1 to relu{stage}_{depth}")
        return layers

    @property
    def features(self) -> list[int]:
        """Channels of the features that look_inside gives, stage by stage."""
        return list(VGG19_WIDTHS[: len(self.layers)])


SynthesisTeacher = Annotated[VGG | VGG19, Field(discriminator="architecture")]


def check_teacher_size(settings: VGG | VGG19, image_size: int) -> None:
    """Raise ValueError where pictures of ``image_size`` pixels per side vanish before the last stage."""
    stages = len(settings.features)
    if image_size < 2 ** (stages - 1):
        key = "layers" if isinstance(settings, VGG19) else "widths"
        raise ValueError(
            f"{key}: {stages} stages, for which pictures of {image_size} pixels per side are too small, expected"
            f" {2 ** (stages - 1)} or more"
        )


def check_teacher_taps(settings: VGG | VGG19, taps: Sequence[int]) -> None:
    """Raise ValueError where the teacher has no stage for a tap: a student's level l learns from stage l."""
    stages = len(settings.features)
    if taps and max(taps) > stages:
        raise ValueError(f"taps = {list(taps)}: found {max(taps)}, expected at most {stages}, the teacher's stages")
