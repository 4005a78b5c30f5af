"""Relational Knowledge Distillation (Park, Kim, Lu, Cho, CVPR 2019), RKD, on the embeddings.

``L = a mean_ij h(d_S(i, j) - d_T(i, j)) + b mean_ijk h(cos_S(i, j, k) - cos_T(i, j, k))`` with Huber's h (equations
4 to 8): d is the Euclidean distance of two faces of the batch over the mean distance, cos(i, j, k) the cosine of the
angle at j. Embeddings of different widths can be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipeline.distill import Knowledge
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = ("embedding",)
WHOLE_BATCH = True


class Settings(Base):
    """``distance`` is a and ``angle`` b: 1 and 2 in the paper's metric learning, 25 and 50 in its classification."""

    weight: Positive
    distance: Annotated[float, Field(ge=0)] = 1.0
    angle: Annotated[float, Field(ge=0)] = 2.0


def distance_relation(embedding: Tensor) -> Tensor:
    """(B, D) -> (B, B): Euclidean distances over the mean of those between different faces."""
    import torch

    different = ~torch.eye(len(embedding), dtype=torch.bool, device=embedding.device)
    squares = (embedding[:, None] - embedding[None]).square().sum(dim=2)
    # The root has no gradient at zero, where every face is compared with itself.
    distances = squares.clamp(min=1e-12).sqrt() * different
    return distances / distances[different].mean()


def angle_relation(embedding: Tensor) -> Tensor:
    """(B, D) -> (B, B, B): at [j, i, k] the cosine of the angle i j k; zero where two of the three are the same face."""
    from torch.nn import functional

    directions = functional.normalize(embedding[None] - embedding[:, None], dim=2)  # [j, i] points from j to i
    return directions @ directions.transpose(1, 2)


def relational_distillation(student: Tensor, teacher: Tensor, distance: float, angle: float) -> Tensor:
    """Embeddings (B, D_S) and (B, D_T), B >= 2 -> scalar, means over all B^2 pairs and all B^3 triplets."""
    from torch.nn import functional

    total = distance * functional.smooth_l1_loss(distance_relation(student), distance_relation(teacher))
    return total + angle * functional.smooth_l1_loss(angle_relation(student), angle_relation(teacher))


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See relational_distillation."""
    embeddings = student.embedding.float(), teacher.embedding.float()
    return relational_distillation(*embeddings, settings.distance, settings.angle)
