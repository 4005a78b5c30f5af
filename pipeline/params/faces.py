"""Where the faces come from, how large they are, and how they are degraded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.params.loading import Settings

ImageSize = Annotated[int, Field(ge=16, le=512)]
Channels = Literal[1, 3]
Quality = Annotated[int, Field(ge=1, le=32)]


class RemoteFileSettings(Settings):
    """A file to fetch: its address (http, https, file:// or a path; null: dropped in by hand) and SHA-256."""

    address: str | None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None


class RenderedFaces(Settings):
    """Faces rendered by the project: a stand-in that needs no download."""

    source: Literal["rendered"]
    files: dict[str, RemoteFileSettings] = {}
    image_size: Annotated[int, Field(ge=32, le=256)]  # what the renderer can draw
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    identities: Annotated[int, Field(ge=2, le=100_000)]
    images_per_identity: Annotated[int, Field(ge=2, le=1000)]
    folds: Annotated[int, Field(ge=2, le=100)]
    pairs_per_fold: Annotated[int, Field(ge=2, le=10_000, multiple_of=2)]

    @field_validator("files")
    @classmethod
    def _nothing_to_fetch(cls, files: dict) -> dict:
        if files:
            raise ValueError(f"found {', '.join(files)}, expected {{}}: rendered faces need no file")
        return files


class LFWFaces(Settings):
    """Labeled Faces in the Wild under its View-2 pairs."""

    source: Literal["lfw"]
    files: dict[Literal["archive", "pairs"], RemoteFileSettings]
    image_size: ImageSize
    channels: Channels
    crop: Annotated[list[int], Field(min_length=4, max_length=4)]  # left, top, right, bottom in pixels
    evaluated_folds: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2)]
    min_images: Annotated[int, Field(ge=1)]  # photos a person needs to be trained on

    @model_validator(mode="after")
    def _whole(self) -> LFWFaces:
        if missing := {"archive", "pairs"} - set(self.files):
            raise ValueError(f"files lacks {', '.join(sorted(missing))}, expected archive and pairs")
        if len(set(self.evaluated_folds)) != len(self.evaluated_folds):
            raise ValueError(f"evaluated_folds = {self.evaluated_folds}: expected each fold once")
        left, top, right, bottom = self.crop
        if not (0 <= left < right and 0 <= top < bottom):
            raise ValueError(f"crop = {self.crop}: expected left < right and top < bottom, none negative")
        return self


Faces = Annotated[RenderedFaces | LFWFaces, Field(discriminator="source")]


class Degradation(Settings):
    """How sharp faces lose quality; a quality is the factor of downsampling, 1 being sharp."""

    method: Literal["bicubic"]
    qualities: Annotated[list[Quality], Field(min_length=1)]

    @field_validator("qualities")
    @classmethod
    def _ordered(cls, qualities: list[int]) -> list[int]:
        if qualities != sorted(set(qualities)) or qualities[0] != 1:
            raise ValueError(f"found {qualities}, expected growing factors that begin with 1")
        return qualities
