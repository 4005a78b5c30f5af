"""FaceNet's triplet loss: see pipeline.models.triplet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from pipeline.models.triplet import TripletHead


class Settings(Base):
    """The paper's alpha, and how many faces of a person meet in a batch."""

    kind: Literal["triplet"]
    margin: Positive = 0.2  # alpha, of squared distances on the unit sphere
    images: Annotated[int, Field(ge=2, le=1000)] = 4  # of a person in a batch


def build(settings: Settings, embedding: int, identities: int) -> TripletHead:
    """No weights: faces are compared with faces."""
    from pipeline.models.triplet import TripletHead

    return TripletHead(margin=settings.margin, images=settings.images)
