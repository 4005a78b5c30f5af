"""Cosine distance of the embeddings, which verification compares: ``L = 1 - cos(e_S, e_T)``, mean over the batch.

Enhancing Low-Resolution Face Recognition with Feature Similarity Knowledge Distillation (Shin et al., 2023), F-SKD,
takes this distance of feature maps; here it is that of the last layer. It needs no identity labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.distill import Knowledge
from pipeline.errors import InputError
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = ("embedding",)
SAME_EMBEDDING = True
FROM_ALL = False


class Settings(Base):
    """The weight of the distance."""

    weight: Positive


def embedding_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Embeddings (B, D) of both, of any length -> scalar in 0..2. Raises InputError when the widths differ."""
    from torch.nn import functional

    if student.shape != teacher.shape:
        raise InputError(
            f"distill.embedding: the student's embedding has {student.shape[1]} values and the teacher's"
            f" {teacher.shape[1]} (expected as many: set network.embedding)"
        )
    return (1 - functional.cosine_similarity(student, teacher, dim=1)).mean()


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See embedding_distillation."""
    return embedding_distillation(student.embedding.float(), teacher.embedding.float())
