"""Plots that every section has: losses by epoch, a measure against cost or quality; and what plots are made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pipeline.report import figures, sentences
from pipeline.report.blocks import Figure as Block
from pipeline.report.numbers import Numbers, Place
from pipeline.report.results import Data
from pipeline.report.words import listed

# Loss terms in the order in which they turn up.
TERM_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

Estimate = tuple[float, float, float]  # a mean and the two ends of its interval


def training_figure(data: Data) -> Block:
    """Total loss and its terms by epoch, one panel per network."""
    lines = "; one line per seed" if len(data.inputs.seeds) > 1 else ""
    text = f"Training loss by epoch: the total and its weighted terms, which add up to it (logarithmic axis{lines})."
    alt = f"Training loss of {listed(data.losses)} by epoch"
    return Block(f"{data.inputs.slug}-training.svg", training(data.losses), data.caption(text), alt)


def cost_figure(
    data: Data,
    numbers: Numbers,
    panels: Mapping[str, Place],
    *,
    measure: str,
    of: str,
    noun: str,
    basis: str,
    axis: str | None = None,
    unit: str = "",
    slack: float = 1,
    sharey: bool = True,
    about: Sequence[str] = (),
) -> Block:
    """A measure against multiply-adds, one panel per title, the floor as a dotted line.

    ``of`` is what takes the work, such as a face. The measure is ``axis`` at the axis, if that is another name; its
    interval is over ``noun``s, so many as ``basis`` says. ``about``, the others: as Data.caption and against_cost take
    them.
    """
    inputs = data.inputs
    work = {name: data.cost("multiply_adds", name) / 1e6 for name in inputs.trained}
    known = {name: cost for name, cost in work.items() if not np.isnan(cost)}  # that of an ONNX model is not
    marks = {name: style for name, style in styles(data).items() if name in known}
    found = {title: {name: ends(numbers.at(place, name)) for name in known} for title, place in panels.items()}
    floors = (
        {title: (inputs.floor, numbers.mean(place, inputs.floor)) for title, place in panels.items()}
        if inputs.floor
        else None
    )
    drawn = against_cost(
        found, known, marks, (f"Million multiply-adds for {of}", axis or measure), unit, slack, floors, sharey
    )
    line = f"; the dotted line is {inputs.floor}" if inputs.floor else ""
    unknown = [name for name in work if name not in known]
    text = (
        f"{measure} against the work for {of} (logarithmic axis), with 95 % intervals {sentences.over(noun, inputs.seeds)}"
        f" ({basis}){line}."
        f" Networks that cost the same stand side by side around that cost. Intervals show how much {noun}s differ;"
        f" whether networks do is tested {noun} by {noun} in the tables above."
        + (f" The work of {listed(unknown)} is not known." if unknown else "")
    )
    alt = f"{measure} of {listed(known)} against multiply-adds"
    return Block(f"{inputs.slug}-cost.svg", drawn, data.caption(text, *about), alt)


def styles(data: Data) -> dict[str, figures.Style]:
    """How each trained variant looks in every figure, in the order of the tables: the teacher in ink."""
    looks = figures.of_variants(data.inputs.teacher, data.inputs.variants)
    return {name: looks[name] for name in data.inputs.trained}


def ends(row: Mapping[str, float]) -> Estimate:
    """Mean and interval of a row of estimates."""
    return row["mean"], row["low"], row["high"]


def training(losses: Mapping[str, Sequence[pd.DataFrame]]) -> bytes:
    """Total loss and its terms by epoch, as SVG: one panel per network, of which ``losses`` has one table per seed."""
    names = list(losses)
    terms: list[str] = []
    for tables in losses.values():
        terms += [name for name in tables[0].columns if name not in ("epoch", "learning_rate", "total", *terms)]
    colours = {term: TERM_COLOURS[i % len(TERM_COLOURS)] for i, term in enumerate(terms)}
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure, axes = figures.panels(rows, columns, 2.7, sharey=True, sharex=False)
    handles = {}
    for axis, name in zip(axes.flat, names, strict=False):
        for table in losses[name]:
            for term in ("total", *terms):
                # A term that is never there has a column of zeros or none; nothing to draw either way.
                if term not in table or not (table[term] > 0).any():
                    continue
                total = term == "total"
                (handles[term],) = axis.plot(
                    table["epoch"],
                    table[term].where(table[term] > 0),
                    # A wide pale line: a term that is nearly the whole total stays visible on it.
                    color="#b9c2cc" if total else colours[term],
                    linewidth=5 if total else 1.7,
                    solid_capstyle="round",
                    zorder=2 if total else 3,
                )
        axis.set_yscale("log")
        axis.set_title(name)
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.minorticks_off()
        axis.xaxis.get_major_locator().set_params(integer=True)
    hide(axes.flat, len(names))
    for axis in axes[:, 0]:
        axis.set_ylabel("Loss")
    figure.supxlabel("Epoch", fontsize=11, color=figures.INK)
    order = [term for term in ("total", *terms) if term in handles]
    figure.legend([handles[term] for term in order], order, loc="outside upper center", ncols=len(order))
    return figures.svg(figure)


def curves(
    panels: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
    styles: Mapping[str, figures.Style],
    labels: tuple[str, str],
    *,
    columns: int = 4,
    height: float = 3.5,
    finish: Callable[[Axes, str], None],
    marks: bool = False,
    bands: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]] | None = None,
    **line: Any,
) -> bytes:
    """Shares in percent against something else, as SVG: one panel per title, one line per network.

    Args:
        panels: title -> network -> places and shares. styles: of the networks. labels: of the two axes.
        columns: panels side by side. height: of a row, in inches. finish: what is left to do with each panel, given
            its title. marks: whether lines carry their networks' marks. bands: title -> network -> lower and upper ends
            of intervals, at the same places. line: how they are drawn, as for matplotlib.
    """
    names = [name for name in styles if any(name in found for found in panels.values())]
    across = min(len(panels), columns)
    rows = -(-len(panels) // across)
    figure, axes = figures.panels(rows, across, height, sharey=True, extra=legend_height(names))
    handles = {}
    for axis, (title, found) in zip(axes.flat, panels.items(), strict=False):
        for name in names:
            if name in found:
                style = {"color": styles[name].color, "linestyle": styles[name].linestyle, "label": name}
                if marks:
                    style |= {"marker": styles[name].marker, "markevery": max(1, len(found[name][0]) // 6)}
                (handles[name],) = axis.plot(*found[name], **style, **line)
            if name in (ends := (bands or {}).get(title, {})):
                axis.fill_between(found[name][0], *ends[name], color=styles[name].color, alpha=0.12, linewidth=0)
        axis.set_title(title)
        axis.yaxis.set_major_formatter(FuncFormatter(percent))
        finish(axis, title)
    hide(axes.flat, len(panels))
    for axis in axes[:, 0]:
        axis.set_ylabel(labels[1])
    figure.supxlabel(labels[0], fontsize=11, color=figures.INK)
    named(figure, {name: handles[name] for name in names})
    return figures.svg(figure)


def against_cost(
    panels: Mapping[str, Mapping[str, Estimate]],
    work: Mapping[str, float],
    styles: Mapping[str, figures.Style],
    labels: tuple[str, str],
    unit: str = "",
    slack: float = 1,
    floors: Mapping[str, tuple[str, float]] | None = None,
    sharey: bool = True,
) -> bytes:
    """A measure with its interval against the work of each network (logarithmic), as SVG: one panel per title.

    Args:
        panels: title -> network -> mean and interval. work: network -> cost, in the unit of the axis.
        styles: of the networks. labels: of the horizontal and the vertical axis. unit: behind the ticks of the latter.
        slack: the least span of an axis that names are spread over, in the measure's unit.
        floors: title -> name and height of a dotted line that costs nothing. sharey: one vertical axis for a row.
    """
    costs = sorted(set(work.values()))
    ratio = max(costs[-1] / costs[0], 1.5)
    # Names beside the points are easiest to read, as long as two columns of names cannot run into each other.
    direct = len(styles) <= 8 and (len(costs) == 1 or (len(costs) == 2 and ratio >= 2.5))
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    figure, axes = figures.panels(rows, columns, 4.2, sharey=sharey, extra=0 if direct else legend_height(styles))
    for axis, (title, found) in zip(axes.flat, panels.items(), strict=False):
        if floors:
            name, height = floors[title]
            guide(axis, height, name, costs[0] / ratio**0.17)
        ends = [value for _, low, high in found.values() for value in (low, high)]
        line = 0.08 * (max(ends) - min(ends) + slack)  # the height of a name, in the measure's unit
        for x in costs:
            # Networks of one cost stand side by side around it, the best to the right, so that no line from a
            # point to its name crosses another.
            group = sorted((name for name in styles if work[name] == x), key=lambda name: found[name][0])
            fan = min(0.03 * len(group), 0.2)
            heights = figures.spread([found[name][0] for name in group], line)
            for i, (name, height) in enumerate(zip(group, heights, strict=True)):
                style = styles[name]
                place = x * ratio ** (fan * ((i + 0.5) / len(group) - 0.5))
                point(axis, place, found[name], style, name)
                if direct:
                    axis.annotate(
                        name,
                        (place, found[name][0]),
                        (x * ratio ** (fan / 2 + 0.03), height),
                        color=style.color,
                        fontsize=10,
                        va="center",
                        arrowprops={"arrowstyle": "-", "color": style.color, "linewidth": 0.7, "shrinkB": 5},
                    )
                    axis.update_datalim([(x, height - line), (x, height + line)])
        axis.set_xscale("log")
        axis.set_xlim(costs[0] / ratio**0.2, costs[-1] * ratio ** (0.75 if direct else 0.2))
        axis.autoscale_view(scalex=False)
        axis.set_title(title)
        axis.set_xlabel(labels[0])
        axis.set_xticks(costs, [f"{value:.3g}" for value in costs])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{unit}"))
    hide(axes.flat, len(panels))
    for axis in axes[:, 0]:
        axis.set_ylabel(labels[1])
    if not direct:
        legend(figure, axes[0, 0], list(styles))
    return figures.svg(figure)


def point(axis: Axes, x: float, y: Estimate, style: figures.Style, name: str, across: Estimate | None = None) -> None:
    """One network's mark with the interval of its height, and ``across``, which then has ``x``, of its place."""
    axis.errorbar(
        x,
        y[0],
        yerr=_bars(y),
        xerr=None if across is None else _bars(across),
        label=name,
        color=style.color,
        marker=style.marker,
        linestyle="none",
        markersize=8,
        elinewidth=1.2,
        markeredgecolor="white",
        markeredgewidth=0.7,
    )


