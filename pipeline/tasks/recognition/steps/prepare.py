"""Turn the source into one array of faces, an index of them, tables of pairs and searches, notes and a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.sources import Faces, source

SLICES = {"data": ("recognition.data", Faces)}


def run(
    settings: dict[str, Any],
    *,
    raw: Path,
    faces: Path,
    index: Path,
    pairs: Path,
    searches: Path,
    notes: Path,
    contact_sheet: Path,
) -> None:
    """Load, check and write the set of faces.

    Args:
        raw: the folder with the source's files
        faces: to write: .npy, uint8 (N, S, S, C)
        index: to write: .csv, one row per face
        pairs: to write: .csv, one row per pair
        searches: to write: .csv, one row per probe or gallery face
        notes: to write: .json, what tables call the faces
        contact_sheet: to write: .png
    """
    from PIL import Image

    from pipeline.data import faceset
    from pipeline.data.arrays import open_faces
    from pipeline.data.contact_sheet import contact_sheet as arrange
    from pipeline.files import atomic_path

    people = source(settings["data"].source).load(settings["data"], raw)
    faceset.check(people)
    faceset.write(people, faces=faces, index=index, pairs=pairs, searches=searches, notes=notes)
    if people.sheet is None:
        train = people.index.query("split == 'train'")
        pixels = open_faces(faces)[train["face"].to_numpy()]
        sheet = arrange(pixels, train["identity"].to_numpy())
    else:
        sheet = people.sheet()
    with atomic_path(contact_sheet) as temporary:
        Image.fromarray(sheet).save(temporary, format="png")
