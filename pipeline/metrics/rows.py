"""The one tidy table that every task's evaluation writes and the report reads: one row per metric."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.files import write_csv
from pipeline.metrics.statistics import bootstrap_interval

COLUMNS = ("task", "dataset", "variant", "seed", "protocol", "condition", "metric", "value", "n")
Row = dict[str, Any]  # some of COLUMNS


def over_pictures(found: dict[str, np.ndarray]) -> list[Row]:
    """Mean and 95 % interval over pictures of each measure: rows ``name``, ``name_low`` and ``name_high``.

    ``found`` has (P,) numbers by measure, one a picture, in the measure's own unit; P is the rows' ``n``. The interval
    is that of statistics.bootstrap_interval. Raises InputError where a measure is empty or not finite.
    """
    rows = []
    for metric, values in found.items():
        low, high = bootstrap_interval(values)
        for name, value in ((metric, values.mean()), (f"{metric}_low", low), (f"{metric}_high", high)):
            rows.append({"metric": name, "value": float(value), "n": len(values)})
    return rows


def of_cost(parameters: int, multiply_adds: int) -> list[Row]:
    """What a network costs: how many numbers it stores, and multiply-adds for one picture."""
    costs = {"parameters": parameters, "multiply_adds": multiply_adds}
    return [{"metric": metric, "value": value, "n": 1} for metric, value in costs.items()]


def write_rows(path: Path, rows: Iterable[Row], **fixed: Any) -> None:
    """Write the rows as CSV, ``fixed`` being the columns that are equal in all of them.

    Raises KeyError where neither has one of COLUMNS, InputError as write_csv does.
    """
    write_csv(path, pd.DataFrame([fixed | row for row in rows])[list(COLUMNS)])
