"""What all sets of labelled images share: how large the images are made, and how many of them are taken."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.params.faces import Channels, ImageSize
from pipeline.params.loading import Settings
from pipeline.params.pictures import ArchiveSettings

Limit = Annotated[int, Field(ge=1)] | None  # the first so many of each class; null: all


class PerClass(Settings):
    """Limits for small studies; each class keeps its first images, in the order of the set's own files."""

    train: Limit = None
    test: Limit = None


class LabelledImages(Settings):
    """What every source of labelled images has; the sources are in pipeline.data.class_sources."""

    image_size: ImageSize  # pixels per side; images of another size are resized, antialiased
    channels: Channels
    per_class: PerClass = PerClass()


class ArchivedImages(LabelledImages):
    """Labelled images in an archive, or in a folder in its place."""

    files: ArchiveSettings


class Pictures(Settings):
    """How pictures are fed to networks: (pixel / 255 - mean) / std, per channel; shifted and mirrored in training.

    ``padding`` black pixels are set around a picture before a part of the original size is cut out at random;
    ``flip`` mirrors half of the pictures, drawn at random.
    """

    mean: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=1, max_length=3)]
    std: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1, max_length=3)]
    padding: Annotated[int, Field(ge=0, le=64)] = 4
    flip: bool = True

    @model_validator(mode="after")
    def _as_many(self) -> Pictures:
        if len(self.mean) != len(self.std):
            raise ValueError(f"std = {self.std}: expected as many numbers as mean has, {len(self.mean)}")
        return self
