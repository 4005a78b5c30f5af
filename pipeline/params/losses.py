"""What a network learns identities by."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.loading import Settings
from pipeline.params.networks import Positive


class Margin(Settings):
    """Margin softmax on cosine logits: CosFace s(cos t - m), ArcFace s cos(t + m)."""

    kind: Literal["cosface", "arcface"]
    scale: Positive
    margin: Annotated[float, Field(ge=0, lt=1.5)]  # cosine units (cosface) or radians (arcface)
    sampled: Annotated[float, Field(gt=0, le=1)] = 1.0  # share of the identities in a step's softmax (Partial FC)


class Center(Settings):
    """Softmax with center loss, "CenterFace" (pipeline.models.center)."""

    kind: Literal["center"]
    weight: Positive = 0.003  # lambda
    rate: Annotated[float, Field(gt=0, le=1)] = 0.5  # alpha, by which centres follow


class Triplet(Settings):
    """FaceNet's triplet loss (pipeline.models.triplet)."""

    kind: Literal["triplet"]
    margin: Positive = 0.2  # alpha, of squared distances on the unit sphere
    images: Annotated[int, Field(ge=2, le=1000)] = 4  # of a person in a batch


Loss = Annotated[Margin | Center | Triplet, Field(discriminator="kind")]
