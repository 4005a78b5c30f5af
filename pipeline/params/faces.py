"""How large faces are, what files they come in, and how they are degraded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from pipeline.params.loading import Settings

ImageSize = Annotated[int, Field(ge=16, le=512)]
Channels = Literal[1, 3]
Quality = Annotated[int, Field(ge=1, le=32)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]


class RemoteFileSettings(Settings):
    """A file to fetch: its address (http, https, file:// or a path; null: dropped in by hand) and SHA-256."""

    address: str | None
    sha256: Sha256 | None


class Degraded(Settings):
    """What every degradation says of itself (pipeline.data.degradations); a quality is the factor of downsampling."""

    method: str
    qualities: Annotated[list[Quality], Field(min_length=1)]  # 1 is sharp

    @field_validator("qualities")
    @classmethod
    def _ordered(cls, qualities: list[int]) -> list[int]:
        if qualities != sorted(set(qualities)) or qualities[0] != 1:
            raise ValueError(f"found {qualities}, expected growing factors that begin with 1")
        return qualities

    def named(self, dataset: str) -> str:
        """The data set's name in tables under this degradation: results under different degradations are never mixed."""
        return dataset if self.method == "bicubic" else f"{dataset}, degraded by {self.method}"
