"""Draw the faces of the recognition task by image processing, for teachers that learn from drawings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

SLICES: dict[str, tuple[str, Any]] = {}


def run(
    settings: dict[str, Any],
    *,
    method: Literal["xdog"],
    faces: Path,
    out: Path,
) -> None:
    """Write the drawings, grey, as many as there are faces.

    Args:
        method: how a face is drawn
        faces: sharp faces, .npy
        out: to write: a drawing of each, .npy
    """
    from pipeline.data.arrays import open_faces, write_faces
    from pipeline.data.drawing import CHUNK, draw

    pixels = open_faces(faces)
    starts = range(0, len(pixels), CHUNK)
    write_faces(out, (draw(pixels[start : start + CHUNK])[..., None] for start in starts), len(pixels))
