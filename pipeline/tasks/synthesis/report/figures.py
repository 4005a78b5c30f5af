"""The plots of the photo-sketch report: recognition by dimension, losses by epoch."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from pipeline.report import figures, plots
from pipeline.report.blocks import Figure
from pipeline.report.words import listed
from pipeline.tasks.synthesis.report import words
from pipeline.tasks.synthesis.report.data import Data
from pipeline.tasks.synthesis.report.numbers import curve
from pipeline.tasks.synthesis.report.reading import DIRECTIONS
from pipeline.tasks.synthesis.report.words import KNOW

# In the order of the legend; the discriminator's own two are not in the student's total.
TERMS = ("reconstruction", "transfer", "mutual", "adversarial")
JUDGED = ("real", "made")
FLOOR = figures.Style(figures.SOFT, "s", (0, (4, 2)))


def recognition(data: Data) -> Figure | None:
    """NLDA rank-1 over dimensions, one line per variant, one panel per direction; None where it was not measured."""
    if not data.nlda:
        return None
    inputs = data.inputs
    styles = {inputs.floor: FLOOR, **figures.styles(list(inputs.variants))}
    drawn = {name: any(data.judged[d, name].sound.any() for d in DIRECTIONS) for name in styles}
    names = [name for name, there in drawn.items() if there]
    figure, axes = figures.panels(1, 2, 4.2, extra=plots.legend_height(names), sharey=True)
    handles = {}
    for axis, (direction, said) in zip(axes.flat, DIRECTIONS.items(), strict=True):
        # At the right, below the curves: at the left they all begin near it.
        plots.guide(axis, 100 / data.nlda["tested"], "chance", 0.85 * data.nlda["train"])
        for name in names:
            one, style = data.judged[direction, name], styles[name]
            if not one.sound.any():
                continue
            rates = 100 * curve(one)
            if rates.empty:  # pictures that leave no direction at all
                continue
            (handles[name],) = axis.plot(
                rates.index,
                rates.to_numpy(),
                color=style.color,
                linestyle=style.linestyle,
                marker=style.marker,
                markevery=max(1, len(rates) // 6),
                markersize=5.5,
                label=name,
            )
        axis.set_title(said)
        axis.set_xlabel("Dimensions of the analysis")
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set_ylim(bottom=0)
    axes[0, 0].set_ylabel("NLDA rank-1")
    shown = [name for name in names if name in handles]
    figure.legend(
        [handles[name] for name in shown],
        shown,
        loc="outside upper center",
        ncols=plots.legend_columns(shown),
        columnspacing=1.4,
        handlelength=2.6,
    )
    text = (
        f"NLDA rank-1 of {data.nlda['tested']} people by how many dimensions of the analysis are used, the mean over"
        f" splits and seeds ({words.seeds(data)}; runs with symptoms left out). The right end is the table's figure."
    )
    alt = f"NLDA rank-1 of {listed(shown)} by dimension"
    return Figure(f"{inputs.slug}-recognition.svg", figures.svg(figure), words.caption(data, text), alt)


def training(data: Data) -> list[Figure]:
    """Losses by epoch: a figure a direction, one panel per variant; then the teachers that were trained here."""
    found = []
    for direction, said in DIRECTIONS.items() if data.losses else ():
        losses = {name: [of_direction(table, direction) for table in each] for name, each in data.losses.items()}
        lines = "; one line per seed, failed ones included" if len(data.inputs.seeds) > 1 else ""
        text = (
            f"Training loss by epoch, {said}: the student's total and its weighted terms, which add up to it, and the"
            " discriminator's own, real and made, which stay at 1/8 each where it cannot tell (logarithmic"
            f" axis{lines}; {words.seeds(data)})."
        )
        file = f"{data.inputs.slug}-training-{direction.replace('_', '-')}.svg"
        alt = f"Training loss of {listed(losses)} by epoch, {said}"
        found.append(Figure(file, plots.training(losses), words.caption(data, text), alt))
    teachers = {f"teacher of {KNOW.get(domain, domain)}": [finite(t)] for domain, t in data.teacher_losses.items()}
    if teachers:
        text = (
            "Training loss of the teachers, which learn to tell the people of the recognition task apart, by epoch"
            " (logarithmic axis; one seed)."
        )
        alt = f"Training loss of the {listed(teachers)} by epoch"
        file = f"{data.inputs.slug}-training-teachers.svg"
        found.append(Figure(file, plots.training(teachers), words.caption(data, text), alt))
    return found


def of_direction(losses: pd.DataFrame, direction: str) -> pd.DataFrame:
    """One direction's columns of the log, by the terms' own names; ``total`` is the student's, the discriminator's not.

    Terms that the variant has not are 0, so that every variant shows them in the same order and colour.
    """
    terms = {term: losses.get(f"{direction}_{term}", pd.Series(0.0, losses.index)) for term in (*TERMS, *JUDGED)}
    table = finite(pd.DataFrame({name: losses[name] for name in ("epoch", "learning_rate")} | terms))
    return table.assign(total=table[list(TERMS)].sum(axis=1, skipna=False))


def finite(losses: pd.DataFrame) -> pd.DataFrame:
    """The table with gaps where a loss is infinite."""
    return losses.replace([np.inf, -np.inf], np.nan)
