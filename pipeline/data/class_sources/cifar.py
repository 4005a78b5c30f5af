"""CIFAR-10 and CIFAR-100: 50,000 and 10,000 photographs of 32x32 (Krizhevsky, 2009), binary or python version.

Binary version: records of one byte a label (CIFAR-100: the coarse, then the fine label) and 3072 bytes, red, green
and blue, row by row. Python version: pickles of a dictionary with the same 3072 bytes per image, read without running
them. CIFAR-100 is read by its fine labels.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.data.archive_files import read_named
from pipeline.data.class_set import PARTS, ClassSet, of_arrays
from pipeline.data.pickles import Array, kind, walk
from pipeline.errors import InputError
from pipeline.params.classes import ArchivedImages

PROVIDER = "Alex Krizhevsky, University of Toronto (CIFAR's page)"
SIDE = 32
VALUES = 3 * SIDE * SIDE
DICTIONARY = "a pickle of a dictionary of lists and one uint8 array"

BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
# (classes, version): the files of the parts, the file with the names of the classes.
FILES = {
    (10, "binary"): ({"train": tuple(f"{name}.bin" for name in BATCHES), "test": ("test_batch.bin",)},
                     "batches.meta.txt"),
    (10, "python"): ({"train": BATCHES, "test": ("test_batch",)}, "batches.meta"),
    (100, "binary"): ({"train": ("train.bin",), "test": ("test.bin",)}, "fine_label_names.txt"),
    (100, "python"): ({"train": ("train",), "test": ("test",)}, "meta"),
}  # fmt: skip
# Keys of the python version's dictionaries.
LABELS, NAMES = {10: "labels", 100: "fine_labels"}, {10: "label_names", 100: "fine_label_names"}


class Settings(ArchivedImages):
    """Which of the two, and in which version."""

    source: Literal["cifar"]
    classes: Literal[10, 100]
    version: Literal["binary", "python"] = "binary"


def archive(settings: Settings) -> tuple[str, str]:
    """The name of the official archive, and who gives it out."""
    return f"cifar-{settings.classes}-{settings.version}.tar.gz", PROVIDER


def load(settings: Settings, raw: Path) -> ClassSet:
    """The images in the order of the files, all in memory: 184 MB.

    Raises InputError naming archive and file: missing, truncated, a label of no class.
    """
    path = raw / archive(settings)[0]
    parts, meta = FILES[settings.classes, settings.version]
    files = read_named(path, [*parts["train"], *parts["test"], meta])
    binary = settings.version == "binary"
    names = (_lines if binary else _named)(f"{path}: {meta}", files[meta], settings.classes)
    pixels, tables = [], []
    for part in PARTS:
        for file in parts[part]:
            labels, images = (_records if binary else _pickled)(f"{path}: {file}", files.pop(file), settings.classes)
            pixels.append(images)
            numbers = [f"{file}/{number}" for number in range(len(labels))]
            tables.append(pd.DataFrame({"file": numbers, "label": labels.astype(np.int64), "part": part}))
    index = pd.concat(tables, ignore_index=True)
    return ClassSet(f"CIFAR-{settings.classes}", names, index, of_arrays(pixels))


def _records(where: str, data: bytes, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) and images (n, 32, 32, 3) of the binary version."""
    labels = 1 if classes == 10 else 2
    if not data or len(data) % (labels + VALUES):
        raise InputError(
            f"{where}: {len(data)} bytes, expected a multiple of {labels + VALUES}: {labels} of labels and {VALUES} of"
            " pixels per image"
        )
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, labels + VALUES)
    return _checked(where, records[:, labels - 1], classes), _planes(records[:, labels:])


def _pickled(where: str, data: bytes, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) and images (n, 32, 32, 3) of the python version."""
    content = _dictionary(where, data)
    pixels, labels = content.get("data"), content.get(LABELS[classes])
    if not isinstance(pixels, Array) or pixels.data is None or len(pixels.sides) != 2 or pixels.sides[1] != VALUES:
        raise InputError(f"{where}: no array data of {VALUES} values per image, expected one")
    if type(labels) is not list or any(type(label) is not int for label in labels):
        raise InputError(f"{where}: no list {LABELS[classes]} of whole numbers, expected one")
    if len(labels) != pixels.sides[0] or not labels:
        raise InputError(f"{where}: {len(labels)} labels for {pixels.sides[0]} images, expected one per image")
    # A whole number may be an absurd one.
    bounded = np.array([label if 0 <= label < classes else -1 for label in labels])
    return _checked(where, bounded, classes), _planes(pixels.values())


def _planes(rows: np.ndarray) -> np.ndarray:
    """(n, 3072), red, green and blue one after another, as a view (n, 32, 32, 3)."""
    return rows.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)


def _checked(where: str, labels: np.ndarray, classes: int) -> np.ndarray:
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        label = f"label {labels[wrong[0]]}" if labels[wrong[0]] >= 0 else "a label out of range"
        raise InputError(f"{where}: image {wrong[0]}: {label}, expected 0 to {classes - 1}")
    return labels


def _lines(where: str, data: bytes, classes: int) -> list[str]:
    """Names of the binary version: a line each."""
    return _all_names(where, [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()],
                      classes)  # fmt: skip


def _named(where: str, data: bytes, classes: int) -> list[str]:
    """Names of the python version."""
    names = _dictionary(where, data).get(NAMES[classes])
    if type(names) is not list or any(type(name) not in (str, bytes) for name in names):
        raise InputError(f"{where}: no list {NAMES[classes]} of names, expected one")
    return _all_names(where, [_text(name) for name in names], classes)


def _all_names(where: str, names: list[str], classes: int) -> list[str]:
    if len(names) != classes:
        raise InputError(f"{where}: names of {len(names)} classes, expected {classes}")
    return names


def _dictionary(where: str, data: bytes) -> dict[str, Any]:
    content = walk(where, io.BytesIO(data), DICTIONARY, sides=2, dictionaries=True)
    if type(content) is not dict:
        raise InputError(f"{where}: holds {kind(content)}, expected {DICTIONARY}")
    return {_text(key): value for key, value in content.items()}


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
