"""Fetch the files of the source of faces, or take those dropped in by hand; verify their checksums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.sources import Faces, remote_files

SLICES = {"data": ("recognition.data", Faces)}


def run(
    settings: dict[str, Any],
    *,
    cache: Path,
    drop_in: Path,
    out: Path,
) -> None:
    """Fill the folder; a download that broke off goes on where it stopped.

    Args:
        cache: where downloads are kept, finished or not
        drop_in: where files got by hand are put
        out: the folder for the files
    """
    from pipeline.data.fetch_folder import fetch_folder

    fetch_folder(remote_files(settings["data"]), out, cache, drop_in)
