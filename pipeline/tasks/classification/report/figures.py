"""The plots and pictures of the classification report."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from pipeline.report import figures, plots
from pipeline.report.blocks import Figure
from pipeline.report.words import listed
from pipeline.tasks.classification.report.findings import whole_feedback
from pipeline.tasks.classification.report.results import ITSELF, ROWS, Data

DIAGNOSTICS = "weight_"  # how columns of the losses begin that are no loss
# What the columns of losses are: of the first student or of the teacher, from labels or from others.
CURVES = {
    "student, labels": plots.TERM_COLOURS[0],
    "student, what it is taught": plots.TERM_COLOURS[1],
    "teacher, labels": plots.TERM_COLOURS[2],
    "teacher, what it is taught": plots.TERM_COLOURS[3],
}
LABELS = ("cross_entropy", "branches", "ensemble")


def reliability(data: Data) -> Figure:
    """Accuracy by confidence, one panel per network; all seeds together."""
    names = list(data.inputs.all)
    styles = plots.styles(data)
    columns = min(len(names), 4)
    drawn, axes = figures.panels(-(-len(names) // columns), columns, 2.6, sharex=True, sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        bins = pooled(data.reliability[ITSELF, name])
        axis.plot([0, 1], [0, 1], color=figures.SOFT, linewidth=1, linestyle=(0, (1, 2)))
        axis.plot(bins["confidence"], bins["accuracy"], color=styles[name].color, linewidth=1.4)
        sizes = 6 + 120 * bins["count"] / bins["count"].sum()
        axis.scatter(bins["confidence"], bins["accuracy"], s=sizes, color=styles[name].color, zorder=3)
        axis.set_title(figures.folded(name, 18), fontsize=10)
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1)
    plots.hide(axes.flat, len(names))
    drawn.supxlabel("Probability of the class that is decided on", fontsize=11, color=figures.INK)
    drawn.supylabel("Share that is right", fontsize=11, color=figures.INK)
    text = (
        "Can the probabilities be trusted? Test images by the probability of the class that is decided on, in 15 bins:"
        " below the dotted line a network is surer than it should be. Dots are as large as their bins are full."
    )
    alt = f"Share of right decisions by confidence, for {listed(names)}"
    return Figure(f"{data.inputs.slug}-reliability.svg", figures.svg(drawn), data.caption(text), alt)


def pooled(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Full bins of all seeds together: low, count, confidence, accuracy."""
    rows = pd.concat(tables)
    rows = rows[rows["count"] > 0]
    weighted = rows.assign(**{name: rows[name] * rows["count"] for name in ("confidence", "accuracy")})
    sums = weighted.groupby("low")[["count", "confidence", "accuracy"]].sum()
    return sums.assign(confidence=sums["confidence"] / sums["count"], accuracy=sums["accuracy"] / sums["count"])


