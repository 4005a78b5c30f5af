"""FAKD (He et al., ICIP 2020), an option of the authors' code: affinity between channels.

``L = sum over taps of mean |A_S - A_T|`` with ``A = F~ F~^T`` (B, C, C), F~ the features with every channel divided
by its norm over the positions. Channel is compared with channel, so both networks must be equally wide.
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
SAME_CHANNELS = True
EACH_STAGE = True
FROM_ALL = False


class Settings(Base):
    """The weight; the paper has none for it."""

    weight: Positive


def channel_affinity(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Features (B, C, H, W) of each tap -> scalar >= 0; float32 even under autocast.

    Raises InputError where C or the number of taps differ.
    """
    import torch
    from torch.nn import functional

    widths = [[features.shape[1] for features in of] for of in (student, teacher)]
    if widths[0] != widths[1]:
        raise InputError(
            f"distill.channel_affinity: the student's taps have {widths[0]} channels, the teacher's {widths[1]}"
            " (expected as many: set network.width, or take spatial_affinity)"
        )
    total = 0.0
    for pair in zip(student, teacher, strict=True):
        with torch.autocast(pair[0].device.type, enabled=False):
            unit = [functional.normalize(features.flatten(2).float(), dim=2, eps=1e-7) for features in pair]
            s, t = (rows @ rows.transpose(1, 2) for rows in unit)
            total = total + (s - t).abs().mean()
    return total


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See channel_affinity: the features of every tap."""
    return channel_affinity(student.features, teacher.features)
