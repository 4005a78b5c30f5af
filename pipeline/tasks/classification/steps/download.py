"""Fetch the archive of a set of labelled images, or take one dropped in by hand; verify its checksum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.class_sources import ImageClasses

SLICES = {"data": ("classification.sets.{set}", ImageClasses)}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    cache: Path,
    drop_in: Path,
    out: Path,
) -> None:
    """Fill the folder; a download that broke off goes on where it stopped.

    Args:
        set: the entry in params.yaml
        cache: where downloads are kept, finished or not
        drop_in: where files got by hand are put
        out: the folder for the file
    """
    from pipeline.data.class_sources import remote_files
    from pipeline.data.fetch_folder import fetch_folder

    fetch_folder(remote_files(settings["data"]), out, cache, drop_in)
