"""Labelled images on disk: prepared once from any source, then read by memory map."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from pipeline.data.arrays import open_faces, write_placed
from pipeline.data.class_set import INDEX_COLUMNS, PARTS, ClassSet, check
from pipeline.data.class_sources import ImageClasses, source
from pipeline.data.contact_sheet import contact_sheet
from pipeline.data.remarks import Remarked, say
from pipeline.data.repeats import Repeats, alike
from pipeline.data.tables import check_columns, is_whole, read_csv, refuse
from pipeline.errors import InputError
from pipeline.files import atomic_directory, read_json, write_csv, write_json
from pipeline.params.classes import LabelledImages, PerClass
from pipeline.params.loading import Settings, validate

IMAGES, INDEX, CLASSES, NOTES = "images.npy", "index.csv", "classes.csv", "notes.json"
CHUNK = 4096  # images in memory at once while their channels are measured

Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(gt=0, le=1)]


class Counts(Settings):
    """Images in each part."""

    train: Annotated[int, Field(ge=1)]
    test: Annotated[int, Field(ge=1)]


class Notes(Remarked):
    """What is known of a prepared set as a whole."""

    name: str  # what tables call it; limits are part of it
    rendered: bool
    mean: Annotated[list[Share], Field(min_length=1, max_length=3)]  # of the training part by channel, white being 1
    std: Annotated[list[Spread], Field(min_length=1, max_length=3)]  # over all its pixels, likewise
    images: Counts
    per_class: PerClass  # the limits that were asked for
    as_given: bool  # every image of the set at the size and in the channels that the source has


@dataclass(frozen=True)
class Classes:
    """A prepared set. ``images`` (N, S, S, C) uint8, a read-only memory map; training images come first.

    ``labels`` (N,) int64; ``names`` of the K classes by label; ``index`` one row per image, see
    pipeline.data.class_set.
    """

    images: np.ndarray
    labels: np.ndarray
    names: list[str]
    index: pd.DataFrame
    notes: Notes

    def part(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels of "train" or "test", views without a copy."""
        rows = slice(0, self.notes.images.train) if part == "train" else slice(self.notes.images.train, None)
        return self.images[rows], self.labels[rows]


def classification_prepare(settings: ImageClasses, raw: str | os.PathLike[str], out: str | os.PathLike[str]) -> None:
    """Write the images of ``settings`` into the folder ``out``, which appears whole or not at all and replaces
    another.

    ``raw`` is the folder with the source's archive. Images keep the order of the source, training images first.
    ``images.npy``: uint8 (N, S, S, C). ``index.csv``: image (0..N-1), file, label, part, and what else the source
    knows. ``classes.csv``: label, name. ``notes.json``: see Notes.

    Raises InputError in one line naming the file: what the source refuses, a class without images in either part,
    training images of one colour, a full disk.
    """
    raw = Path(raw)
    module = source(settings.source)
    where = settings.source if module.archive(settings) is None else _present(settings, raw)
    labelled = module.load(settings, raw)
    check(labelled, where)
    rows = _chosen(labelled.index, settings.per_class)
    index = labelled.index.iloc[rows].reset_index(drop=True)
    index.insert(0, "image", np.arange(len(index)))
    counts = {part: int((index["part"] == part).sum()) for part in PARTS}
    shape = (len(index), settings.image_size, settings.image_size, settings.channels)
    with atomic_directory(out) as folder:
        fitted = _Fitted(labelled, rows, settings)
        write_placed(folder / IMAGES, fitted, shape)
        mean, std = _measured(np.load(folder / IMAGES, mmap_mode="r", allow_pickle=False)[: counts["train"]])
        if not min(std):
            raise InputError(f"{where}: channel {std.index(0)} of all training images is one value, expected pictures")
        write_csv(folder / INDEX, index)
        write_csv(folder / CLASSES, pd.DataFrame({"label": np.arange(len(labelled.names)), "name": labelled.names}))
        remarks = alike(labelled.names, "classes")
        names = [labelled.names[label] for label in index["label"]]
        remarks += fitted.repeats.remarks(index["file"].tolist(), names, index["part"].tolist(), "classes")
        say(where, remarks)
        notes = Notes(
            name=labelled.name + _limited(settings.per_class),
            rendered=labelled.rendered,
            mean=mean,
            std=std,
            images=Counts(**counts),
            per_class=settings.per_class,
            as_given=fitted.changed == 0 and settings.per_class == PerClass(),
            remarks=[*labelled.remarks, *remarks],
        )
        write_json(folder / NOTES, notes.model_dump())


