"""Faces in the formats that face recognition passes around: RecordIO or an archive to train on, .bin pairs to verify.

A ``.bin`` says of each pair whether it shows one person, not whom. Identities of its faces are therefore made up
from the pairs (one for a same pair, two for a different one), and **whether its people are also trained on cannot
be checked here**: sets of well-known people often share some, and who gives the files out has to say.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pipeline.data import archives, images
from pipeline.data.archive_files import check_folders, left_out, list_files, person_folder
from pipeline.data.contact_sheet import contact_sheet
from pipeline.data.faceset import PAIR_COLUMNS, FaceSet
from pipeline.data.record_images import find_images
from pipeline.data.recordio import Records
from pipeline.data.remarks import Remark, say
from pipeline.data.verification_bin import read_bin
from pipeline.errors import InputError
from pipeline.params.faces import Channels, ImageSize, RemoteFileSettings
from pipeline.params.loading import Settings as Base

# The pair files that are passed around under these names, those of A-SKD's tables first.
PROTOCOLS = ("agedb_30", "cplfw", "calfw", "cfp_fp", "lfw", "cfp_ff", "vgg2_fp", "sllfw", "talfw", "xqlfw")
RECORDS = {"rec": "train.rec", "idx": "train.idx", "property": "property"}
FILES = {**RECORDS, "archive": "train.zip", **{key: f"{key}.bin" for key in PROTOCOLS}}  # train.zip may be a tar
PROVIDER = "InsightFace's dataset zoo; the images of AgeDB and CPLFW by their authors on request"

FOLDS = 10
CHUNK = 1024  # faces in one chunk
SHEET_PEOPLE, SHEET_PHOTOS = 6, 10  # of the report's picture


class Settings(Base):
    """A training set (rec, idx and property, or archive) and pairs under one protocol or several."""

    source: Literal["insightface"]
    name: Annotated[str, Field(pattern=r"^\S([^\x00-\x1f]{0,78}\S)?$")] = "faces in InsightFace's formats"  # in tables
    files: dict[Literal[tuple(FILES)], RemoteFileSettings]
    image_size: ImageSize
    channels: Channels
    crop: Annotated[list[int], Field(min_length=4, max_length=4)] | None  # left, top, right, bottom in pixels
    min_images: Annotated[int, Field(ge=1)]  # that a person to be trained on has at least
    max_identities: Annotated[int, Field(ge=2)] | None  # the first so many alone, to try things out

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        records = [key for key in RECORDS if key in self.files]
        if ("archive" in self.files) == bool(records) or len(records) not in (0, len(RECORDS)):
            given = ", ".join([*records, *(["archive"] if "archive" in self.files else [])]) or "nothing"
            raise ValueError(f"files names {given} to train on, expected rec, idx and property, or archive")
        if not set(PROTOCOLS) & set(self.files):
            raise ValueError(f"files names no pairs to verify, expected some of {', '.join(PROTOCOLS)}")
        if self.crop is not None:
            left, top, right, bottom = self.crop
            if not (0 <= left < right and 0 <= top < bottom):
                raise ValueError(f"crop = {self.crop}: expected left < right and top < bottom, none negative")
        return self


@dataclass(frozen=True)
class _Part:
    """Faces of a file: names in the index, whose they are, encoded images with their names in messages, and remarks.

    ``encoded`` takes places in ``files``, in growing order, and gives those images from the beginning.
    """

    files: list[str]
    identities: list[str]
    encoded: Callable[[Iterable[int]], Iterator[tuple[str, bytes]]]
    remarks: Sequence[Remark] = ()


def load(settings: Settings, raw: Path) -> FaceSet:
    """Training people in the order of their file, then each protocol's pairs, 10 folds in file order.

    Train: people with at least ``min_images`` images, among the first ``max_identities``; the others of these are
    unlabelled. Test: the images of every pair. Images are decoded when the chunks are asked for, one chunk and one
    ``.bin`` (encoded) in memory at a time. Raises InputError naming file and record, entry or image.
    """
    trained = "rec" if "rec" in settings.files else "archive"
    train = (_records if trained == "rec" else _archive)(raw, settings.max_identities)
    say(raw / FILES[trained], train.remarks)
    tested, tables, start = [], [], len(train.files)
    for key in PROTOCOLS:
        if key in settings.files:
            part, same = _protocol(raw, key)
            tested.append(part)
            tables.append(_pairs(key, same, start, raw / FILES[key]))
            start += len(part.files)
    index = _index(train, tested, settings.min_images)
    _check_people(index, settings.min_images, raw / FILES[trained])

    def decode(encoded: tuple[str, bytes]) -> np.ndarray:
        name, data = encoded
        crop = None if settings.crop is None else tuple(settings.crop)
        return images.decode(data, name, size=settings.image_size, channels=settings.channels, crop=crop)

    def chunks() -> Iterator[np.ndarray]:
        parts = (part.encoded(range(len(part.files))) for part in (train, *tested))
        faces = map(decode, itertools.chain.from_iterable(parts))
        while chunk := list(itertools.islice(faces, CHUNK)):
            yield np.stack(chunk)

    def sheet() -> np.ndarray:
        rows = _rows_of_sheet(index)
        faces = np.stack([decode(encoded) for encoded in train.encoded(rows)])
        return contact_sheet(faces, index["identity"].to_numpy()[rows], people=SHEET_PEOPLE, photos=SHEET_PHOTOS)

    pairs = pd.concat(tables, ignore_index=True)
    return FaceSet(
        index, pairs, chunks, channels=settings.channels, name=settings.name, sheet=sheet, remarks=train.remarks,
        test_people=False,
    )  # fmt: skip


def _records(raw: Path, max_identities: int | None) -> _Part:
    """The images of train.rec."""
    path = raw / FILES["rec"]
    images = find_images(path, raw / FILES["idx"], raw / FILES["property"])
    people = np.unique(images.labels)
    chosen = np.flatnonzero(np.isin(images.labels, people[:max_identities]))
    width = len(str(images.classes - 1))
    names = {label: f"{label:0{width}d}" for label in people.tolist()}  # one text per person, not one per image
    numbers, offsets = images.keys[chosen], images.offsets[chosen]

    def encoded(rows: Iterable[int]) -> Iterator[tuple[str, bytes]]:
        with Records(path) as records:
            for row in rows:
                yield f"{path}: record {numbers[row]}", records.image(int(offsets[row]))

    return _Part(
        [f"{path.name}/{number}" for number in numbers.tolist()],
        [names[label] for label in images.labels[chosen].tolist()],
        encoded,
        images.remarks,
    )


def _archive(raw: Path, max_identities: int | None) -> _Part:
    """The images of an archive in its order, one folder per person. It is read once here and once for each use."""
    path = raw / FILES["archive"]
    files = list_files(path)
    if not files.photos:
        raise files.no_photos("one folder per person: <person>/<image>")
    names = list(files.photos)
    folder_of = {name: PurePosixPath(name).parent.as_posix() for name in names}
    if name := next((name for name in names if folder_of[name] == "."), None):
        raise InputError(f"{path}: entry {name!r} is in no folder, expected one folder per person: <person>/<image>")
    check_folders(path, set(folder_of.values()), "one folder per person: <person>/<image>")
    people = set(sorted(set(folder_of.values()))[:max_identities])
    chosen = [name for name in names if folder_of[name] in people]

    def encoded(rows: Iterable[int]) -> Iterator[tuple[str, bytes]]:
        entries = {files.photos[chosen[row]] for row in rows}
        for member in archives.members(path, only=entries):
            yield f"{path}: {member.name}", member.data

    remarks = left_out(files, person_folder(files), "people")
    return _Part(chosen, [folder_of[name] for name in chosen], encoded, remarks)


def _protocol(raw: Path, key: str) -> tuple[_Part, np.ndarray]:
    """The images of a .bin, with an identity a same pair and two a different one; which pairs are the same (n,)."""
    path = raw / FILES[key]
    _, same = read_bin(path)
    second = [["", " other"][not is_same] for is_same in same]
    people = [f"{path.name} pair {pair}{side}" for pair, other in enumerate(second) for side in ("", other)]

    def encoded(rows: Iterable[int]) -> Iterator[tuple[str, bytes]]:
        images, _ = read_bin(path)
        for row in rows:
            yield f"{path}: image {row}", images[row]

    return _Part([f"{path.name}/{number}" for number in range(2 * len(same))], people, encoded), same


def _pairs(key: str, same: np.ndarray, start: int, path: Path) -> pd.DataFrame:
    """The pairs of one protocol; its first face has the number ``start``."""
    count = len(same)
    if count % FOLDS:
        raise InputError(f"{path}: {count} pairs, expected a multiple of {FOLDS}: as many in each of {FOLDS} folds")
    pair = np.arange(count)
    a = start + 2 * pair
    columns = {"protocol": key, "pair": pair, "fold": pair // (count // FOLDS), "a": a, "b": a + 1, "same": same}
    return pd.DataFrame(columns)[list(PAIR_COLUMNS)]


def _index(train: _Part, tested: list[_Part], min_images: int) -> pd.DataFrame:
    """One row per face: the training file's, then those of the protocols."""
    table = pd.DataFrame({"file": train.files, "identity": train.identities})
    enough = table.groupby("identity")["file"].transform("size") >= min_images
    table["split"] = np.where(enough, "train", "unlabelled")
    parts = [pd.DataFrame({"file": part.files, "identity": part.identities, "split": "test"}) for part in tested]
    index = pd.concat([table, *parts], ignore_index=True)
    index.insert(0, "face", np.arange(len(index)))
    return index


def _check_people(index: pd.DataFrame, min_images: int, path: Path) -> None:
    if (people := index.loc[index["split"] == "train", "identity"].nunique()) < 2:
        raise InputError(f"{path}: min_images = {min_images} leaves {people} people to train on, expected two or more")


def _rows_of_sheet(index: pd.DataFrame) -> list[int]:
    """Some images of the people with most of them, so that the picture does not need all images in memory."""
    train = index[index["split"] == "train"]
    people = train["identity"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    shown = train[train["identity"].isin(people.index[:SHEET_PEOPLE])].groupby("identity").head(SHEET_PHOTOS)
    return sorted(shown["face"].tolist())
