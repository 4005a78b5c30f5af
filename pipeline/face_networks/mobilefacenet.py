"""MobileFaceNet, a small network without attention maps, see pipeline.models.mobilefacenet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Embedding

if TYPE_CHECKING:
    from pipeline.models.mobilefacenet import MobileFaceNet


class Settings(Base):
    """Its width and the first stride."""

    architecture: Literal["mobilefacenet"]
    stem_stride: Literal[1, 2]
    width: Annotated[float, Field(ge=0.125, le=4)]  # of the paper's channels
    embedding: Embedding

    @property
    def stages(self) -> int:
        """How many features look_inside gives: the rows 3 to 7 of the paper's table."""
        return 5


def build(settings: Settings, image_size: int, channels: int) -> MobileFaceNet:
    """The network with random weights."""
    from pipeline.models.mobilefacenet import MobileFaceNet

    return MobileFaceNet(image_size=image_size, channels=channels, **settings.model_dump(exclude={"architecture"}))
