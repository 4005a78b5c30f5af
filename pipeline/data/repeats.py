"""Pictures and names that occur twice in a data set: said in its notes, since only who made the set can put it right."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.data.remarks import Remark, remark


class Repeats:
    """Finds equal pictures by a checksum of 64 bits each: pixels as prepared, so equal files are equal here too."""

    def __init__(self, rows: int) -> None:
        self.digests = np.zeros(rows, dtype=np.uint64)

    def add(self, row: int, pixels: np.ndarray) -> None:
        """Note the picture of a row, uint8 (H, W, C)."""
        content = np.ascontiguousarray(pixels)
        digest = hashlib.blake2b(content.data, digest_size=8, salt=str(content.shape).encode()[:16])
        self.digests[row] = int.from_bytes(digest.digest(), "little")

    def remarks(
        self, files: Sequence[str], groups: Sequence[str], splits: Sequence[str], called: str, known: bool = True
    ) -> list[Remark]:
        """Equal pictures of two groups (people, classes; "" is of nobody known), and such to train and to test on.

        ``called`` is what a group is called, in the plural. Not ``known``: groups of split "test" are made up, so
        that two of them may be one.
        """
        order = np.argsort(self.digests, kind="stable")
        same = np.flatnonzero(np.diff(self.digests[order]) == 0)
        sets: list[list[int]] = []
        for place in same.tolist():
            if sets and sets[-1][-1] == order[place]:
                sets[-1].append(int(order[place + 1]))
            else:
                sets.append([int(order[place]), int(order[place + 1])])
        shared, leaked = [], []
        for rows in sorted(sets):
            whose = {groups[row]: row for row in reversed(rows) if groups[row] and (known or splits[row] != "test")}
            if len(whose) > 1:
                shared.append(_equal(files, sorted(whose.values())))
            test = [row for row in rows if splits[row] == "test"]
            if test and len(test) < len(rows):
                leaked.append(_equal(files, sorted((test[0], next(row for row in rows if splits[row] != "test")))))
        said = remark(f"pictures that occur under two {called} or more", shared)
        return said + remark("pictures that are both to train and to test on", leaked)


def alike(names: Iterable[str], called: str) -> list[Remark]:
    """Names that differ only in letter case, in how a letter is written, or in spaces and dots at the end."""
    forms: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        forms.setdefault(unicodedata.normalize("NFKC", name).casefold().strip(" ."), []).append(name)
    sets = [" = ".join(map(repr, spellings)) for spellings in forms.values() if len(spellings) > 1]
    return remark(f"{called} under two names that differ only in letter case, or in spaces or dots at the end", sets)


def _equal(files: Sequence[str], rows: Sequence[int]) -> str:
    return " = ".join(files[row] for row in rows[:3])
