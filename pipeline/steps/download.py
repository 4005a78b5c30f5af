"""Fetch the files of the source of faces, or take those dropped in by hand; verify their checksums."""

from __future__ import annotations

import os
import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.data.sources import Faces, remote_files

SLICES = {"data": ("recognition.data", Faces)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--cache", type=Path, required=True, help="where downloads are kept, finished or not")
    parser.add_argument("--drop-in", type=Path, required=True, help="where files got by hand are put")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the files")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Fill the folder; a download that broke off goes on where it stopped.

    Engines empty the output of a step that failed or runs again, so downloads lie in a cache beside it.
    """
    from pipeline.data.fetch import fetch
    from pipeline.files import atomic_directory, write_json

    files = remote_files(settings["data"])
    with atomic_directory(options.out) as folder:
        for file in files:
            if (options.drop_in / file.name).is_file():
                fetch(file, folder, options.drop_in)
            else:
                _link(fetch(file, options.cache, options.drop_in), folder / file.name)
        write_json(folder / "files.json", {file.name: file.sha256 for file in files})


def _link(source: Path, target: Path) -> None:
    """A hard link costs no space; a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
