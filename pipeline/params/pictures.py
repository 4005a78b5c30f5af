"""Named sets of natural pictures, or of the prepared faces taken as pictures: where they come from, and which."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import Field, field_validator

from pipeline.params.faces import Channels, RemoteFileSettings
from pipeline.params.loading import Settings

Label = Annotated[str, Field(pattern=r"^\S([^\x00-\x1f]{0,78}\S)?$")]
ArchiveName = Annotated[str, Field(pattern=r"^[^\s./\\][^\x00-\x1f/\\]*\.(zip|tar|tgz|tar\.gz)$", max_length=100)]
Limit = Annotated[int, Field(ge=1)] | None  # the first so many by name; null: all


class ArchiveSettings(Settings):
    """The one file that pictures come in: an archive, or a folder in its place."""

    archive: RemoteFileSettings


class ArchivePictures(Settings):
    """Pictures out of an archive: those whose names match one of ``include``.

    A pattern is matched folder by folder, letter case counting: ``*``, ``?`` and ``[...]`` stay within one name, ``**``
    stands for any folders, none among them.
    """

    source: Literal["pictures"]
    label: Label  # what tables call the set
    name: ArchiveName  # the archive's own name, under which it may be dropped in
    provider: Label | None = None  # who gives it out, for the message where it is missing
    files: ArchiveSettings
    include: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    channels: Channels
    limit: Limit = None

    @field_validator("include")
    @classmethod
    def _patterns(cls, include: list[str]) -> list[str]:
        for pattern in include:
            if pattern.startswith("/") or "\\" in pattern or {"", ".", ".."} & set(pattern.split("/")):
                raise ValueError(f"found {pattern!r}, expected names divided by single slashes: Set5/*.png")
        if len(set(include)) != len(include):
            raise ValueError(f"found {include}, expected each pattern once")
        return include


class FacePictures(Settings):
    """The prepared faces of the recognition task: of those trained on, or of those verified."""

    source: Literal["faces"]
    split: Literal["train", "test"]
    limit: Limit = None


PictureSet = Annotated[Union[ArchivePictures, FacePictures], Field(discriminator="source")]
