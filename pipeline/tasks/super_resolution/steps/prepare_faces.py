"""Take faces of the recognition task as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.pictures import FacePictures

SLICES = {"set": ("super_resolution.faces.{set}", FacePictures)}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    faces: Path,
    index: Path,
    out: Path,
) -> None:
    """Pack the faces.

    Args:
        set: the entry in params.yaml
        faces: sharp faces, .npy
        index: the index of the faces, .csv
        out: the folder to write: pixels.npy and pictures.csv
    """
    from pipeline.data.picture_sources import faces_as_pictures
    from pipeline.data.pictures import pack

    pack(out, faces_as_pictures(settings["set"], faces, index))
