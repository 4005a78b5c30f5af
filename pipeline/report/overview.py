"""The first screen of the report: what each method changes against its control, over all tasks, in one figure.

Each task's step writes its comparisons to contrasts.csv; the last step draws them together and says them in a sentence
per task. Only the comparison with the control without a teacher stands here, at the hardest setting; the rest is in the
sections.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from pipeline.report import figures, sentences, tidy
from pipeline.report.blocks import Bullets, Figure, Paragraph, Section
from pipeline.report.numbers import Measure
from pipeline.report.words import EQUAL, NULL, ONE_SEED, between, count, points

FILE = "contrasts.csv"
# task: the section's title. panel: which faces or pictures, which measure. method against control, with its interval
# and verdict, and what could have been seen (pipeline.metrics.verdicts). digits: behind the point. seeds: of each of the two.
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
    "visible": float,
    "digits": int,
    "seeds": int,
}
# As marks of cells have them: colour, marker, whether it is filled.
LOOKS = {
    "better": ("#00664b", "o", True),
    "worse": ("#a84300", "o", True),
    EQUAL: ("#0072b2", "D", True),
    NULL: (figures.SOFT, "o", False),
    ONE_SEED: ("#b08d00", "s", False),
}
SAID = {ONE_SEED: "one seed: two networks, no verdict"}  # in the legend, if other than the verdict
ROW, HEAD, LINE = 0.27, 0.75, 0.2  # inches: of a method, of a panel's axis, of a line of its title
LEGEND = 0.35  # inches


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
        f" {sampled(rows)}."
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


def sampled(rows: pd.DataFrame) -> str:
    """What intervals and verdicts of the figure speak of."""
    alone = rows["verdict"] == ONE_SEED
    networks = (
        "an interval with one seed is over pairs or pictures, of these two networks, and gives no verdict on methods"
    )
    if alone.all():
        return networks
    text = (
        "intervals sample pairs or pictures and seeds. Filled: the verdict holds after correction for the comparisons of"
        " its table"
    )
    return f"{text}; {networks}" if alone.any() else text


def sentence(rows: pd.DataFrame) -> str:
    """What the comparisons of one panel say, a null result included."""
    first = rows.iloc[0]
    best = rows.loc[rows["difference"].idxmax()]
    digits = int(best["digits"])
    interval = between(best["low"], best["high"], sign=True, digits=digits)
    verdict = "" if best["verdict"] == "better" else f", {best['verdict']}"
    if best["verdict"] == NULL and not np.isnan(best["visible"]):
        verdict += f" (a difference of {best['visible']:.{digits}f} {best['unit']} {sentences.POWER})"
    of = ", of these two networks" if best["verdict"] == ONE_SEED else ""
    return (
        f"{first['task']}, {first['panel']}: of {count(len(rows), 'method')} with a teacher against"
        f" {first['control']}, {sentences.tally(rows)}. The highest is {best['method']},"
        f" {points(best['difference'], digits)} {best['unit']} (95 % interval {interval}{of}){verdict}."
    )


def forest(rows: pd.DataFrame) -> bytes:
    """A panel per task, faces or pictures and measure; a line per method: difference and interval, as SVG."""
    panels = [panel for _, panel in rows.groupby(["task", "panel"], sort=False)]
    columns = min(len(panels), 2)
    lines = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(HEAD + LINE * _title(panel).count("\n") + ROW * len(panel) for panel in line) for line in lines]
    figure, axes = figures.panels(
        len(lines), columns, sum(heights) / len(lines), extra=LEGEND, gridspec_kw={"height_ratios": heights}
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw(axis, panel)
    handles = _legend(rows)
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figures.svg(figure)


def _title(panel: pd.DataFrame) -> str:
    """Task, and faces or pictures, in lines that fit the width of a panel."""
    first = panel.iloc[0]
    return f"{first['task']}\n{textwrap.fill(first['panel'], 38)}"


def _bar(row: dict) -> list[list[float]] | None:
    """Below and above the difference; None where nothing is known of it."""
    ends = row["difference"] - row["low"], row["high"] - row["difference"]
    return [[max(end, 0)] for end in ends] if np.isfinite(ends).all() else None


def _legend(rows: pd.DataFrame) -> list[Line2D]:
    """What marks mean, of the verdicts that are there."""
    there = [word for word in LOOKS if (rows["verdict"] == word).any()]
    return [
        Line2D(
            [], [], color=LOOKS[word][0], marker=LOOKS[word][1], linewidth=2.2, label=SAID.get(word, word),
            markerfacecolor=LOOKS[word][0] if LOOKS[word][2] else "white",
        )
        for word in there
    ]  # fmt: skip


def _draw(axis: figures.Axes, panel: pd.DataFrame) -> None:
    names = list(panel["method"])
    for place, row in enumerate(panel.to_dict("records")):
        colour, marker, filled = LOOKS[row["verdict"]]
        axis.errorbar(
            row["difference"],
            place,
            xerr=_bar(row),
            marker=marker,
            color=colour,
            markerfacecolor=colour if filled else "white",
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
