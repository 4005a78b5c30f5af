"""FitNets: Hints for Thin Deep Nets (Romero et al., ICLR 2015): the student's middle layer imitates the teacher's.

``L = mean((r(F_S) - F_T)^2)`` at one stage, the hint, with a learned regressor r: RepDistiller's convolution, batch
norm and ReLU, which it has between equal shapes too. A task that builds no parts compares networks of equal
settings without it [ours]. The paper trains in two phases; here, as in the code of RepDistiller and F-SKD, the term
is part of the sum from the first step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipeline.distill import Knowledge
from pipeline.errors import InputError
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pipeline.face_networks import Network

NEEDS = ("features",)
SAME_NETWORK = True
FROM_ALL = False


class Settings(Base):
    """``stage`` is the stage compared, the hint, counted from 1, or the tap (the end of the body is the last).

    The weight is 1.5 in F-SKD's code, where it weighs the mean over all stages, and 100 in RepDistiller's.
    """

    weight: Positive
    stage: Annotated[int, Field(ge=1)] = 2


def check(settings: Settings, student: Network, teacher: Network) -> None:
    """Raise ValueError where the student has no such stage: before any job runs."""
    stages = min(student.stages, teacher.stages)
    if settings.stage > stages:
        raise ValueError(f"stage = {settings.stage}: expected 1 to {stages}, the stages of its network")


def hint_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Features (B, C, H, W) of both -> scalar, mean over all values. Raises InputError where the shapes differ."""
    if student.shape != teacher.shape:
        raise InputError(
            f"distill.fitnet: the student's hint is {tuple(student.shape[1:])}, the teacher's"
            f" {tuple(teacher.shape[1:])} (expected the same: channels, height, width)"
        )
    return (student.float() - teacher.float()).square().mean()


def build(settings: Settings, student: Knowledge, teacher: Knowledge, labels: Tensor) -> nn.Module:
    """The regressor from the student's map to the teacher's, of half, equal, greater or twice the height and width.

    Raises InputError where neither a stride of 2, a transposed one, nor a larger kernel brings one to the other.
    """
    from torch import nn

    (inputs, *student_shape), (outputs, *other) = (
        of.features[settings.stage - 1].shape[1:] for of in (student, teacher)
    )
    if student_shape == [2 * side for side in other]:
        change = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
    elif other == [2 * side for side in student_shape]:
        change = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
    elif all(s >= t for s, t in zip(student_shape, other, strict=True)):
        change = nn.Conv2d(inputs, outputs, [1 + s - t for s, t in zip(student_shape, other, strict=True)])
    else:
        raise InputError(
            f"distill.fitnet: stage {settings.stage} of the student is {student_shape}, of the teacher {other}"
            " (expected half as large, or at least as large: another stage)"
        )
    return nn.Sequential(change, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def loss(student: Knowledge, teacher: Knowledge, settings: Settings, regressor: nn.Module | None = None) -> Tensor:
    """See hint_distance."""
    hint = student.features[settings.stage - 1]
    if regressor is not None:
        hint = regressor(hint.float())
    return hint_distance(hint, teacher.features[settings.stage - 1])
