"""Enhancing Low-Resolution Face Recognition with Feature Similarity Knowledge Distillation (Shin et al., 2023), F-SKD.

``L = mean over stages of (1 - cos(F_S, F_T))``, the feature maps flattened, mean over the batch. Not part of it: the
convolution of 1 x 1 with batch norm that the authors' code learns behind every stage of the student, and the relations
between samples that it can add ("cross", weight 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.distill import Knowledge
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = ("features",)
SAME_NETWORK = True
EACH_STAGE = True
FROM_ALL = False


class Settings(Base):
    """The weight is 20 in the authors' code."""

    weight: Positive


def feature_similarity(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Features (B, C, H, W) of each stage, the same shapes for both -> scalar in 0..2."""
    import torch
    from torch.nn import functional

    distances = [
        1 - functional.cosine_similarity(s.flatten(1).float(), t.flatten(1).float(), dim=1).mean()
        for s, t in zip(student, teacher, strict=True)
    ]
    return torch.stack(distances).mean()


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See feature_similarity: the features of every stage."""
    return feature_similarity(student.features, teacher.features)
