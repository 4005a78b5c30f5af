"""CosFace: Large Margin Cosine Loss for Deep Face Recognition (Wang et al., CVPR 2018). ``s (cos t - m)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.params.losses import MarginSettings

if TYPE_CHECKING:
    from pipeline.models.margin import MarginHead


class Settings(MarginSettings):
    """The margin is subtracted from the cosine."""

    kind: Literal["cosface"]
    margin: Annotated[float, Field(ge=0, lt=1.5)]


def build(settings: Settings, embedding: int, identities: int) -> MarginHead:
    """The right identity has to win by a difference of cosines."""
    from pipeline.models.margin import MarginHead

    shared = {"scale": settings.scale, "sampled": settings.sampled}
    return MarginHead(embedding, identities, lambda cosine: cosine - settings.margin, **shared)
