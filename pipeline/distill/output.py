"""FAKD (He et al., ICIP 2020), its first term: the student's picture imitates the teacher's.

``L = mean |SR_S - SR_T|`` over all pixels and channels, in grey levels of 0..255. In the paper it has the weight
alpha = 0.5 beside 1 - alpha of the same distance to the true picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.distill import Knowledge
from pipeline.errors import InputError
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = ("output",)


class Settings(Base):
    """The weight is alpha: 0.5 in the paper."""

    weight: Positive


def output_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Pictures (B, C, H, W) in 0..255 of both -> scalar in grey levels. Raises InputError where the shapes differ."""
    if student.shape != teacher.shape:
        raise InputError(
            f"distill.output: the student's pictures are {tuple(student.shape[1:])}, the teacher's"
            f" {tuple(teacher.shape[1:])} (expected the same: channels, height, width)"
        )
    return (student.float() - teacher.float()).abs().mean()


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See output_distillation."""
    return output_distillation(student.output, teacher.output)
