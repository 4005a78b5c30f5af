"""Labeled Faces in the Wild: its archive of photos and its pair list, as they are given out.

People of the evaluated folds are never trained on; everybody else is, so no outside data is needed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pipeline.data import archives, images
from pipeline.data.archive_files import left_out, list_files, person_folder
from pipeline.data.faceset import PAIR_COLUMNS, FaceSet
from pipeline.data.remarks import say
from pipeline.data.text_lines import read_lines
from pipeline.errors import InputError
from pipeline.params.faces import Channels, ImageSize, RemoteFileSettings
from pipeline.params.loading import Settings as Base

FILES = {"archive": "lfw.tgz", "pairs": "pairs.txt"}
PROVIDER = "the University of Massachusetts (Labeled Faces in the Wild, aligned version)"
NAME = "Labeled Faces in the Wild (aligned, grey)"
PHOTO = re.compile(r"(?P<name>.+)_(?P<number>\d{4})\.\w+")
CHUNK = 1024  # faces in one chunk


class Settings(Base):
    """Labeled Faces in the Wild under its View-2 pairs."""

    source: Literal["lfw"]
    files: dict[Literal["archive", "pairs"], RemoteFileSettings]
    image_size: ImageSize
    channels: Channels
    crop: Annotated[list[int], Field(min_length=4, max_length=4)]  # left, top, right, bottom in pixels
    evaluated_folds: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2)]
    min_images: Annotated[int, Field(ge=1)]  # least number of photos of a person in the training set

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if missing := {"archive", "pairs"} - set(self.files):
            raise ValueError(f"files lacks {', '.join(sorted(missing))}, expected archive and pairs")
        if len(set(self.evaluated_folds)) != len(self.evaluated_folds):
            raise ValueError(f"evaluated_folds = {self.evaluated_folds}: expected each fold once")
        left, top, right, bottom = self.crop
        if not (0 <= left < right and 0 <= top < bottom):
            raise ValueError(f"crop = {self.crop}: expected left < right and top < bottom, none negative")
        return self


def load(settings: Settings, raw: Path) -> FaceSet:
    """See read_faces."""
    return read_faces(
        archive=raw / FILES["archive"],
        pairs=raw / FILES["pairs"],
        image_size=settings.image_size,
        crop=tuple(settings.crop),
        folds=settings.evaluated_folds,
        min_images=settings.min_images,
        channels=settings.channels,
    )


def read_pairs(path: str | Path) -> pd.DataFrame:
    """Read a pair list in the official layout (pairs.txt, pairsDevTrain.txt, pairsDevTest.txt).

    The header gives folds and pairs, ``9<TAB>300``, or pairs alone, ``300``, for one fold. Each fold has as
    many lines for pairs of the same person (``name i j``) and then as many for two people (``name i name j``).

    Returns one row per pair: fold (from 1), name_a, i, name_b, j, same (bool), line (in the file, from 1). Raises
    InputError naming file and line.
    """
    path = Path(path)
    lines = _lines(path)
    _refuse_others(path, lines)
    folds, count = _header(path, lines)
    expected = 1 + folds * 2 * count
    last = max((number for number, line in enumerate(lines, start=1) if line.strip()), default=0)
    if last < expected:
        raise InputError(
            f"{path}: ends at line {last}, expected {expected} lines ({folds} folds of {count} same and"
            f" {count} different pairs)"
        )
    if last > expected:
        raise InputError(f"{path}: line {last}: nothing expected after line {expected}, as the header says")
    rows = []
    for position, line in enumerate(lines[1:expected]):
        fold, place = divmod(position, 2 * count)
        pair = _pair(path, position + 2, line, same=place < count)
        rows.append((fold + 1, *pair, place < count, position + 2))
    return pd.DataFrame(rows, columns=["fold", "name_a", "i", "name_b", "j", "same", "line"])


def read_faces(
    *,
    archive: str | Path,
    pairs: str | Path,
    image_size: int,
    crop: tuple[int, int, int, int] | None,
    folds: Sequence[int],
    min_images: int,
    channels: int,
) -> FaceSet:
    """Read LFW as a face set with the protocol "lfw".

    ``folds`` are those evaluated (from 1, as in the file); ``fold`` in the pairs counts them from 0 in the
    order given. Test: the photos that their pairs name. Train: people in no evaluated fold with at least
    ``min_images`` photos. Unlabelled: everybody else in no evaluated fold (``identity`` still tells who).
    Other photos of evaluated people are left out. ``crop`` is (left, upper, right, lower) in pixels of the
    photo, ``image_size`` a side in pixels after it, ``channels`` 1 or 3. Faces are in order of file names.

    The decoded faces stay in memory: 48 MB at 64x64x1, 440 MB at 112x112x3. Raises InputError naming archive,
    entry, or pair list and line.
    """
    archive, pairs = Path(archive), Path(pairs)
    chosen = _choose_folds(read_pairs(pairs), folds, pairs)
    evaluated = set(chosen["name_a"]) | set(chosen["name_b"])
    named = set(zip(chosen["name_a"], chosen["i"])) | set(zip(chosen["name_b"], chosen["j"]))

    photos: dict[tuple[str, int], str] = {}  # person and number to the entry's name
    faces: dict[str, np.ndarray] = {}  # the entry's name to its face
    listed = list_files(archive)
    if not listed.photos:
        raise listed.no_photos("<folder>/<Name>/<Name>_<NNNN>.jpg")
    remarks = left_out(listed, person_folder(listed), "people")
    say(archive, remarks)
    wanted: dict[str, str] = {}  # from the entry's name as stored to the name used here
    for name, stored in listed.photos.items():
        photo = _photo(name, archive)
        if photo in photos:
            raise InputError(f"{archive}: entries {photos[photo]!r} and {name!r} are the same photo")
        photos[photo] = name
        if photo[0] not in evaluated or photo in named:
            wanted[stored] = name
    for member in archives.members(archive, only=wanted) if wanted else ():
        name = f"{archive}: {member.name}"
        faces[wanted[member.name]] = images.decode(member.data, name, size=image_size, channels=channels, crop=crop)
    index = _index(photos, faces, evaluated, min_images)
    if (people := index.loc[index["split"] == "train", "identity"].nunique()) < 2:
        raise InputError(
            f"{archive}: min_images = {min_images} leaves {people} people to train on, expected two or more who"
            " are in no evaluated fold"
        )
    face_of = dict(zip(index["file"], index["face"]))
    table = _pair_table(chosen, {key: face_of.get(name) for key, name in photos.items()}, pairs, archive)

    def chunks() -> Iterator[np.ndarray]:
        files = index["file"].tolist()
        for start in range(0, len(files), CHUNK):
            yield np.stack([faces[file] for file in files[start : start + CHUNK]])

    return FaceSet(index=index, pairs=table, chunks=chunks, channels=channels, name=NAME, remarks=remarks)


def _lines(path: Path) -> list[str]:
    lines = [line.removesuffix("\n") for line in read_lines(path, "a pair list such as LFW's pairs.txt")]
    return lines or [""]


def _refuse_others(path: Path, lines: list[str]) -> None:
    """Refuse the lists that are taken for the pair list: of people, and tables with commas."""
    rows = [line.strip() for line in lines[:8] if line.strip()]
    expected = "expected LFW's pairs.txt, pairsDevTrain.txt or pairsDevTest.txt as the university gives them out"
    if any("," in row and "\t" not in row for row in rows[:2]):
        raise InputError(
            f"{path}: line 1: {rows[0][:40]!r} looks like a table with commas, such as Kaggle's pairs.csv; {expected}"
        )
    fields = [row.split() for row in rows]
    # A number of people, or a number of sets and then of people; after these, each with how many photos there are.
    people = list(itertools.dropwhile(lambda row: len(row) == 1 and _is_count(row[0]), fields))
    if people and all(len(row) == 2 and not _is_count(row[0]) and _is_count(row[1]) for row in people):
        raise InputError(
            f"{path}: line {1 + len(fields) - len(people)}: {' '.join(people[0])[:60]!r} looks like a list of people"
            f" and how many photos they have, such as people.txt or peopleDevTest.txt; {expected}"
        )


def _header(path: Path, lines: list[str]) -> tuple[int, int]:
    fields = lines[0].split()
    if len(fields) not in (1, 2) or not all(_is_count(field) for field in fields):
        raise InputError(
            f"{path}: line 1: {' '.join(fields)[:40]!r}, expected the number of folds and of pairs: '10 300'"
        )
    return (1, int(fields[0])) if len(fields) == 1 else (int(fields[0]), int(fields[1]))


def _is_count(field: str) -> bool:
    """True for a number from 1 up to nine digits, in plain digits."""
    return field.isascii() and field.isdecimal() and len(field) < 10 and int(field) > 0


def _pair(path: Path, number: int, line: str, *, same: bool) -> tuple[str, int, str, int]:
    fields = line.split()
    layout = "name i j" if same else "name i name j"
    if len(fields) != len(layout.split()):
        kind = "of one person" if same else "of two people"
        raise InputError(
            f"{path}: line {number}: {len(fields)} fields {' '.join(fields)[:60]!r}, expected a pair {kind}: {layout}"
        )
    name_a, i, name_b, j = (fields[0], fields[1], fields[0], fields[2]) if same else fields
    for field in (i, j):
        if not _is_count(field):
            raise InputError(f"{path}: line {number}: {field!r}, expected the number of a photo, from 1")
    if same and int(i) == int(j):
        raise InputError(f"{path}: line {number}: photo {i} of {name_a} is paired with itself")
    if not same and name_a == name_b:
        raise InputError(f"{path}: line {number}: {name_a} twice, expected a pair of two people")
    return name_a, int(i), name_b, int(j)


def _choose_folds(table: pd.DataFrame, folds: Sequence[int], path: Path) -> pd.DataFrame:
    """The pairs of ``folds``, in that order, with ``fold`` counted from 0."""
    available = int(table["fold"].max())
    if not len(folds) or len(set(folds)) != len(folds):
        raise InputError(f"{path}: folds {list(folds)} asked for, expected at least one, and none twice")
    for fold in folds:
        if not 1 <= fold <= available:
            raise InputError(f"{path}: fold {fold} asked for, expected 1 to {available}, the folds it has")
    parts = [table[table["fold"] == fold].assign(fold=position) for position, fold in enumerate(folds)]
    return pd.concat(parts, ignore_index=True)


def _photo(entry: str, archive: Path) -> tuple[str, int]:
    """Person and number of the photo stored as ``entry``."""
    parts = PurePosixPath(entry).parts
    match = PHOTO.fullmatch(parts[-1])
    if match is None or len(parts) < 2 or parts[-2] != match["name"]:
        raise InputError(f"{archive}: entry {entry!r}, expected <folder>/<Name>/<Name>_<NNNN>.jpg")
    return match["name"], int(match["number"])


def _index(
    photos: dict[tuple[str, int], str], faces: dict[str, np.ndarray], evaluated: set[str], min_images: int
) -> pd.DataFrame:
    rows = [(name, person) for (person, _), name in photos.items() if name in faces]
    table = pd.DataFrame(rows, columns=["file", "identity"]).sort_values("file", ignore_index=True)
    images_of = table.groupby("identity")["file"].transform("size")
    split = np.where(images_of >= min_images, "train", "unlabelled")
    table["split"] = np.where(table["identity"].isin(evaluated), "test", split)
    table.insert(0, "face", np.arange(len(table)))
    return table


def _pair_table(
    chosen: pd.DataFrame, face_of: dict[tuple[str, int], int | None], path: Path, archive: Path
) -> pd.DataFrame:
    columns = {}
    for column, name, number in (("a", "name_a", "i"), ("b", "name_b", "j")):
        column_faces = []
        for person, photo, line in zip(chosen[name], chosen[number], chosen["line"]):
            face = face_of.get((person, photo))
            if face is None:
                raise InputError(f"{path}: line {line}: photo {person}_{photo:04d}.jpg is not in {archive}")
            column_faces.append(face)
        columns[column] = column_faces
    table = chosen.assign(protocol="lfw", pair=np.arange(len(chosen)), **columns)
    return table[list(PAIR_COLUMNS)]
