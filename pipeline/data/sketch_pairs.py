"""Pairs of a photo and a sketch, of any number of sets, as two arrays and an index that training and report read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.arrays import open_faces
from pipeline.data.remarks import Remark, Remarked, say
from pipeline.data.remote_file import RemoteFile
from pipeline.data.repeats import Repeats
from pipeline.data.sketch_files import TABLES, Pair, PlannedSet, plan_files, table_name
from pipeline.data.tables import parse
from pipeline.data.text_lines import check_table
from pipeline.errors import InputError
from pipeline.files import atomic_directory, read_json, write_csv, write_json
from pipeline.params.loading import Settings, validate
from pipeline.params.sketch_pairs import FilePairs, RenderedPairs, SketchPairs

PHOTOS, SKETCHES, INDEX, NOTES = "photos.npy", "sketches.npy", "index.csv", "notes.json"
COLUMNS = ("name", "set", "part", "photo_file", "sketch_file")
PARTS = ("train", "test")
CHUNK = 64  # rendered pairs at a time
RENDERED_LABEL = "rendered faces and drawings"


class SetNotes(Settings):
    """A set's label in tables, and how many pairs it has to train and to test on."""

    label: str
    rendered: bool
    train: int
    test: int


class PairNotes(Remarked):
    """What tables say of the whole: ``rendered`` is True where any set is drawn by the project."""

    name: str
    rendered: bool
    train: int
    test: int
    sets: dict[str, SetNotes]


@dataclass(frozen=True)
class LoadedPairs:
    """Prepared pairs: ``photos`` uint8 (N, S, S, C) and ``sketches`` (N, S, S, 1), memory-mapped.

    A pair is a row of ``index``. ``index`` has the columns COLUMNS, all text; names are unique.
    """

    photos: np.ndarray
    sketches: np.ndarray
    index: pd.DataFrame
    notes: PairNotes

    def rows(self, part: str) -> np.ndarray:
        """Numbers (n,) of the pairs of "train" or "test"."""
        return np.flatnonzero(self.index["part"] == part)


def remote_files(settings: SketchPairs) -> list[RemoteFile]:
    """The files to fetch, each once, even when several sets come from it; none for rendered pairs.

    Raises InputError where two sets give different settings for the same archive.
    """
    files: dict[str, RemoteFile] = {}
    for set_name, chosen in settings.sets.items():
        if not isinstance(chosen, FilePairs):
            continue
        given = chosen.files
        provider = chosen.provider or f"whoever publishes {chosen.label}"
        wanted = [RemoteFile(chosen.name, given.archive.address, given.archive.sha256, provider)]
        for table in TABLES:
            if (file := getattr(given, table)) is not None:
                maker = f"whoever made the {table.replace('_', ' ')} of {chosen.label}"
                wanted.append(RemoteFile(table_name(set_name, table), file.address, file.sha256, maker))
        for file in wanted:
            other = files.setdefault(file.name, file)
            if (other.address, other.sha256) != (file.address, file.sha256):
                raise InputError(
                    f"{file.name}: two sets of pairs give it addresses {other.address} and {file.address}, sha256"
                    f" {other.sha256} and {file.sha256}: expected the same"
                )
    return list(files.values())


def prepare_pairs(settings: SketchPairs, raw: str | os.PathLike[str], out: str | os.PathLike[str]) -> None:
    """Write ``photos.npy``, ``sketches.npy``, ``index.csv`` and ``notes.json`` into ``out``, which appears whole.

    ``raw`` is the folder with the files of ``remote_files``. Sets come in their order, of each the pairs to train on
    first. Raises InputError as plan_files does; and where nothing is left to train or to test on.
    """
    raw, out = Path(raw), Path(out)
    planned = {name: _plan(name, chosen, raw, settings) for name, chosen in settings.sets.items()}
    index = pd.DataFrame(
        [
            (f"{name}/{pair.name}", name, pair.part, pair.photo, pair.sketch)
            for name, plan in planned.items()
            for pair in plan.pairs
        ],
        columns=list(COLUMNS),
    )
    for part in PARTS:
        if not (index["part"] == part).any():
            raise InputError(f"{out}: no pairs to {part} on in {', '.join(planned)}, expected some in one set")
    side = settings.image_size
    with atomic_directory(out) as folder:
        with (
            _Rows(folder / PHOTOS, (len(index), side, side, settings.channels)) as photos,
            _Rows(folder / SKETCHES, (len(index), side, side, 1)) as sketches,
        ):
            start = 0
            for plan in planned.values():
                for kind, numbers, pictures in plan.pictures():
                    (photos if kind == "photos" else sketches).put(start + numbers, pictures)
                start += len(plan.pairs)
        write_csv(folder / INDEX, index)
        remarks = []
        for rows, column in ((photos, "photo_file"), (sketches, "sketch_file")):
            files, pairs = index[column].tolist(), index["name"].tolist()
            remarks += rows.repeats.remarks(files, pairs, index["part"].tolist(), "pairs")
        say(out, remarks)
        write_json(folder / NOTES, _notes(planned, remarks).model_dump())


