"""The first screen of the report: what each method changes against its control, over all tasks, in one figure.

Each task's step writes its comparisons to contrasts.csv; the last step draws them together and says them in a sentence
per task. Only the comparison with the control without a teacher stands here, at the hardest setting; the rest is in the
sections.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from pipeline.report import figures, sentences, tidy
from pipeline.report.blocks import Bullets, Figure, Paragraph, Section
from pipeline.report.numbers import Measure
from pipeline.report.words import NULL, between, count, points

FILE = "contrasts.csv"
# task: the section's title. panel: which faces or pictures, which measure. method against control, with its interval
# and verdict (pipeline.metrics.statistics). digits: behind the point. seeds: of each of the two.
COLUMNS = {
    "task": str,
    "panel": str,
    "unit": str,
    "method": str,
    "control": str,
    "difference": float,
    "low": float,
    "high": float,
    "verdict": str,
    "digits": int,
    "seeds": int,
}
COLOURS = {"better": "#00664b", "worse": "#a84300", NULL: figures.SOFT}  # as marks of cells have them
ROW, HEAD, LINE = 0.27, 0.75, 0.2  # inches: of a method, of a panel's axis, of a line of its title


def contrasts(task: str, measure: Measure, seeds: int, panels: Iterable[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """The comparisons of a task's panels, COLUMNS: of each its name and rows of Numbers.comparisons."""
    unit = f"{measure.unit} of {measure.name}" if measure.unit else measure.name
    shared = {"task": task, "unit": unit, "digits": measure.digits, "seeds": seeds}
    named = (rows.rename(columns={"variant": "method"}).assign(panel=panel, **shared) for panel, rows in panels)
    return joined([rows[list(COLUMNS)] for rows in named])


def read(path: Path) -> pd.DataFrame:
    """What a task wrote; empty where it has nothing to compare. Raises InputError naming file and column."""
    text = [name for name, kind in COLUMNS.items() if kind is str]
    return tidy.read(path, list(COLUMNS), text, empty=True) if path.exists() else pd.DataFrame(columns=list(COLUMNS))


def section(rows: pd.DataFrame) -> Section | None:
    """The figure and a sentence per panel; None where no method was compared with a control."""
    if rows.empty:
        return None
    seeds = sorted(set(rows["seeds"]))
    trained = count(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    caption = (
        "What each method with a teacher changes against its control, the same training without one, at the hardest"
        f" setting of each task, with 95 % intervals; right of zero is better. {trained[0].upper()}{trained[1:]} each:"
        f" {sentences.INTERVALS}. Filled: the difference holds after correction for all comparisons of its table."
    )
    alt = "Differences between methods and their controls, by task"
    said = [sentence(panel) for _, panel in rows.groupby(["task", "panel"], sort=False)]
    return Section(
        "In one minute",
        (
            Figure("overview.svg", forest(rows), caption, alt),
            Bullets(tuple(said)),
            Paragraph("Each task's section below has its findings, tables and figures, and what it was made with."),
        ),
    )


def sentence(rows: pd.DataFrame) -> str:
    """What the comparisons of one panel say, a null result included."""
    first = rows.iloc[0]
    best = rows.loc[rows["difference"].idxmax()]
    digits = int(best["digits"])
    interval = between(best["low"], best["high"], sign=True, digits=digits)
    verdict = "" if best["verdict"] == "better" else f", {best['verdict']}"
    return (
        f"{first['task']}, {first['panel']}: of {count(len(rows), 'method')} with a teacher against"
        f" {first['control']}, {sentences.tally(rows)}. The highest is {best['method']},"
        f" {points(best['difference'], digits)} {best['unit']} (95 % interval {interval}){verdict}."
    )


def forest(rows: pd.DataFrame) -> bytes:
    """A panel per task, faces or pictures and measure; a line per method: difference and interval, as SVG."""
    panels = [panel for _, panel in rows.groupby(["task", "panel"], sort=False)]
    columns = min(len(panels), 2)
    lines = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(HEAD + LINE * _title(panel).count("\n") + ROW * len(panel) for panel in line) for line in lines]
    figure, axes = figures.panels(
        len(lines), columns, sum(heights) / len(lines), gridspec_kw={"height_ratios": heights}
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw(axis, panel)
    return figures.svg(figure)


def _title(panel: pd.DataFrame) -> str:
    """Task, and faces or pictures, in lines that fit the width of a panel."""
    first = panel.iloc[0]
    return f"{first['task']}\n{textwrap.fill(first['panel'], 38)}"


def _draw(axis: figures.Axes, panel: pd.DataFrame) -> None:
    names = list(panel["method"])
    for place, row in enumerate(panel.to_dict("records")):
        found = row["verdict"] != NULL
        axis.errorbar(
            row["difference"],
            place,
            xerr=[[max(row["difference"] - row["low"], 0)], [max(row["high"] - row["difference"], 0)]],
            marker="o",
            color=COLOURS[row["verdict"]],
            markerfacecolor=COLOURS[row["verdict"]] if found else "white",
            elinewidth=2.2,
            markersize=7,
        )
    first = panel.iloc[0]
    axis.axvline(0, color=figures.INK, linewidth=1)
    axis.set_yticks(range(len(names)), names, color=figures.INK)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.grid(axis="y", visible=False)
    axis.set_title(_title(panel), fontsize=11)
    axis.set_xlabel(f"{first['unit']} more than {first['control']}")


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The comparisons of all tasks, in their order."""
    filled = [part for part in parts if not part.empty]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(COLUMNS))
