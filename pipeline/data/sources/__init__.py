"""Sources of faces, one per file: where the pictures come from, and which people and pairs there are.

A source ``name`` is the file ``name.py`` here, found by its name, with
- ``Settings``: what ``data:`` in params.yaml may say; ``source: Literal["name"]`` and ``files`` among it;
- ``FILES``: the names of the files it needs, by their key in ``files``; {} where there are none;
- ``PROVIDER``: who gives the files out, for the message where one is missing;
- ``load(settings, raw) -> FaceSet``: the faces; ``raw`` is the folder with the files.

params.yaml is validated from ``Settings``, so a source imports what takes long where it loads.
"""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Union

from pydantic import Field

from pipeline import parts
from pipeline.data.remote_file import RemoteFile

STATES = ("Settings", "FILES", "PROVIDER", "load")  # what a file has


def source_names() -> list[str]:
    """Every source there is, sorted."""
    return parts.names(__path__)


def source(name: str) -> ModuleType:
    """The source's module."""
    return parts.load(__name__, name, STATES)


Faces = Annotated[Union[tuple(source(name).Settings for name in source_names())], Field(discriminator="source")]


def remote_files(settings: Faces) -> list[RemoteFile]:
    """The files to fetch before the faces can be loaded; none for rendered faces."""
    module = source(settings.source)
    return [
        RemoteFile(name, settings.files[key].address, settings.files[key].sha256, module.PROVIDER)
        for key, name in module.FILES.items()
        if key in settings.files
    ]