def load(folder: str | os.PathLike[str]) -> LoadedPairs:
    """What ``prepare_pairs`` wrote. Raises InputError naming a file that is absent, damaged or inconsistent."""
    folder = Path(folder)
    photos, sketches = open_faces(folder / PHOTOS), open_faces(folder / SKETCHES)
    notes = validate(PairNotes, read_json(folder / NOTES), "", folder / NOTES)
    path = folder / INDEX
    check_table(path, "the index of pairs")
    try:
        index = parse(path, dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file (expected the index of pairs)") from error
    except (OSError, ValueError) as error:  # pandas' ParserError and UnicodeDecodeError are ValueErrors
        raise InputError(f"{path}: not a CSV table ({error})") from error
    if list(index.columns) != list(COLUMNS):
        raise InputError(f"{path}: columns {','.join(index.columns)}, expected {','.join(COLUMNS)}")
    wrong = ~index["part"].isin(PARTS)
    if wrong.any():
        raise InputError(f"{path}: part {index.loc[wrong, 'part'].iloc[0]!r}, expected {' or '.join(PARTS)}")
    if (twice := index["name"].duplicated()).any():
        raise InputError(f"{path}: name {index.loc[twice, 'name'].iloc[0]!r} occurs twice, expected each once")
    if photos.shape[:3] != sketches.shape[:3] or sketches.shape[3] != 1 or photos.shape[1] != photos.shape[2]:
        raise InputError(
            f"{folder}: {PHOTOS} of {photos.shape} and {SKETCHES} of {sketches.shape} found, expected squares of one"
            " size, as many of these as of those, sketches with one channel"
        )
    if len(index) != len(photos):
        raise InputError(f"{path}: {len(index)} rows, expected {len(photos)}, one per pair of {PHOTOS}")
    return LoadedPairs(photos, sketches, index, notes)


def _plan(name: str, chosen: FilePairs | RenderedPairs, raw: Path, settings: SketchPairs) -> PlannedSet:
    if isinstance(chosen, FilePairs):
        return plan_files(name, chosen, raw, settings.image_size, settings.channels)
    return plan_rendered(chosen, settings.image_size, settings.channels)


def plan_rendered(settings: RenderedPairs, image_size: int, channels: int) -> PlannedSet:
    """People with a photo and a drawing each; nothing is drawn before ``pictures()`` is asked for."""
    from PIL import Image

    from pipeline.data.rendering.sketch_set import render_sketch_pairs

    drawn = render_sketch_pairs(
        seed=settings.seed, image_size=image_size, train=settings.train, test=settings.test,
        exaggeration=settings.exaggeration, hand=settings.hand,
    )  # fmt: skip
    pairs = [
        Pair(name.replace("-", "/"), part, f"rendered/photo/{name}", f"rendered/sketch/{name}")
        for name, part in zip(drawn.index["name"], drawn.index["split"])
    ]

    def pictures() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for start in range(0, len(pairs), CHUNK):
            numbers = np.arange(start, min(start + CHUNK, len(pairs)))
            photos = drawn.photos(numbers)
            if channels == 1:
                photos = np.stack([np.asarray(Image.fromarray(photo).convert("L"))[..., None] for photo in photos])
            yield "photos", numbers, photos
            yield "sketches", numbers, drawn.sketches(numbers)[..., None]

    return PlannedSet(pairs, RENDERED_LABEL, True, pictures)


def _notes(planned: dict[str, PlannedSet], remarks: list[Remark]) -> PairNotes:
    sets = {
        name: SetNotes(
            label=plan.label,
            rendered=plan.rendered,
            **{part: sum(pair.part == part for pair in plan.pairs) for part in PARTS},
        )
        for name, plan in planned.items()
    }
    return PairNotes(
        name=" + ".join(dict.fromkeys(plan.label for plan in planned.values())),
        rendered=any(plan.rendered for plan in planned.values()),
        sets=sets,
        remarks=[*(remark for plan in planned.values() for remark in plan.remarks), *remarks],
        **{part: sum(getattr(notes, part) for notes in sets.values()) for part in PARTS},
    )


class _Rows:
    """A .npy of uint8 whose rows are written in any order, an archive's, each once.

    Plain writes, not a memory map: on a full disk a write says so, a store into a map kills the process.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path, self.shape = path, shape
        self.missing = np.ones(shape[0], dtype=bool)
        self.repeats = Repeats(shape[0])

    def __enter__(self) -> _Rows:
        self.file = open(self.path, "wb")
        np.lib.format.write_array_header_1_0(self.file, {"descr": "|u1", "fortran_order": False, "shape": self.shape})
        self.start = self.file.tell()
        return self

    def put(self, numbers: np.ndarray, pictures: np.ndarray) -> None:
        if pictures.dtype != np.uint8 or pictures.shape != (len(numbers), *self.shape[1:]):
            raise RuntimeError(f"{pictures.dtype} {pictures.shape} came for rows of uint8 {self.shape[1:]}")
        for number, picture in zip(numbers.tolist(), pictures):
            self.file.seek(self.start + number * picture.size)
            self.file.write(np.ascontiguousarray(picture).data)
            self.missing[number] = False
            self.repeats.add(number, picture)

    def __exit__(self, kind, *_) -> None:
        self.file.close()
        if kind is None and self.missing.any():
            raise RuntimeError(f"{self.path.name}: {self.missing.sum()} pictures did not come")
