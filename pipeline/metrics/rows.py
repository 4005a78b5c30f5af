"""The one tidy table that every task's evaluation writes and the report reads: one row per metric."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import InputError
from pipeline.files import write_csv
from pipeline.metrics.verdicts.mean import of_one_network

COLUMNS = ("task", "dataset", "variant", "seed", "protocol", "condition", "metric", "value", "n")
Row = dict[str, Any]  # some of COLUMNS


def over_pictures(measures: dict[str, np.ndarray]) -> list[Row]:
    """Mean and 95 % interval over pictures of each measure: rows ``name``, ``name_low`` and ``name_high``.

    ``measures`` has (P,) numbers by measure, one per picture, in the measure's unit; P is the rows' ``n``. A single
    picture has no interval. Raises InputError where a measure is empty or not finite.
    """
    rows = []
    for metric, values in measures.items():
        if not len(values):
            raise InputError(f"{metric}: no pictures, expected at least one")
        for name, value in ({metric: values.mean()} | interval(metric, values)).items():
            rows.append({"metric": name, "value": float(value), "n": len(values)})
    return rows


def interval(
    metric: str, outcomes: np.ndarray, people: np.ndarray | None = None, rates: bool = False
) -> dict[str, float]:
    """``metric``_low and _high: the 95 % interval over items of one network, as verdicts.mean has it.

    Nothing where the items, (n,) ``outcomes`` of ``people``, tell nothing of their own variance.
    """
    ends = of_one_network(outcomes, people=people, rates=rates)
    return {} if ends is None else {f"{metric}_low": ends[0], f"{metric}_high": ends[1]}


def of_cost(parameters: int, multiply_adds: int) -> list[Row]:
    """What a network costs: how many numbers it stores, and multiply-adds for one picture."""
    costs = {"parameters": parameters, "multiply_adds": multiply_adds}
    return [{"metric": metric, "value": value, "n": 1} for metric, value in costs.items()]


def write_rows(path: Path, rows: Iterable[Row], **fixed: Any) -> None:
    """Write the rows as CSV, ``fixed`` being the columns that are equal in all of them.

    Raises KeyError where neither has one of COLUMNS, InputError as write_csv does.
    """
    write_csv(path, pd.DataFrame([fixed | row for row in rows])[list(COLUMNS)])
