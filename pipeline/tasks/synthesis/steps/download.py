"""Fetch the archives of photo-sketch pairs, or take those dropped in by hand; verify their checksums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.sketch_pairs import SketchPairs

SLICES = {"data": ("synthesis.collections.{collection}", SketchPairs)}


def run(
    settings: dict[str, Any],
    *,
    collection: str,
    cache: Path,
    drop_in: Path,
    out: Path,
) -> None:
    """Fill the folder; a download that broke off goes on where it stopped.

    Args:
        collection: the entry in params.yaml
        cache: where downloads are kept, finished or not
        drop_in: where files got by hand are put
        out: the folder for the files
    """
    from pipeline.data.fetch_folder import fetch_folder
    from pipeline.data.sketch_pairs import remote_files

    fetch_folder(remote_files(settings["data"]), out, cache, drop_in)
