"""Sources of labelled images, one per file: where the images come from, and which class each is of.

A source ``name`` is the file ``name.py`` here, found by its name, with
- ``Settings``: what params.yaml may say; derived from pipeline.params.classes, ``source: Literal["name"]`` among it;
- ``archive(settings) -> (name, provider) | None``: the one file it needs and who gives that out; None where it needs
  none. Its address and checksum are ``settings.files.archive``;
- ``load(settings, raw) -> ClassSet``: the images; ``raw`` is the folder with the archive.

params.yaml is validated from ``Settings``, so a source imports what takes long where it loads.
"""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Union

from pydantic import Field

from pipeline import parts
from pipeline.data.remote_file import RemoteFile

STATES = ("Settings", "archive", "load")  # what a file has


def source_names() -> list[str]:
    """Every source there is, sorted."""
    return parts.names(__path__)


def source(name: str) -> ModuleType:
    """The source's module."""
    return parts.load(__name__, name, STATES)


ImageClasses = Annotated[Union[tuple(source(name).Settings for name in source_names())], Field(discriminator="source")]


def remote_files(settings: ImageClasses) -> list[RemoteFile]:
    """The file to fetch before the images can be loaded; none for rendered faces."""
    needed = source(settings.source).archive(settings)
    if needed is None:
        return []
    name, provider = needed
    return [RemoteFile(name, settings.files.archive.address, settings.files.archive.sha256, provider)]
