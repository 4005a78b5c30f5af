"""Take faces of the recognition task as pictures."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.pictures import FacePictures

SLICES = {"set": ("superresolution.faces.{set}", FacePictures)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml")
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--index", type=Path, required=True, help="the index of the faces, .csv")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write: pixels.npy and pictures.csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Pack the faces."""
    from pipeline.data.picture_sources import faces_as_pictures
    from pipeline.data.pictures import pack

    pack(options.out, faces_as_pictures(settings["set"], options.faces, options.index))
