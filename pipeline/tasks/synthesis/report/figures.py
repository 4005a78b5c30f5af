"""The plots and pictures of the photo-sketch report: recognition by dimension, losses, what each variant made."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pipeline.report import figures, pictures, plots
from pipeline.report.blocks import Figure
from pipeline.report.words import count, listed
from pipeline.tasks.synthesis.health import fate
from pipeline.tasks.synthesis.report.results import DIRECTIONS, Data, Judged

KNOW = {"photos": "photos", "drawings": "drawings", "both": "photos and drawings"}
INPUT = {"photo_to_sketch": "photo", "sketch_to_photo": "sketch"}
OUTPUT = {"photo_to_sketch": "sketch", "sketch_to_photo": "photo"}
# In the order of the legend; the discriminator's own two are not in the student's total.
TERMS = ("reconstruction", "transfer", "mutual", "adversarial")
JUDGED = ("real", "made")
FLOOR = figures.Style(figures.SOFT, "s", (0, (4, 2)))


def recognition(data: Data) -> Figure | None:
    """NLDA rank-1 over dimensions, one line per variant, one panel per direction; None where it was not measured."""
    if not data.nlda:
        return None
    inputs, panels = data.inputs, {}
    for direction, said in DIRECTIONS.items():
        sound = [name for name in inputs.all if data.judged[direction, name].sound.any()]
        rates = {name: 100 * curve(data.judged[direction, name]) for name in sound}
        # Pictures may leave no direction at all.
        panels[said] = {name: (rate.index, rate.to_numpy()) for name, rate in rates.items() if not rate.empty}

    def finish(axis: Axes, _: str) -> None:
        # At the right, below the curves: at the left they all begin near it.
        plots.guide(axis, 100 / data.nlda["tested"], "chance", 0.85 * data.nlda["train"])
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set_ylim(bottom=0)

    styles = {inputs.floor: FLOOR, **plots.styles(data)}
    labels = "Dimensions of the analysis", "NLDA rank-1"
    drawn = plots.curves(panels, styles, labels, columns=2, height=4.2, finish=finish, marks=True)
    text = (
        f"NLDA rank-1 of {data.nlda['tested']} people by how many dimensions of the analysis are used, the mean over"
        f" splits and seeds ({data.seeds}; runs with symptoms left out). The right end is the table's figure."
    )
    shown = [name for name in styles if any(name in found for found in panels.values())]
    return Figure(
        f"{inputs.slug}-recognition.svg", drawn, data.caption(text), f"NLDA rank-1 of {listed(shown)} by dimension"
    )


def curve(judged: Judged) -> pd.Series:
    """Rank-1 by dimension, a mean over splits and sound seeds.

    A split that has fewer dimensions than others keeps the rate of its last.
    """
    tables = [table.assign(seed=place) for place, table in enumerate(judged.dimensions) if judged.sound[place]]
    wide = pd.concat(tables).pivot(index=["seed", "split"], columns="dimension", values="rank1").sort_index(axis=1)
    return wide.ffill(axis=1).drop(columns=0, errors="ignore").mean()


def training(data: Data) -> list[Figure]:
    """Losses by epoch: one figure per direction, one panel per variant; then the teachers that were trained here."""
    found = []
    for direction, said in DIRECTIONS.items() if data.losses else ():
        losses = {name: [of_direction(table, direction) for table in each] for name, each in data.losses.items()}
        lines = "; one line per seed, failed ones included" if len(data.inputs.seeds) > 1 else ""
        text = (
            f"Training loss by epoch, {said}: the student's total and its weighted terms, which add up to it, and the"
            " discriminator's own, real and made, which stay at 1/8 each where it cannot tell (logarithmic"
            f" axis{lines}; {data.seeds})."
        )
        file = f"{data.inputs.slug}-training-{direction.replace('_', '-')}.svg"
        alt = f"Training loss of {listed(losses)} by epoch, {said}"
        found.append(Figure(file, plots.training(losses), data.caption(text), alt))
    teachers = {f"teacher of {KNOW.get(domain, domain)}": [finite(t)] for domain, t in data.teacher_losses.items()}
    if teachers:
        text = (
            "Training loss of the teachers, which learn to tell the people of the recognition task apart, by epoch"
            " (logarithmic axis; one seed)."
        )
        alt = f"Training loss of the {listed(teachers)} by epoch"
        file = f"{data.inputs.slug}-training-teachers.svg"
        found.append(Figure(file, plots.training(teachers), data.caption(text), alt))
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


def rows(data: Data, direction: str) -> Figure:
    """One row per person, one column per variant; the floor, which is what was given, has no column of its own."""
    inputs = data.inputs
    given, true = INPUT[direction], f"true {OUTPUT[direction]}"
    lines = pictures.bands(list(inputs.variants), beside=2)
    samples = data.samples[direction][: pictures.shown(lines)]
    under, leading = [], []
    for sample in samples:
        likeness = {}
        for variant in inputs.variants:
            table = data.judged[direction, variant].pictures[0].set_index("picture")
            if sample.number in table.index:
                likeness[variant] = table.loc[sample.number, ["ssim", "fsim"]].tolist()
        under.append({name: " / ".join(f"{value:.2f}" for value in both) for name, both in likeness.items()})
        leading.append(max(likeness, key=lambda name, likeness=likeness: likeness[name][1], default=None))
    drawn = pictures.grid(
        [{given: each.shared["given"], true: each.shared["true"]} | each.made for each in samples],
        [[given, true, *line] for line in lines],
        bold=inputs.variants,
        under=under,
        leading=leading,
        notes={
            name: fate(symptoms[0])
            for name in inputs.variants
            if (symptoms := data.judged[direction, name].symptoms)[0]
        },
    )
    text = (
        f"{DIRECTIONS[direction].capitalize()}, {count(len(samples), 'test pair')}: the {given} that is given, the"
        f" {true}, and what each variant makes of the former (first seed, sound or not). Below, SSIM / FSIM of the"
        " picture, bold for the highest FSIM. Pixels are shown as they are, as small squares."
    )
    alt = f"{count(len(samples), 'test pair')}, {DIRECTIONS[direction]}: {listed([given, true, *inputs.variants])}"
    file = f"{inputs.slug}-pictures-{direction.replace('_', '-')}.png"
    return Figure(file, drawn, data.caption(text), alt)
