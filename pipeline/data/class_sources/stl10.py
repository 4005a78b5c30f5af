"""STL-10: 5,000 training and 8,000 test photographs of 96x96 in ten classes (Coates, Ng and Lee, AISTATS 2011).

Binary version: 3x96x96 bytes per image, red, green and blue, each column by column; labels of one byte, from 1. Its
unlabelled images and its folds are not used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.data.archive_files import read_named
from pipeline.data.class_set import PARTS, ClassSet, of_arrays
from pipeline.errors import InputError
from pipeline.params.classes import ArchivedImages

PROVIDER = "Adam Coates, Stanford University (STL-10's page)"
NAME = "stl10_binary.tar.gz"
SIDE, CLASSES = 96, 10
VALUES = 3 * SIDE * SIDE


class Settings(ArchivedImages):
    """Nothing to choose but size, channels and limits."""

    source: Literal["stl10"]


def archive(settings: Settings) -> tuple[str, str]:
    """The name of the official archive, and who gives it out."""
    return NAME, PROVIDER


def load(settings: Settings, raw: Path) -> ClassSet:
    """The images in the order of the files, all in memory: 360 MB.

    Raises InputError naming archive and file: missing, truncated, other numbers of labels and images, a label of no
    class.
    """
    path = raw / NAME
    wanted = [f"{part}_{what}.bin" for part in PARTS for what in "Xy"]
    files = read_named(path, [*wanted, "class_names.txt"])
    names = [line.strip() for line in files["class_names.txt"].decode("utf-8", "replace").splitlines() if line.strip()]
    if len(names) != CLASSES:
        raise InputError(f"{path}: class_names.txt: names of {len(names)} classes, expected {CLASSES}")
    pixels, tables = [], []
    for part in PARTS:
        labels, images = _read(path, part, files.pop(f"{part}_X.bin"), files[f"{part}_y.bin"])
        pixels.append(images)
        numbers = [f"{part}_X.bin/{number}" for number in range(len(labels))]
        tables.append(pd.DataFrame({"file": numbers, "label": labels, "part": part}))
    return ClassSet("STL-10", names, pd.concat(tables, ignore_index=True), of_arrays(pixels))


def _read(path: Path, part: str, pixels: bytes, labels: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) from 0 and images (n, 96, 96, 3) of one part."""
    if not pixels or len(pixels) % VALUES:
        raise InputError(f"{path}: {part}_X.bin: {len(pixels)} bytes, expected a multiple of {VALUES}: one image")
    if len(labels) != len(pixels) // VALUES:
        raise InputError(
            f"{path}: {part}_y.bin: {len(labels)} labels for {len(pixels) // VALUES} images, expected one per image"
        )
    numbers = np.frombuffer(labels, dtype=np.uint8).astype(np.int64)
    wrong = np.flatnonzero((numbers < 1) | (numbers > CLASSES))
    if len(wrong):
        raise InputError(f"{path}: {part}_y.bin: image {wrong[0]}: label {numbers[wrong[0]]}, expected 1 to {CLASSES}")
    return numbers - 1, np.frombuffer(pixels, dtype=np.uint8).reshape(-1, 3, SIDE, SIDE).transpose(0, 3, 2, 1)
