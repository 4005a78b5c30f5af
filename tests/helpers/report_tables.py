"""What tests of the report's sections share: a table found by its caption, and damage done to results."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.report import blocks
from tests.helpers.fake_results import of_kind


def table_of(section: blocks.Section, caption: str) -> blocks.Table:
    """The first table whose caption the expression finds."""
    return next(table for table in of_kind(section, blocks.Table) if re.search(caption, table.caption))


def change_table(name: str, change) -> callable:
    """What changes a CSV file of an evaluation's folder."""

    def apply(folder: Path) -> None:
        table = pd.read_csv(folder / name, keep_default_na=False)
        change(table).to_csv(folder / name, index=False)

    return apply


def change_run(**changes) -> callable:
    """What changes values in run.json; a function is given the one that stands there."""

    def apply(folder: Path) -> None:
        run = json.loads((folder / "run.json").read_text())
        for key, value in changes.items():
            run[key] = value(run[key]) if callable(value) else value
        (folder / "run.json").write_text(json.dumps(run))

    return apply


def change_samples(change) -> callable:
    """What changes the arrays of samples.npz in place."""

    def apply(folder: Path) -> None:
        with np.load(folder / "samples.npz") as stored:
            arrays = dict(stored)
        change(arrays)
        np.savez(folder / "samples.npz", **arrays)

    return apply
