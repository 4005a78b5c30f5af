"""FAKD: Feature-Affinity Based Knowledge Distillation for Efficient Image Super-Resolution (He et al., ICIP 2020).

``L = sum over taps of mean |A_S - A_T|`` with ``A = F~^T F~`` (B, HW, HW), F~ the features with every position divided
by its norm over the channels: which places of a picture a network finds alike. Widths may differ. Its weight of 10
stands beside mean absolute differences in grey levels of 0..255.
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
SMALLEST_NORM = 1e-7  # a position without any feature is like none; the authors' code adds 1e-8 to every norm


class Settings(Base):
    """The weight is 10 in the authors' code."""

    weight: Positive


def spatial_affinity(student: Sequence[Tensor], teacher: Sequence[Tensor], rows: int | None = None) -> Tensor:
    """Features (B, C, H, W) of each tap, C of any size -> scalar >= 0; float32 even under autocast.

    The affinities are never whole in memory: see pipeline.affinity, also for ``rows``. Raises InputError where H, W or
    the number of taps differ.
    """
    import torch
    from torch.nn import functional

    from pipeline.affinity import mean_affinity_difference

    sides = [[tuple(features.shape[2:]) for features in of] for of in (student, teacher)]
    if sides[0] != sides[1]:
        raise InputError(
            f"distill.spatial_affinity: the student's taps have maps of {sides[0]}, the teacher's of {sides[1]}"
            " (expected the same: as many taps of the same sides)"
        )
    total = 0.0
    for pair in zip(student, teacher, strict=True):
        kind = torch.promote_types(pair[0].dtype, torch.float32)
        with torch.autocast(pair[0].device.type, enabled=False):  # bfloat16's 8 bits are too few for cosines
            unit = [functional.normalize(features.flatten(2).to(kind), dim=1, eps=SMALLEST_NORM) for features in pair]
            total = total + mean_affinity_difference(*unit, rows=rows)
    return total


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See spatial_affinity: the features of every tap."""
    return spatial_affinity(student.features, teacher.features)
