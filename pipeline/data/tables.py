"""Tables on disk: read as they are, and refused by the first row that is wrong."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable

import numpy as np
import pandas as pd

from pipeline.data.text_lines import check_table
from pipeline.errors import InputError


def read_csv(path: str | os.PathLike[str], text: tuple[str, ...]) -> pd.DataFrame:
    """The table at ``path``; its columns ``text`` stay as they are written. Raises InputError naming the file."""
    check_table(path)
    try:
        columns = pd.read_csv(path, nrows=0, encoding="utf-8").columns
        # Text stays as it is, since a person may be called "NA" or "007"; elsewhere "" is no value.
        missing = {column: ["", "nan", "NaN"] for column in columns if column not in text}
        dtypes = {column: str for column in text if column in columns}
        table = pd.read_csv(path, encoding="utf-8", dtype=dtypes, keep_default_na=False, na_values=missing)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise InputError(f"{path}: not a CSV table ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return check_rows(table, path)


def check_rows(table: pd.DataFrame, path: str | os.PathLike[str]) -> pd.DataFrame:
    """The table as pandas has read it from ``path``. Raises InputError where rows have more values than there are columns.

    pandas then takes the first values for names of the rows, and every other one for that of the next column.
    """
    # Values of the index that count evenly come back as a range too: only 0, 1, ... may be pandas' own.
    if (
        table.index.name is not None
        or not table.index.equals(pd.RangeIndex(len(table)))
        or _first_is_longer(path, len(table.columns))
    ):
        raise InputError(f"{path}: rows with more values than the {len(table.columns)} columns, expected as many")
    return table


def _first_is_longer(path: str | os.PathLike[str], columns: int) -> bool:
    """Whether the first row has more values than there are columns, by the rules of CSV."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = (row for row in csv.reader(file) if row)
        next(rows, None)
        return len(next(rows, [])) > columns


def check_columns(table: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    """Raise InputError where a column is not there or lacks a value; ``name`` is what messages call the table."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"{name}: no column {', '.join(missing)} (expected {', '.join(columns)})")
    for column in columns:
        refuse(table[column].isna(), name, lambda row: f"no value in column {column}")


def refuse(bad: pd.Series | np.ndarray, name: str, problem: Callable[[int], str]) -> None:
    """Raise for the first row that is bad; rows are counted from 1, without the header."""
    rows = np.flatnonzero(np.asarray(bad))
    if len(rows):
        more = f" (and {len(rows) - 1} more rows like it)" if len(rows) > 1 else ""
        raise InputError(f"{name}: row {rows[0] + 1}: {problem(int(rows[0]))}{more}")


def is_whole(column: pd.Series) -> np.ndarray:
    """True where a value is a whole number."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float)
    return np.isfinite(numbers) & (numbers == np.floor(numbers))
