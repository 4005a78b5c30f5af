"""What two students of photo-sketch synthesis learn from: a variant is data, whatever its paper calls it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.params.loading import Settings
from pipeline.params.networks import Positive
from pipeline.params.translators import ResNet, UNet, check_taps
from pipeline.params.vgg import VGG, VGG19, check_teacher_taps

Weight = Annotated[float, Field(ge=0, le=1e30)]


class SynthesisVariant(Settings):
    """Weights of the losses of photo-to-sketch and sketch-to-photo, which learn in the same step.

    KT: a teacher of photos and a teacher of sketches; KD: a single teacher of both; KD+: KD and
    discriminators; pix2pix: reconstruction and discriminators. Pictures are in 0..1.
    """

    description: Annotated[str, Field(max_length=120)] = ""  # a few words for the report
    reconstruction: Weight  # of mean |made - true|
    transfer: Positive | None = None  # of the distance to the teachers' features; null: no teacher
    teachers: Literal["two", "one"] | None = None
    mutual: Weight = 0.0  # of the distance of what a student decodes to what the other encodes; 0: none
    adversarial: Weight = 0.0  # of LSGAN; 0: no discriminators
    taps: list[Annotated[int, Field(ge=1)]] = []  # levels whose features are compared; 1 is the picture's own size

    @model_validator(mode="after")
    def _consistent(self) -> SynthesisVariant:
        if (self.transfer is None) != (self.teachers is None):
            given, missing = ("teachers", "transfer") if self.transfer is None else ("transfer", "teachers")
            raise ValueError(f"{given} is given and {missing} is not, expected both or neither")
        compares = self.transfer is not None or self.mutual > 0
        if compares != bool(self.taps):
            why = "transfer or mutual compares features" if compares else "neither transfer nor mutual is there"
            raise ValueError(f"taps = {self.taps}: expected {'some' if compares else 'none'}, since {why}")
        if not self.reconstruction and not self.adversarial:
            raise ValueError("reconstruction and adversarial are 0, expected one above: what else shapes the pictures")
        return self


class Augmentation(Settings):
    """How a pair of pictures is varied, both in the same way."""

    mirror: bool  # left to right, with probability one half
    shift: Annotated[int, Field(ge=0, le=64)]  # pixels, at most, in each direction; the border is repeated


def check_variant(variant: SynthesisVariant, network: UNet | ResNet, teachers: list[VGG | VGG19]) -> None:
    """Raise ValueError where a variant's taps are no levels of the students, or no stages of its teachers."""
    check_taps(network, variant.taps)
    for teacher in teachers if variant.transfer is not None else ():
        check_teacher_taps(teacher, variant.taps)
