"""Softmax with center loss, "CenterFace": see pipeline.models.center."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from pipeline.models.center import CenterHead


class Settings(Base):
    """The paper's lambda and alpha."""

    kind: Literal["center"]
    weight: Positive = 0.003  # lambda
    rate: Annotated[float, Field(gt=0, le=1)] = 0.5  # alpha, by which centres follow


def build(settings: Settings, embedding: int, identities: int) -> CenterHead:
    """A softmax over the identities, and a centre of each."""
    from pipeline.models.center import CenterHead

    return CenterHead(embedding, identities, weight=settings.weight, rate=settings.rate)
