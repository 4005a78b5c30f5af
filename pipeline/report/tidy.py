"""The one tidy table of all tasks, and the short forms of it that `dvc metrics` and `dvc plots` show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data.tables import parse
from pipeline.data.text_lines import check_table
from pipeline.errors import InputError
from pipeline.metrics.rows import COLUMNS

# What is said behind the protocol's name, and the factor: rates and FSIM in percent, PSNR in dB.
IN_SUMMARY = {
    "accuracy": ("", 100),
    "rank1": (", rank-1", 100),
    "psnr": (", PSNR", 1),
    "fsim": (", FSIM", 100),
    "nlda_all_dimensions": (", NLDA rank-1", 100),
    "top1": (", top-1", 100),
}
ACCURACY_COLUMNS = ("protocol", "variant", "condition", "downsampling", "accuracy", "low", "high")


def read(path: Path, columns: Sequence[str], text: Sequence[str] = (), *, empty: bool = False) -> pd.DataFrame:
    """Read a CSV file that must have ``columns``; those named in ``text`` stay text, the others are numbers.

    Raises InputError naming the file when it is absent, damaged, without rows (unless ``empty``), or a number is none.
    """
    check_table(path)
    try:
        found = list(parse(path, nrows=0).columns)
        missing = [column for column in columns if column not in found]
        if missing:
            raise InputError(f"{path}: no column {', '.join(missing)} (found {', '.join(found)})")
        # "NA" is a fine name for a variant: only a number may be missing.
        table = parse(
            path,
            dtype=dict.fromkeys(text, str),
            keep_default_na=False,
            na_values={column: ["", "nan"] for column in found if column not in text},
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:  # pandas' own parser errors and bad UTF-8 are ValueErrors
        raise InputError(f"{path}: cannot be read as CSV ({error})") from error
    if table.empty:
        if empty:
            return table
        raise InputError(f"{path}: no rows")
    for column in table.columns:
        if column not in text and not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"{path}: column {column} holds something that is no number")
    return table


def read_tidy(path: Path) -> pd.DataFrame:
    """Read a table with exactly the tidy columns. Raises InputError as read does."""
    names = [column for column in COLUMNS if column not in ("seed", "value", "n")]
    table = read(path, COLUMNS, text=names)[list(COLUMNS)]
    if (table[["seed", "n"]].astype(float) % 1 != 0).any(axis=None):  # neither is there for nan and inf
        raise InputError(f"{path}: a row has no whole seed or n")
    return table.astype({"seed": int, "n": int, "value": float})


def ordered(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows as one table, in an order that does not depend on which step ran first."""
    rows = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
    return rows.sort_values(list(COLUMNS[:-2]), kind="stable", ignore_index=True)


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """{task: {protocol: {variant: {condition: mean over seeds}}}} of what IN_SUMMARY names."""
    nested: dict[str, Any] = {}
    for metric, (suffix, scale) in IN_SUMMARY.items():
        chosen = rows[rows["metric"] == metric]
        for (task, protocol, variant, condition), group in chosen.groupby(
            ["task", "protocol", "variant", "condition"], sort=True
        ):
            per_variant = nested.setdefault(task, {}).setdefault(f"{protocol}{suffix}", {}).setdefault(variant, {})
            per_variant[condition] = round(scale * float(group["value"].mean()), 2)
    return nested


def read_accuracy(path: Path) -> pd.DataFrame:
    """Read an accuracy.csv: one row per protocol, variant and condition, in percent, for `dvc plots`."""
    return read(path, ACCURACY_COLUMNS, text=ACCURACY_COLUMNS[:3])[list(ACCURACY_COLUMNS)]
