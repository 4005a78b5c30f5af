"""Similarity-Preserving Knowledge Distillation (Tung, Mori, ICCV 2019), SP, on the last feature map, as in the paper.

``L = ||G_T - G_S||_F^2 / B^2`` with ``G = F F^T``, F (B, C H W), each row of G divided by its Euclidean norm (equations
1 to 4). Widths and sides may differ. The method ``sp`` is the same of embeddings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.distill import Knowledge
from pipeline.distill.sp import similarity_distillation
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = ("features",)
WHOLE_BATCH = True


class Settings(Base):
    """The weight is gamma, 3000 in the paper."""

    weight: Positive


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See similarity_distillation: the features of the last stage."""
    return similarity_distillation(*(of.features[-1].flatten(1).float() for of in (student, teacher)))
