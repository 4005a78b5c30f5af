"""What every source of labelled images gives: names of classes, an index, and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data import archives, images
from pipeline.data.remarks import Remark
from pipeline.errors import InputError

PARTS = ("train", "test")
INDEX_COLUMNS = ("file", "label", "part")

Pictures = Callable[[np.ndarray], Iterator[tuple[int, np.ndarray]]]


@dataclass(frozen=True)
class ClassSet:
    """Images of known classes, a part to learn from and a part to be judged by.

    ``name`` is the data set's in tables. ``names`` are those of the classes, by label. ``index`` has one row per
    image: ``file`` (unique: a path or a number in a file), ``label`` (0..K-1), ``part`` ("train" or "test"), and
    further columns with what else is known. ``pictures(wanted)``, ``wanted`` (rows,) bool, gives (row, pixels) of
    each wanted row once, in any order: uint8 (H, W, C), C 1 or 3 (RGB), at its own size. ``rendered`` is True where
    the project draws them, which every table then says. ``remarks`` are what the source left out or came upon.
    """

    name: str
    names: list[str]
    index: pd.DataFrame
    pictures: Pictures
    rendered: bool = False
    remarks: Sequence[Remark] = ()


def check(classes: ClassSet, where: str | Path) -> None:
    """Refuse a set on which no classifier can be trained and evaluated; ``where`` is its name in messages.

    Raises InputError: fewer than two classes, a class without a name or with another's, a label of no class, a
    class without images to train on or to test.
    """
    names = classes.names
    if len(names) < 2:
        raise InputError(f"{where}: {len(names)} classes, expected two or more")
    twice = [name for name, count in Counter(names).items() if count > 1 or not name.strip()]
    if twice:
        raise InputError(f"{where}: class {twice[0]!r} is nameless or there twice, expected names that differ")
    label = classes.index["label"].to_numpy()
    outside = np.flatnonzero((label < 0) | (label >= len(names)))
    if len(outside):
        row = classes.index.iloc[outside[0]]
        raise InputError(f"{where}: {row['file']}: label {row['label']}, expected 0 to {len(names) - 1}")
    count = {part: np.bincount(label[(classes.index["part"] == part)], minlength=len(names)) for part in PARTS}
    for name, train, test in zip(names, count["train"].tolist(), count["test"].tolist()):
        if not train or not test:
            what = f"{train} images to train on and {test} to test" if train or test else "no images"
            raise InputError(f"{where}: class {name!r} has {what}, expected one or more of both")
    files = classes.index["file"]
    if files.duplicated().any():
        raise InputError(f"{where}: {files[files.duplicated()].iloc[0]} occurs twice, expected each image once")


def of_arrays(parts: list[np.ndarray]) -> Pictures:
    """``pictures`` of a ClassSet whose rows are those of ``parts``, uint8 (n, H, W, C), one after another."""

    def pictures(wanted: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        row = 0
        for part in parts:
            for picture in part:
                if wanted[row]:
                    yield row, picture
                row += 1

    return pictures


def of_files(archive: Path, entries: Sequence[str]) -> Pictures:
    """``pictures`` of a ClassSet whose rows are image files of an archive, by the names they are stored under.

    Raises InputError, while iterating, naming the entry that pipeline.data.images refuses.
    """

    def pictures(wanted: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        rows = {entries[row]: row for row in np.flatnonzero(wanted).tolist()}
        for member in archives.members(archive, only=rows):
            image = images.open_image(member.data, f"{archive}: {member.name}", channels=3)
            yield rows[member.name], np.asarray(image, dtype=np.uint8)

    return pictures
