"""FAKD (He et al., ICIP 2020), an option of the authors' code: affinity between the pictures of a batch.

``L = sum over taps of mean |A_S - A_T|`` with ``A = F F^T`` (B, B) of the features of whole pictures, each row divided
by its norm: SP's matrix (Tung, Mori, ICCV 2019) with an absolute difference. Widths and sides may differ.
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
WHOLE_BATCH = True


class Settings(Base):
    """The weight; the paper has none for it."""

    weight: Positive


def instance_affinity(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Features (B, ...) of each tap -> scalar >= 0; float32 even under autocast.

    Raises InputError where the number of taps differs.
    """
    import torch
    from torch.nn import functional

    if len(student) != len(teacher):
        raise InputError(
            f"distill.instance_affinity: {len(student)} taps of the student, {len(teacher)} of the teacher"
            " (expected as many)"
        )
    total = 0.0
    for pair in zip(student, teacher, strict=True):
        with torch.autocast(pair[0].device.type, enabled=False):
            flat = [features.flatten(1).float() for features in pair]
            s, t = (functional.normalize(rows @ rows.T, dim=1) for rows in flat)
            total = total + (s - t).abs().mean()
    return total


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See instance_affinity: the features of every tap."""
    return instance_affinity(student.features, teacher.features)
