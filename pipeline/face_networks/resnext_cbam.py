"""ResNeXt with CBAM in every block: the network of the teacher, see pipeline.models.resnext."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Count, Embedding, Fraction, Width

if TYPE_CHECKING:
    from pipeline.models.resnext import ResNeXtCBAM


class Settings(Base):
    """Depths, widths and attention; one number per stage where there are lists."""

    architecture: Literal["resnext_cbam"]
    stem_width: Width
    stem_stride: Literal[1, 2]
    depths: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(min_length=1, max_length=6)]  # blocks per stage
    widths: Annotated[list[Width], Field(min_length=1, max_length=6)]  # channels per stage
    cardinality: Width
    group_widths: Annotated[list[Width], Field(min_length=1, max_length=6)]  # inner channels per group, by stage
    reduction: Count  # of CBAM's channel attention
    attention_kernel: Literal[3, 5, 7]  # of CBAM's spatial attention
    embedding: Embedding
    dropout: Fraction

    @model_validator(mode="after")
    def _same_stages(self) -> Settings:
        lengths = {name: len(getattr(self, name)) for name in ("depths", "widths", "group_widths")}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"found stages: {counts}; expected the same number of each")
        return self

    @property
    def stages(self) -> int:
        """How many features look_inside gives."""
        return len(self.depths)


def build(settings: Settings, image_size: int, channels: int) -> ResNeXtCBAM:
    """The network with random weights."""
    from pipeline.models.resnext import ResNeXtCBAM

    return ResNeXtCBAM(image_size=image_size, channels=channels, **settings.model_dump(exclude={"architecture"}))
