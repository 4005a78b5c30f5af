"""Decode the pictures of an archive once, into one packed array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.pictures import ArchivePictures

SLICES = {"set": ("super_resolution.pictures.{set}", ArchivePictures)}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    raw: Path,
    out: Path,
) -> None:
    """Load, check and pack the pictures.

    Args:
        set: the entry in params.yaml
        raw: the folder with the archive
        out: the folder to write: pixels.npy and pictures.csv
    """
    from pipeline.data.picture_sources import load_pictures
    from pipeline.data.pictures import pack
    from pipeline.data.remarks import Remark

    remarks: list[Remark] = []
    pack(out, load_pictures(settings["set"], raw, remarks), remarks)
