"""Tables on disk: read as they are, and refused by the first row that is wrong."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.text_lines import check_table
from pipeline.errors import InputError


def read_csv(path: str | os.PathLike[str], text: tuple[str, ...]) -> pd.DataFrame:
    """The table at ``path``; its columns ``text`` stay as they are written. Raises InputError naming the file."""
    check_table(path)
    try:
        columns = parse(path, nrows=0).columns
        # Text stays as it is, since a person may be called "NA" or "007"; elsewhere "" is no value.
        missing = {column: ["", "nan", "NaN"] for column in columns if column not in text}
        dtypes = {column: str for column in text if column in columns}
        return parse(path, dtype=dtypes, keep_default_na=False, na_values=missing)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise InputError(f"{path}: not a CSV table ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def parse(path: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
    """What pandas reads from the CSV file at ``path`` with these options, and its errors.

    Raises InputError where rows have more values than there are columns: pandas would take the first values for names of
    rows and shift all others, or leave out the last ones.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, encoding="utf-8", index_col=False, **options)
        except pd.errors.ParserWarning:
            raise InputError(f"{path}: rows with more values than columns, expected as many") from None


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
