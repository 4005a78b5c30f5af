"""Turn the source into one array of faces, an index of them, tables of pairs and searches, notes and a contact sheet."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.data.sources import Faces, source

SLICES = {"data": ("recognition.data", Faces)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--raw", type=Path, required=True, help="the folder with the source's files")
    parser.add_argument("--faces", type=Path, required=True, help="to write: .npy, uint8 (N, S, S, C)")
    parser.add_argument("--index", type=Path, required=True, help="to write: .csv, a row a face")
    parser.add_argument("--pairs", type=Path, required=True, help="to write: .csv, a row a pair")
    parser.add_argument("--searches", type=Path, required=True, help="to write: .csv, a row a probe or gallery face")
    parser.add_argument("--notes", type=Path, required=True, help="to write: .json, what tables call the faces")
    parser.add_argument("--contact-sheet", type=Path, required=True, help="to write: .png")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Load, check and write the set of faces."""
    from PIL import Image

    from pipeline.data import faceset
    from pipeline.data.arrays import open_faces
    from pipeline.data.contact_sheet import contact_sheet
    from pipeline.files import atomic_path

    faces = source(settings["data"].source).load(settings["data"], options.raw)
    faceset.check(faces)
    outputs = ("faces", "index", "pairs", "searches", "notes")
    faceset.write(faces, **{name: getattr(options, name) for name in outputs})
    if faces.sheet is None:
        train = faces.index.query("split == 'train'")
        pixels = open_faces(options.faces)[train["face"].to_numpy()]
        sheet = contact_sheet(pixels, train["identity"].to_numpy())
    else:
        sheet = faces.sheet()
    with atomic_path(options.contact_sheet) as temporary:
        Image.fromarray(sheet).save(temporary, format="png")
