"""Fetch the archive of a set of pictures, or take one dropped in by hand; verify its checksum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.pictures import ArchivePictures

SLICES = {"set": ("super_resolution.pictures.{set}", ArchivePictures)}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    cache: Path,
    drop_in: Path,
    out: Path,
) -> None:
    """Fill the folder.

    Args:
        set: the entry in params.yaml
        cache: where downloads are kept, finished or not
        drop_in: where files got by hand are put
        out: the folder for the archive
    """
    from pipeline.data.fetch_folder import fetch_folder
    from pipeline.data.picture_sources import remote_files

    fetch_folder(remote_files([settings["set"]]), out, cache, drop_in)