def guide(axis: Axes, height: float, name: str, left: float, above: float = 0) -> None:
    """A dotted line across the panel with its name at ``left``, ``above`` it in the axis's unit."""
    axis.axhline(height, color=figures.SOFT, linewidth=1, linestyle=(0, (1, 2)))
    axis.text(left, height + above, name, color=figures.SOFT, fontsize=9.5, va="bottom")


def hide(axes: Sequence[Axes], used: int) -> None:
    """Blank the panels behind those that are used."""
    for axis in list(axes)[used:]:
        axis.set_visible(False)


def legend_height(names: Collection[str]) -> float:
    """Inches that a legend needs beyond its first row."""
    return 0.24 * (-(-len(names) // legend_columns(names)) - 1)


def legend(figure: Figure, axis: Axes, names: Sequence[str]) -> None:
    """The names that ``axis`` has drawn, above all panels."""
    handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    named(figure, {name: handles[name] for name in names})


def named(figure: Figure, handles: Mapping[str, Any]) -> None:
    """What was drawn, with its names, above all panels."""
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside upper center",
        ncols=legend_columns(handles),
        columnspacing=1.4,
        handlelength=2.6,
    )


def _bars(estimate: Estimate) -> list[list[float]]:
    # A fold mean can lie a trifle outside an interval made from all pairs at once.
    mean, low, high = estimate
    return [[max(mean - low, 0)], [max(high - mean, 0)]]


def legend_columns(names: Collection[str]) -> int:
    """One row if the names fit the width, else columns as wide as the longest name."""
    in_one_row = sum(len(name) + 6 for name in names) <= 112
    return len(names) if in_one_row else max(1, min(len(names), 112 // (max(map(len, names)) + 6)))


def percent(value: float, _: int) -> str:
    """A tick in percent."""
    return f"{value:g} %"


def share(value: float, _: int) -> str:
    """A tick of a share, in 0..1, in percent."""
    return f"{100 * value:g} %"
