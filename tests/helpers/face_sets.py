"""A small set of faces with its tables, and the places where it is written."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.data.faceset import FaceSet

IDENTITIES = ["Ann", "Ann", "NA", "NA", "007", "007", "", "Eve", "Eve"]
SPLITS = ["test"] * 6 + ["unlabelled", "train", "train"]


def tables():
    index = pd.DataFrame(
        {
            "face": np.arange(9),
            "file": [f"photo {number}.jpg" for number in range(9)],
            "identity": IDENTITIES,
            "split": SPLITS,
            "age": [20.5, np.nan, 30, 31, 32, 33, 34, 35, 36],
        }
    )
    pairs = pd.DataFrame(
        [
            ("age", 0, 0, 0, 1, True),
            ("age", 1, 0, 0, 2, False),
            ("age", 2, 1, 2, 3, True),
            ("age", 3, 1, 3, 4, False),
            ("pose", 0, 0, 4, 5, True),
            ("pose", 1, 0, 2, 0, False),
        ],
        columns=["protocol", "pair", "fold", "a", "b", "same"],
    )
    return index, pairs


def faceset(index=None, pairs=None, counts=(4, 5), channels=1, shape=(6, 5)):
    default_index, default_pairs = tables()
    generator = np.random.default_rng(0)
    arrays = [generator.integers(0, 256, (count, *shape, channels), dtype=np.uint8) for count in counts]
    return FaceSet(
        index=default_index if index is None else index,
        pairs=default_pairs if pairs is None else pairs,
        chunks=lambda: iter(arrays),
        channels=channels,
        name="some faces",
    )


def places(tmp_path):
    return {
        name: tmp_path / file
        for name, file in (
            ("faces", "faces.npy"),
            ("index", "index.csv"),
            ("pairs", "pairs.csv"),
            ("searches", "searches.csv"),
            ("notes", "notes.json"),
        )
    }


def cell(table, row, column, value):
    """The table with one cell changed, whatever its type."""
    table = table.copy()
    table[column] = table[column].astype(object)
    table.loc[row, column] = value
    return table


INDEX, PAIRS = tables()
