"""The folder of files that a source is loaded from."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.data.fetch import RemoteFile, fetch
from pipeline.files import atomic_directory, write_json


def fill(folder: Path, files: Sequence[RemoteFile], cache: Path, drop_in: Path) -> None:
    """Put every file into ``folder``, from ``drop_in`` or its address, with files.json of their checksums.

    Engines empty the output of a step that failed or runs again, so downloads lie in ``cache`` beside it: one that
    broke off goes on where it stopped. Raises InputError as pipeline.data.fetch does.
    """
    with atomic_directory(folder) as temporary:
        for file in files:
            if (drop_in / file.name).is_file():
                fetch(file, temporary, drop_in)
            else:
                _link(fetch(file, cache, drop_in), temporary / file.name)
        write_json(temporary / "files.json", {file.name: file.sha256 for file in files})


def _link(source: Path, target: Path) -> None:
    """A hard link costs no space; a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