def open_classes(folder: str | os.PathLike[str]) -> Classes:
    """Open what ``classification_prepare`` wrote. Raises InputError naming a file: absent, damaged, inconsistent."""
    folder = Path(folder)
    images = open_faces(folder / IMAGES)
    notes = validate(Notes, read_json(folder / NOTES), "", folder / NOTES)
    names = read_csv(folder / CLASSES, text=("name",))
    check_columns(names, ("label", "name"), str(folder / CLASSES))
    _check_numbers(names["label"], folder / CLASSES, "label")
    index = read_csv(folder / INDEX, text=("file", "part"))
    check_columns(index, ("image", *INDEX_COLUMNS), str(folder / INDEX))
    _check_numbers(index["image"], folder / INDEX, "image")
    label = index["label"]
    refuse(~is_whole(label) | ~pd.to_numeric(label, errors="coerce").between(0, len(names) - 1), str(folder / INDEX),
           lambda row: f"label {label.iloc[row]}, expected 0 to {len(names) - 1}")  # fmt: skip
    part = np.repeat(PARTS, [notes.images.train, notes.images.test])
    if not len(images) == len(index) == len(part):
        raise InputError(
            f"{folder}: {len(images)} images, {len(index)} rows of {INDEX}, and {len(part)} after {NOTES}: expected"
            " the same number"
        )
    refuse(index["part"].to_numpy() != part, str(folder / INDEX),
           lambda row: f"part {index['part'].iloc[row]!r}, expected '{part[row]}'")  # fmt: skip
    if not len(notes.mean) == len(notes.std) == images.shape[3]:
        raise InputError(f"{folder / NOTES}: mean and std of {len(notes.mean)} channels, expected {images.shape[3]}")
    return Classes(images, label.to_numpy(np.int64), names["name"].tolist(), index, notes)


def sample_sheet(classes: Classes, *, part: str = "train", rows: int = 10, photos: int = 10) -> np.ndarray:
    """The first images of the first classes, (H, W, 3) uint8: ``classes.names[:rows]`` by row."""
    images, labels = classes.part(part)
    places = [np.flatnonzero(labels == label)[:photos] for label in range(min(rows, len(classes.names)))]
    # As many of each, since the sheet would begin with the fullest class.
    photos = min(len(of_class) for of_class in places)
    chosen = np.concatenate([of_class[:photos] for of_class in places])
    return contact_sheet(images[chosen], labels[chosen], people=len(places), photos=photos)


def fit(picture: np.ndarray, size: int, channels: int) -> np.ndarray:
    """uint8 (H, W, 1 or 3) brought to (size, size, channels): the middle square, by antialiased bicubic resampling.

    One channel is the luma of three (ITU-R 601).
    """
    height, width, given = picture.shape
    if (height, width, given) == (size, size, channels):
        return picture
    image = Image.fromarray(np.ascontiguousarray(picture[..., 0] if given == 1 else picture))
    image = image.convert("L" if channels == 1 else "RGB")
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    if side != size:
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.uint8).reshape(size, size, channels)


class _Fitted:
    """The chosen rows of a set, as (new row, fitted picture).

    ``changed`` counts those that were not so given, ``repeats`` knows those that are equal.
    """

    def __init__(self, labelled: ClassSet, rows: np.ndarray, settings: LabelledImages) -> None:
        self.labelled, self.settings, self.changed = labelled, settings, 0
        self.place = np.full(len(labelled.index), -1)
        self.place[rows] = np.arange(len(rows))
        self.repeats = Repeats(len(rows))

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        for row, picture in self.labelled.pictures(self.place >= 0):
            fitted = fit(picture, self.settings.image_size, self.settings.channels)
            self.changed += fitted is not picture
            self.repeats.add(self.place[row], fitted)
            yield int(self.place[row]), fitted


def _present(settings: ImageClasses, raw: Path) -> Path:
    """The archive's path. Raises InputError where there is none."""
    name, provider = source(settings.source).archive(settings)
    if not (raw / name).is_file():
        raise InputError(f"{raw / name}: no such file, expected the archive given out by {provider}")
    return raw / name


def _chosen(index: pd.DataFrame, limits: PerClass) -> np.ndarray:
    """Rows to take, training images first."""
    rows = []
    for part in PARTS:
        images, limit = index[index["part"] == part], getattr(limits, part)
        rows.append(
            images.index[images.groupby("label").cumcount() < (len(images) if limit is None else limit)].to_numpy()
        )
    return np.concatenate(rows)


def _limited(limits: PerClass) -> str:
    """What the name says of limits, so that results under different limits are never mistaken for each other."""
    said = [f"{getattr(limits, part)} {part}" for part in PARTS if getattr(limits, part) is not None]
    return f", first {' and '.join(said)} images a class" if said else ""


def _measured(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation by channel, white being 1; exact, as grey levels are counted."""
    counts = np.zeros((images.shape[3], 256), dtype=np.int64)
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK]
        counts += [np.bincount(chunk[..., channel].ravel(), minlength=256) for channel in range(len(counts))]
    levels = np.arange(256) / 255
    mean = counts @ levels / counts.sum(axis=1)
    variance = (counts * np.square(levels - mean[:, None])).sum(axis=1) / counts.sum(axis=1)
    return mean.tolist(), np.sqrt(variance).tolist()


def _check_numbers(column: pd.Series, path: Path, name: str) -> None:
    refuse(pd.to_numeric(column, errors="coerce").to_numpy() != np.arange(len(column)), str(path),
           lambda row: f"{name} {column.iloc[row]}, expected {row}")  # fmt: skip
