"""Teaching Where to Look: Attention Similarity Knowledge Distillation (Shin et al., ECCV 2022), A-SKD.

``L = sum_l [(1 - cos(C_S, C_T)) + (1 - cos(S_S, S_T))]`` over the blocks l, mean over the batch, where C and S
are CBAM's channel and spatial maps, flattened, before the sigmoid. This is also this project's reading of the
"attention knowledge" of the 2025 paper on low-quality faces, whose formula is not public.
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

NEEDS = ("channel_maps", "spatial_maps")
SAME_NETWORK = True
FROM_ALL = False


class Settings(Base):
    """The weight is lambda (5 in A-SKD's code, with the sum over blocks and maps)."""

    weight: Positive


def attention_distillation(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Maps (B, ...) of both, in the same order -> scalar: cosine distances summed over maps, batch mean.

    Between 0 (alike up to a positive factor) and twice the number of maps. Raises InputError when the maps do
    not pair up.
    """
    from torch.nn import functional

    shapes = [tuple(m.shape[1:]) for m in student], [tuple(m.shape[1:]) for m in teacher]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"distill.attention: the student's maps {shapes[0]} do not match the teacher's {shapes[1]}"
            " (expected the same blocks and widths)"
        )
    distances = [
        1 - functional.cosine_similarity(s.flatten(1).float(), t.flatten(1).float(), dim=1)
        for s, t in zip(student, teacher, strict=True)
    ]
    return sum(distances).mean()


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See attention_distillation: channel and spatial maps of every block."""
    return attention_distillation(
        [*student.channel_maps, *student.spatial_maps], [*teacher.channel_maps, *teacher.spatial_maps]
    )
