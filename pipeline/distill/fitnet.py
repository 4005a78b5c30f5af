"""FitNets: Hints for Thin Deep Nets (Romero et al., ICLR 2015): the student's middle layer imitates the teacher's.

``L = mean((F_S - F_T)^2)`` at one stage, the hint. The paper regresses the hint of a wider teacher by a learned layer
and trains in two phases; here, as in F-SKD's comparison, both networks are of one kind, which needs no regressor, and
the term is one of the sum from the first step on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipeline.distill import Knowledge
from pipeline.errors import InputError
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.params.networks import Network

NEEDS = ("features",)
SAME_NETWORK = True
FROM_ALL = False


class Settings(Base):
    """``stage`` is the hint's, counted from 1, or the tap's (the body's end is the last); 1.5 is F-SKD's weight."""

    weight: Positive
    stage: Annotated[int, Field(ge=1)] = 2


def check(settings: Settings, student: Network, teacher: Network) -> None:
    """Raise ValueError where the student has no such stage: before any job runs."""
    if settings.stage > student.stages:
        raise ValueError(f"stage = {settings.stage}: expected 1 to {student.stages}, the stages of its network")


def hint_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Features (B, C, H, W) of both -> scalar, mean over all values. Raises InputError where the shapes differ."""
    if student.shape != teacher.shape:
        raise InputError(
            f"distill.fitnet: the student's hint is {tuple(student.shape[1:])}, the teacher's"
            f" {tuple(teacher.shape[1:])} (expected the same: channels, height, width)"
        )
    return (student.float() - teacher.float()).square().mean()


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See hint_distance."""
    return hint_distance(student.features[settings.stage - 1], teacher.features[settings.stage - 1])
