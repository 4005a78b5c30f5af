"""Tables that every section has: estimates by variant, comparisons, cost, and what results were made with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from pipeline.report import words
from pipeline.report.blocks import MISSING, Table
from pipeline.report.numbers import Numbers, Place
from pipeline.report.results import Data

# A column's title, and its cell for a variant; None where there is nothing to say.
Columns = Mapping[str, Callable[[str], Any]]


def by_variant(variants: Iterable[str], columns: Columns, caption: str, rules: Iterable[int] = ()) -> Table:
    """A row per variant. ``rules`` are the rows before which a line is drawn; those outside the table count not."""
    rows = [{title: cell(variant) for title, cell in columns.items()} for variant in variants]
    inside = tuple(sorted({rule for rule in rules if 0 < rule < len(rows)}))
    return Table(pd.DataFrame(rows, columns=list(columns)), caption, rules=inside)


def estimates(numbers: Numbers, places: Mapping[str, Place], digits: int = 2, ends: int | None = None) -> dict:
    """Columns of estimates: a place under each title."""
    return {title: partial(_estimate_of, numbers, place, digits, ends) for title, place in places.items()}


def means(numbers: Numbers, places: Mapping[str, Place], digits: int = 2) -> dict:
    """Columns of bare means: a place under each title."""
    return {title: partial(_mean_of, numbers, place, digits) for title, place in places.items()}


def measured(data: Data, places: Mapping[str, tuple[Place, float, int]]) -> dict:
    """Columns of means over seeds without an interval: under each title a place, its scale and digits."""
    return {title: partial(_measured_of, data, *place) for title, place in places.items()}


def estimate(row: Mapping[str, Any] | None, digits: int = 2, ends: int | None = None) -> str | None:
    """Mean and spread over seeds, the interval with ``ends`` digits, if it has one, below them."""
    if row is None:
        return None
    spread = "" if pd.isna(row["spread"]) else f" ± {row['spread']:.{digits}f}"
    mean = f"{row['mean']:.{digits}f}"
    if pd.isna(row["low"]):
        return mean + spread.replace(" ", "\n", 1)
    ends = max(digits - 1, 1) if ends is None else ends
    return f"{mean}{spread}\n{words.between(row['low'], row['high'], digits=ends)}"


def mean(values: np.ndarray, digits: int = 1) -> str:
    """Mean over seeds and, where there are several, their standard deviation."""
    if not len(values) or np.isnan(values).any():
        return MISSING
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


def difference(line: Mapping[str, Any], digits: int = 1) -> str:
    """One comparison in lines: difference, verdict, interval, p; what could have been seen beside a null result.

    With one seed there is no p, since there is no test on methods.
    """
    word = line["verdict"]
    shown = [words.points(line["difference"], digits), word]
    if word == words.EQUAL:
        shown[1] += f" within {line['margin']:.{digits}f}"
    shown.append(words.between(line["low"], line["high"], sign=True, digits=digits))
    if word != words.ONE_SEED:
        shown.append(f"{words.p_value(line['adjusted'])}{', primary' if line['primary'] else ''}")
    if word == words.NULL and not np.isnan(line["visible"]):
        shown.append(f"{line['visible']:.{digits}f} would be found")
    return "\n".join(shown)


def compared(
    rows: Sequence[Mapping[str, Any]],
    caption: str,
    digits: int = 1,
    running: Sequence[str] = (),
    rules: Iterable[int] = (),
) -> Table | None:
    """Comparisons as a table; None without rows. A cell is text, None, or a row of Numbers.comparisons.

    ``running`` are the columns of running text, ``rules`` the rows before which a line is drawn.
    """
    shown, marks = [], {}
    for number, row in enumerate(rows):
        cells = {}
        for column, value in row.items():
            made = isinstance(value, Mapping)
            cells[column] = difference(value, digits) if made else value
            if made and value["verdict"] in ("better", "worse"):
                marks[number, column] = value["verdict"]
        shown.append(cells)
    frame = pd.DataFrame(shown)
    return Table(frame, caption, words=tuple(running), marks=marks, rules=tuple(rules)) if rows else None


def cost(data: Data, first: str, before: Columns, after: Columns, said: str, *about: str) -> Table:
    """Size, work and time of every variant between other columns; ``said`` begins the caption, before the time.

    ``about`` goes to the caption as Data.caption takes it.
    """
    trained = data.inputs.trained

    def costs(metric: str, form: Callable[[float], str]) -> Callable[[str], str | None]:
        return lambda variant: form(data.cost(metric, variant)) if variant in trained else None

    def time(title: str) -> Callable[[str], str | None]:
        return lambda variant: latencies(data.latency, variant)[title] if variant in trained else None

    times = {title: time(title) for title in latencies(data.latency, "")}
    columns = {
        first: str,
        **before,
        "Parameters": costs("parameters", lambda number: f"{number / 1e6:.3f} M"),
        "Multiply-adds": costs("multiply_adds", operations),
        **times,
        **after,
    }
    text = f"{said} {time_is(data)}"
    variants, teacher = list(data.inputs.all), data.inputs.teacher
    rules = {variants.index(teacher), variants.index(teacher) + 1} if teacher in variants else set()
    return by_variant(variants, columns, data.caption(text, *about), rules | ({1} if data.inputs.floor else set()))


def time_is(data: Data) -> str:
    """What the columns of times hold."""
    devices = words.listed(dict.fromkeys(data.latency["device"]))
    return (
        "Time is the median for a whole batch, below it the 10th and 90th percentile, measured on"
        f" {devices}: it varies from run to run."
    )


def operations(number: float) -> str:
    """A count of multiply-adds with its unit; a dash where it is not known."""
    if np.isnan(number):
        return MISSING
    for size, unit in ((1e15, "P"), (1e12, "T"), (1e9, "G")):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number / 1e6:.1f} M"


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


def made_with(
    data: Data,
    rows: Sequence[tuple[str, str]],
    networks: Mapping[str, Any],
    after: Sequence[tuple[str, str]] = (),
    teacher_seeds: Sequence[int] = (),
    about: Iterable[str] = (),
) -> Table:
    """What results were made with: ``rows`` on the data, then devices, seeds, epochs, software, ``networks``.

    ``about`` goes to the caption as Data.caption takes it.
    """
    inputs, runs = data.inputs, data.every_run
    students = [f"students {words.listed(map(str, inputs.seeds))}"] if inputs.variants else []
    teachers = [f"teacher {words.listed(map(str, teacher_seeds))}"] if teacher_seeds else []
    lines = [
        *rows,
        ("Device of the training", distinct((run.get("trained_with") or {}).get("device") for run in runs)),
        ("Device of the evaluation", distinct(run["device"] for run in runs)),
        ("Precision", distinct(run["precision"] for run in runs)),
        ("Seeds", "; ".join([*students, *teachers]) or MISSING),
        ("Epochs", epochs(data.losses, inputs.teacher if teachers else None)),
        *(
            (name, distinct(run["versions"].get(name) for run in runs))
            for name in sorted({name for run in runs for name in run["versions"]})
        ),
        *architectures(networks),
        *after,
    ]
    frame = pd.DataFrame(lines, columns=["What", "Value"])
    return Table(frame, data.caption("What these results were made with.", *about), words=("Value",))


def architectures(models: Mapping[str, Any]) -> list[tuple[str, str]]:
    """One row per network: the variants that have it, and its settings."""
    found: dict[str, list[str]] = {}
    for variant, model in models.items():
        found.setdefault(_architecture(model), []).append(variant)
    return [(f"Network of {words.listed(names)}", text) for text, names in found.items()]


def epochs(losses: Mapping[str, Sequence[pd.DataFrame]], teacher: str | None) -> str:
    """For how many epochs students and, unless None, the teacher were trained."""
    counts = {variant: len(tables[0]) for variant, tables in losses.items()}
    students = sorted({number for variant, number in counts.items() if variant != teacher})
    said = [f"students {words.listed(map(str, students))}"] if students else []
    said += [] if teacher is None else [f"teacher {counts.get(teacher, 'not trained here')}"]
    return "; ".join(said) or MISSING


def distinct(values: Iterable[Any]) -> str:
    """Every value once, in the order of coming."""
    return ", ".join(dict.fromkeys(str(value) for value in values if value is not None)) or MISSING


def _architecture(model: Any) -> str:
    if not isinstance(model, dict):
        return str(model)
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in model.items()
    )


def _estimate_of(numbers: Numbers, place: Place, digits: int, ends: int | None, variant: str) -> str | None:
    return estimate(numbers.at(place, variant), digits, ends)


def _mean_of(numbers: Numbers, place: Place, digits: int, variant: str) -> str:
    return f"{numbers.mean(place, variant):.{digits}f}"


def _measured_of(data: Data, place: Place, scale: float, digits: int, variant: str) -> str:
    return mean(scale * data.values(place, variant), digits)
