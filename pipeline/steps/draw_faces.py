"""Draw the faces of the recognition task by image processing, for teachers that have to know drawings."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

SLICES: dict[str, tuple[str, Any]] = {}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--method", required=True, choices=["xdog"], help="how a face is drawn")
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--out", type=Path, required=True, help="to write: a drawing of each, .npy")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Write the drawings, grey, as many as there are faces."""
    from pipeline.data.arrays import open_faces, write_faces
    from pipeline.data.drawing import CHUNK, draw

    faces = open_faces(options.faces)
    starts = range(0, len(faces), CHUNK)
    write_faces(options.out, (draw(faces[start : start + CHUNK])[..., None] for start in starts), len(faces))