def learning_curves(data: Data) -> Figure:
    """Losses of the first student and of the teacher by epoch, through all stages; one panel per network."""
    names = list(data.losses)
    columns = min(len(names), 3)
    drawn, axes = figures.panels(-(-len(names) // columns), columns, 2.6, extra=0.2, sharey=True)
    handles = {}
    for axis, name in zip(axes.flat, names, strict=False):
        for table in data.losses[name]:
            found = curves(table)
            for label in found:
                line = found[label].where(found[label] > 0)
                (handles[label],) = axis.plot(table["epoch"], line, color=CURVES[label], marker=".", linewidth=1.5)
        _stages(axis, data.losses[name][0])
        axis.set_yscale("log")
        axis.set_title(figures.folded(name, 26), fontsize=11)
        axis.xaxis.get_major_locator().set_params(integer=True)
    low, high = axes[0, 0].get_ylim()  # of all panels
    for axis in axes.flat:
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.minorticks_off()
    plots.hide(axes.flat, len(names))
    for axis in axes[:, 0]:
        axis.set_ylabel("Loss")
    drawn.supxlabel("Epoch", fontsize=11, color=figures.INK)
    order = [label for label in CURVES if label in handles]
    drawn.legend([handles[label] for label in order], order, loc="outside upper center", ncols=len(order))
    lines = "; one line per seed" if len(data.inputs.seeds) > 1 else ""
    text = (
        "Training loss by epoch, weights included: of the network itself and, where a teacher learns too, of the"
        f" teacher (logarithmic axis{lines}). A vertical line: here the teacher begins to learn from its students, or"
        " would, did it not stay as it is."
    )
    alt = f"Training loss of {listed(names)} by epoch"
    return Figure(f"{data.inputs.slug}-training.svg", figures.svg(drawn), data.caption(text), alt)


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of losses added up to those of CURVES that are there; other students than the first are left out."""
    sums: dict[str, list[str]] = {}
    for column in table.columns:
        if column in ("stage", "epoch", "learning_rate", "total") or column.startswith(DIAGNOSTICS):
            continue
        who, _, term = column.partition("_") if column.startswith("teacher_") else ("student", "", column)
        if term.startswith("student_"):
            number, _, term = term.removeprefix("student_").partition("_")
            if number != "1":
                continue
        sums.setdefault(f"{who}, {'labels' if term in LABELS else 'what it is taught'}", []).append(column)
    return pd.DataFrame({name: table[columns].sum(axis=1, min_count=1) for name, columns in sums.items()})


def weights(data: Data) -> Figure | None:
    """How much samples count in what the teacher learns, by epoch; None where nothing is weighted."""
    found = {}
    for name in data.inputs.variants:
        learning = data.inputs.learning(name)
        table = data.losses[name][0]
        if whole_feedback(learning) and f"{DIAGNOSTICS}mean" in table:
            found[name] = table.dropna(subset=[f"{DIAGNOSTICS}mean"])
    if not found:
        return None
    drawn, axes = figures.panels(1, len(found), 2.8, sharey=True)
    for axis, (name, table) in zip(axes.flat, found.items(), strict=True):
        low, middle, high = (table[f"{DIAGNOSTICS}p{share}"] for share in (10, 50, 90))
        band = {"color": plots.TERM_COLOURS[5], "alpha": 0.35, "label": "80 % of the samples"}
        axis.fill_between(table["epoch"], low, high, **band)
        axis.plot(table["epoch"], middle, color=plots.TERM_COLOURS[0], marker=".", label="median")
        mean = table[f"{DIAGNOSTICS}mean"]
        axis.plot(table["epoch"], mean, color=plots.TERM_COLOURS[1], linestyle=(0, (4, 2)), marker=".", label="mean")
        axis.set_title(figures.folded(name, 26), fontsize=11)
        axis.set_xlabel("Epoch")
        axis.set_ylim(-0.02, 1.02)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylabel("Weight")
    plots.legend(drawn, axes[0, 0], ["80 % of the samples", "median", "mean"])
    text = (
        "How much a sample counts in what the teacher learns from its students, before weights are divided by their"
        " mean: 1 where the student says what the teacher says, if what is understood counts more (first seed)."
    )
    alt = f"Weights of samples by epoch for {listed(found)}"
    return Figure(f"{data.inputs.slug}-weights.svg", figures.svg(drawn), data.caption(text), alt)


def samples(data: Data) -> Figure:
    """Images to learn from, one row per class."""
    names = data.classes[:ROWS]
    side = data.sheet.shape[0] // len(names)
    left = 0.15 + 0.085 * min(max(map(len, names)), 24)
    times = max(1, int((figures.WIDTH - left) * figures.DPI // data.sheet.shape[1]))
    times = min(times, max(1, 110 // side))
    mosaic = figures.enlarged(data.sheet, times)
    drawn, axes = figures.picture_axes(mosaic, left=left, top=0.05, width=mosaic.shape[1] / figures.DPI + left + 0.05)
    for row, name in enumerate(names):
        axes.text(-8, (row + 0.5) * side * times, figures.folded(name, 24), ha="right", va="center", fontsize=9.5)
    shown = "all" if len(names) == len(data.classes) else f"the first {len(names)}"
    text = f"Images to learn from, one row per class: {shown} of {len(data.classes)} classes."
    alt = f"Images of {listed(names)}"
    return Figure(f"{data.inputs.slug}-images.png", figures.png(drawn), data.caption(text), alt)


def _stages(axis: Axes, table: pd.DataFrame) -> None:
    """A line where a stage ends and another begins."""
    begins = table["epoch"][table["stage"] != table["stage"].shift()]
    for epoch in begins.iloc[1:]:
        axis.axvline(epoch - 0.5, color=figures.SOFT, linewidth=1)
