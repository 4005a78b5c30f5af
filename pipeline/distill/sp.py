"""Similarity-Preserving Knowledge Distillation (Tung, Mori, ICCV 2019), SP, on the embeddings.

``L = ||G_T - G_S||_F^2 / B^2`` with ``G = F F^T``, each row divided by its Euclidean norm (equations 1 to 4). The paper
takes the last feature map for F, as the method ``sp_features`` does; the embedding stands for it here. Embeddings of
different widths can be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.distill import Knowledge
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = ("embedding",)
WHOLE_BATCH = True


class Settings(Base):
    """The weight is gamma, 3000 in the paper."""

    weight: Positive


def similarity_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Features (B, D_S) and (B, D_T) -> scalar >= 0."""
    from torch.nn import functional

    similarities = [functional.normalize(features @ features.T, dim=1) for features in (student, teacher)]
    return (similarities[0] - similarities[1]).square().mean()


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See similarity_distillation."""
    return similarity_distillation(student.embedding.float(), teacher.embedding.float())
