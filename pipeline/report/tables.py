"""What the tables of several tasks share: cells, and the rows on what results were made with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.report import words
from pipeline.report.blocks import MISSING


def estimate(row: Mapping[str, Any], measure: str, digits: int = 2) -> str:
    """Mean and spread over seeds, the interval below them, of a row with ``measure``, spread, low and high."""
    spread = "" if pd.isna(row["spread"]) else f" ± {row['spread']:.{digits}f}"
    return f"{row[measure]:.{digits}f}{spread}\n{words.between(row['low'], row['high'], digits=max(digits - 1, 1))}"


def difference(line: Mapping[str, Any], digits: int = 1) -> str:
    """One paired comparison of comparing.family, in four lines."""
    interval = words.between(line["low"], line["high"], sign=True, digits=digits)
    return "\n".join(
        (words.points(line["difference"], digits), line["verdict"], interval, words.p_value(line["adjusted"]))
    )


def mean(values: np.ndarray) -> str:
    """Mean over seeds and, where there are several, their standard deviation."""
    if not len(values) or np.isnan(values).any():
        return MISSING
    spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}"


def millions(value: float) -> str:
    """A count in millions; a dash where it is not known."""
    return MISSING if np.isnan(value) else f"{value / 1e6:.1f} M"


def latencies(table: pd.DataFrame, variant: str) -> dict[str, str]:
    """One column per batch size: the median of the variant's times, the 10th and 90th percentile below it."""
    cells = {}
    for batch in sorted(int(batch) for batch in table["batch"].unique()):
        rows = table[(table["variant"] == variant) & (table["batch"] == batch)]
        row = None if rows.empty else rows.iloc[0]
        cells[f"batch\N{NO-BREAK SPACE}{batch}, ms"] = (
            MISSING if row is None else f"{row['median_ms']:.2f}\n{row['p10_ms']:.2f} to {row['p90_ms']:.2f}"
        )
    return cells


def devices(runs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Where networks were trained and judged, and in which precision."""
    return [
        ("Device of the training", distinct((run.get("trained_with") or {}).get("device") for run in runs)),
        ("Device of the evaluation", distinct(run["device"] for run in runs)),
        ("Precision", distinct(run["precision"] for run in runs)),
    ]


def software(runs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Each library that a run names, with its versions."""
    return [
        (name, distinct(run["versions"].get(name) for run in runs))
        for name in sorted({name for run in runs for name in run["versions"]})
    ]


def architectures(models: Mapping[str, Any]) -> list[tuple[str, str]]:
    """One row per network: the variants that have it, and its settings."""
    found: dict[str, list[str]] = {}
    for variant, model in models.items():
        found.setdefault(_architecture(model), []).append(variant)
    return [(f"Network of {words.listed(names)}", text) for text, names in found.items()]


def epochs(losses: Mapping[str, Sequence[pd.DataFrame]], teacher: str) -> str:
    """For how many epochs students and teacher were trained."""
    counts = {variant: len(tables[0]) for variant, tables in losses.items()}
    students = sorted({count for variant, count in counts.items() if variant != teacher})
    of_students = [f"students {words.listed(map(str, students))}"] if students else []
    return "; ".join([*of_students, f"teacher {counts.get(teacher, 'not trained here')}"])


def distinct(values: Iterable[Any]) -> str:
    """Every value once, in the order of coming."""
    return ", ".join(dict.fromkeys(str(value) for value in values if value is not None)) or MISSING


def _architecture(model: Any) -> str:
    if not isinstance(model, dict):
        return str(model)
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in model.items()
    )
