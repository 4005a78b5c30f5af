"""Fills a folder with files that somebody else gives out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.data.fetch import RemoteFile, fetch
from pipeline.data.local_files import link_or_copy
from pipeline.errors import InputError
from pipeline.files import atomic_directory, write_json


def fetch_folder(files: Sequence[RemoteFile], out: Path, cache: Path, drop_in: Path) -> None:
    """Put each file, and files.json with the checksums asked for, into ``out``; a download that broke off goes on.

    Engines empty the output of a step that failed or runs again, so downloads lie in a cache beside it. Raises
    InputError as fetch does.
    """
    with atomic_directory(out) as folder:
        for file in files:
            try:
                if os.path.isfile(drop_in / file.name):
                    fetch(file, folder, drop_in)
                else:
                    link_or_copy(fetch(file, cache, drop_in), folder / file.name)
            except InputError as error:  # with the folder's final name, not its name until it is whole
                raise InputError(str(error).replace(str(folder), str(out))) from error
        write_json(folder / "files.json", {file.name: file.sha256 for file in files})
