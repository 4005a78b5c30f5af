"""The plots of the recognition report: accuracy, ROC, training, cost."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FuncFormatter

from pipeline.report import figures, plots
from pipeline.report.blocks import Figure, slug
from pipeline.report.words import listed
from pipeline.tasks.recognition.report import words
from pipeline.tasks.recognition.report.data import Data
from pipeline.tasks.recognition.report.numbers import Numbers


def _styles(data: Data) -> dict[str, figures.Style]:
    return figures.of_variants(data.inputs.teacher, data.inputs.variants)


def accuracy_curves(data: Data, numbers: Numbers) -> Figure:
    """Accuracy against quality, one panel a protocol."""
    inputs = data.inputs
    styles = _styles(data)
    count = len(data.protocols)
    columns = min(count, 2)
    figure, axes = figures.panels(-(-count // columns), columns, 4.6, sharey=True, extra=plots.legend_height(styles))
    side = data.samples[inputs.teacher].pictures[inputs.conditions[0]].shape[2]
    # Side by side at each quality, or the interval bars would hide one another.
    offsets = np.linspace(-0.21, 0.21, len(styles))
    for axis, protocol in zip(axes.flat, data.protocols, strict=False):
        for offset, (variant, style) in zip(offsets, styles.items(), strict=True):
            rows = [numbers.at(protocol, variant, condition) for condition in inputs.conditions]
            mean = np.array([row["accuracy"] for row in rows])
            bars = np.array([[row["accuracy"] - row["low"], row["high"] - row["accuracy"]] for row in rows]).T
            axis.errorbar(
                np.arange(len(rows)) + offset,
                mean,
                # The fold mean can lie a trifle outside an interval made from all pairs at once.
                yerr=np.maximum(bars, 0),
                label=variant,
                color=style.color,
                marker=style.marker,
                linestyle=style.linestyle,
                elinewidth=1.1,
                capsize=0,
                markeredgecolor="white",
                markeredgewidth=0.7,
            )
        guessing = words.chance(data, protocol)
        axis.axhline(guessing, color=figures.SOFT, linewidth=1, linestyle=(0, (1, 2)))
        axis.text(-0.3, guessing + 0.5, "guessing", color=figures.SOFT, fontsize=9.5, va="bottom")
        axis.set_title(protocol)
        axis.set_xticks(
            range(len(inputs.qualities)),
            [f"x{quality}\n{round(side / quality)} pixels" for quality in inputs.qualities],
        )
        axis.grid(axis="x", visible=False)
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    plots.hide(axes.flat, count)
    for axis in axes[:, 0]:
        axis.set_ylabel("Verification accuracy")
    plots.legend(figure, axes[0, 0], list(styles))
    text = (
        f"Accuracy against quality, with 95 % intervals over pairs ({_basis(data)}). Points of one quality"
        " stand side by side; pixels are the width of the face before it is enlarged again. The vertical"
        " axis does not start at zero."
    )
    alt = f"Accuracy of {listed(styles)} at {listed(inputs.conditions)} on {listed(data.protocols)}"
    return Figure("recognition-accuracy.svg", figures.svg(figure), words.caption(inputs, text), alt)


def roc_curves(data: Data, protocol: str) -> Figure:
    """True against false acceptance (log), one panel a quality."""
    inputs = data.inputs
    styles = _styles(data)
    same = data.same[protocol]
    columns = min(len(inputs.conditions), 4)
    rows = -(-len(inputs.conditions) // columns)
    figure, axes = figures.panels(rows, columns, 3.5, sharex=True, sharey=True, extra=plots.legend_height(styles))
    lowest = 1 / max(int((~same).sum()), 1)
    grid = np.geomspace(lowest, 1, 160)
    for axis, condition in zip(axes.flat, inputs.conditions, strict=False):
        axis.plot(grid, 100 * grid, color=figures.SOFT, linewidth=1, linestyle=(0, (1, 2)))
        for variant, style in styles.items():
            scores = data.scores[protocol, variant, condition]
            tar = np.mean([true_acceptance(row, same, grid) for row in scores], axis=0)
            axis.plot(grid, 100 * tar, label=variant, color=style.color, linestyle=style.linestyle, linewidth=1.6)
        axis.set_xscale("log")
        axis.set_xlim(lowest, 1)
        axis.set_ylim(0, 101)
        axis.set_title(condition)
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axis.xaxis.set_major_formatter(FuncFormatter(_percent))
    plots.hide(axes.flat, len(inputs.conditions))
    axes[0, 0].set_ylabel("True acceptance")
    figure.supxlabel("False acceptance", fontsize=11, color=figures.INK)
    plots.legend(figure, axes[0, 0], list(styles))
    seeds = ", mean over seeds at equal false acceptance" if len(inputs.seeds) > 1 else ""
    text = (
        f"ROC curves on {protocol}, one panel a quality{seeds} ({words.basis(data, protocol)}). The"
        f" horizontal axis is logarithmic and ends at one false acceptance in {int((~same).sum()):,} pairs;"
        " the dotted line is guessing."
    )
    alt = f"ROC curves of {listed(styles)} on {protocol} at {listed(inputs.conditions)}"
    return Figure(f"recognition-roc-{slug(protocol)}.svg", figures.svg(figure), words.caption(inputs, text), alt)


def true_acceptance(scores: np.ndarray, same: np.ndarray, far: np.ndarray) -> np.ndarray:
    """The share of same pairs accepted at the lowest threshold that accepts at most ``far`` of the others.

    scores (pairs,), same (pairs,) bool, far (k,) -> (k,).
    """
    others = np.sort(scores[~same])[::-1]
    accepted = np.minimum(np.floor(far * len(others) + 1e-9).astype(int), len(others))
    thresholds = np.append(others, -np.inf)[accepted]
    return 1 - np.searchsorted(np.sort(scores[same]), thresholds, side="right") / max(int(same.sum()), 1)


def training_curves(data: Data) -> Figure:
    """Total loss and its terms by epoch, one panel per network."""
    inputs = data.inputs
    seeds = "; one line per seed" if len(inputs.seeds) > 1 else ""
    text = f"Training loss by epoch: the total and its weighted terms, which add up to it (logarithmic axis{seeds})."
    alt = f"Training loss of {listed(data.losses)} by epoch"
    return Figure("recognition-training.svg", plots.training(data.losses), words.caption(inputs, text), alt)


def cost(data: Data, numbers: Numbers) -> Figure:
    """Accuracy at the lowest quality against multiply-adds, one panel per protocol."""
    inputs = data.inputs
    work = {name: float(data.values("multiply_adds", "", name, "")[0]) / 1e6 for name in inputs.models_and_seeds}
    # What an ONNX model of the user's own takes is not known.
    styles = {name: style for name, style in _styles(data).items() if not np.isnan(work[name])}
    missing = [name for name in work if name not in styles]
    work = {name: work[name] for name in styles}
    panels = {}
    for protocol in data.protocols:
        rows = {name: numbers.at(protocol, name, inputs.worst) for name in styles}
        panels[f"{protocol}, {inputs.worst}"] = {
            name: (row["accuracy"], row["low"], row["high"]) for name, row in rows.items()
        }
    labels = "Million multiply-adds a face", "Verification accuracy"
    text = (
        f"Accuracy at {inputs.worst} against the work for one face (logarithmic axis), with 95 % intervals"
        f" over pairs ({_basis(data)}). Networks that cost the same stand side by side around that cost."
        + (f" The work of {words.listed(missing)} is not known." if missing else "")
    )
    alt = f"Accuracy at {inputs.worst} against multiply-adds for {listed(styles)}"
    drawn = plots.against_cost(panels, work, styles, labels, unit=" %")
    return Figure("recognition-cost.svg", drawn, words.caption(inputs, text), alt)


def _basis(data: Data) -> str:
    bases = {words.basis(data, protocol): protocol for protocol in data.protocols}
    if len(bases) == 1:
        return next(iter(bases)).replace("pairs,", "pairs a protocol,")
    return "; ".join(f"{protocol}: {words.basis(data, protocol)}" for protocol in data.protocols)


def _percent(value: float, _: int) -> str:
    return f"{100 * value:g} %"
