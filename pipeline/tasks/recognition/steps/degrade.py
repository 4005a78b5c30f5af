"""Store the faces at each lower quality, at their own size: x2.npy, x4.npy, ..."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.degradations import Degradation

SLICES = {"degradation": ("recognition.degradation", Degradation)}


def run(
    settings: dict[str, Any],
    *,
    faces: Path,
    out: Path,
) -> None:
    """One array per quality; x1 is the sharp array itself and is not stored again.

    Args:
        faces: sharp faces, .npy
        out: the folder for the degraded faces
    """
    from pipeline.data.degradation import degrade_folder
    from pipeline.files import atomic_directory

    with atomic_directory(out) as folder:
        degrade_folder(faces, folder, settings["degradation"])
