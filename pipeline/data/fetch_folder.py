"""Fills a folder with files that somebody else gives out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.data.fetch import RemoteFile, fetch
from pipeline.files import atomic_directory, write_json


def fetch_folder(files: Sequence[RemoteFile], out: Path, cache: Path, drop_in: Path) -> None:
    """Put each file, and files.json with the checksums asked for, into ``out``; a download that broke off goes on.

    Engines empty the output of a step that failed or runs again, so downloads lie in a cache beside it. Raises
    InputError as fetch does.
    """
    with atomic_directory(out) as folder:
        for file in files:
            if (drop_in / file.name).is_file():
                fetch(file, folder, drop_in)
            else:
                _link(fetch(file, cache, drop_in), folder / file.name)
        write_json(folder / "files.json", {file.name: file.sha256 for file in files})


def _link(source: Path, target: Path) -> None:
    """A hard link costs no space; a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
