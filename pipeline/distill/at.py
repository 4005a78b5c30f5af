"""Paying More Attention to Attention (Zagoruyko, Komodakis, ICLR 2017), AT: attention as activation energy.

``L = sum over stages of mean((Q_S - Q_T)^2)`` with ``Q = vec(mean over channels of F^2) / its norm``, as the authors'
code has it, where its weight is 1000. The features of a stage may have different widths, but need the same height and
width, unless ``pool`` averages the larger one's to the smaller one's, as RepDistiller does between networks of two
kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.distill import Knowledge
from pipeline.errors import InputError
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = ("features",)
EACH_STAGE = True


class Settings(Base):
    """The weight is beta: 1000 in the authors' code. ``pool``: whether maps' sides may differ.

    F-SKD's 1000 weighs the mean over stages, so that it is 1000 over their number here.
    """

    weight: Positive
    pool: bool = False


def pooled(features: Sequence[Tensor], others: Sequence[Tensor]) -> list[Tensor]:
    """Each map (B, C, H, W) averaged to the other's H and W where these are smaller."""
    from torch.nn import functional

    pairs = list(zip(features, others, strict=True))
    sides = [[min(pair) for pair in zip(maps.shape[2:], other.shape[2:], strict=True)] for maps, other in pairs]
    return [functional.adaptive_avg_pool2d(maps.float(), side) for maps, side in zip(features, sides, strict=True)]


def attention_transfer(student: Sequence[Tensor], teacher: Sequence[Tensor], pool: bool = False) -> Tensor:
    """Features (B, C, H, W) of each stage, C of any size -> scalar >= 0.

    Raises InputError where the stages' number, or without ``pool`` H or W, differ.
    """
    from torch.nn import functional

    if pool and len(student) == len(teacher):
        student, teacher = pooled(student, teacher), pooled(teacher, student)
    sides = [[tuple(features.shape[2:]) for features in of] for of in (student, teacher)]
    if sides[0] != sides[1]:
        raise InputError(
            f"distill.at: the student's stages have maps of {sides[0]}, the teacher's of {sides[1]}"
            " (expected the same: as many stages of the same sides)"
        )
    total = 0.0
    for pair in zip(student, teacher, strict=True):
        q_s, q_t = (functional.normalize(features.float().square().mean(dim=1).flatten(1), dim=1) for features in pair)
        total = total + (q_s - q_t).square().mean()
    return total


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See attention_transfer: the features of every stage."""
    return attention_transfer(student.features, teacher.features, settings.pool)
