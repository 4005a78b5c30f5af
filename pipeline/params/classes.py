"""What all sets of labelled images share: how large the images are made, and how many of them are taken."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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

    image_size: ImageSize  # pixels a side; images of another size are resized, antialiased
    channels: Channels
    per_class: PerClass = PerClass()


class ArchivedImages(LabelledImages):
    """Labelled images that come in one archive, or in a folder in its place."""

    files: ArchiveSettings
