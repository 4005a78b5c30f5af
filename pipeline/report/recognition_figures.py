"""The plots of the recognition report: accuracy, ROC, training, cost."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FuncFormatter

from pipeline.report import figures
from pipeline.report import recognition_words as words
from pipeline.report.blocks import Figure, slug
from pipeline.report.recognition_data import Data
from pipeline.report.recognition_numbers import Numbers

# Loss terms in the order in which they turn up.
TERM_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def _styles(data: Data) -> dict[str, figures.Style]:
    return {data.inputs.teacher: figures.TEACHER, **figures.styles(list(data.inputs.variants))}


def accuracy_curves(data: Data, numbers: Numbers) -> Figure:
    """Accuracy against quality, one panel a protocol."""
    inputs = data.inputs
    styles = _styles(data)
    count = len(data.protocols)
    columns = min(count, 2)
    figure, axes = figures.panels(
        -(-count // columns), columns, 4.6, sharey=True, extra=_legend_height(styles)
    )
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
    for axis in list(axes.flat)[count:]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("Verification accuracy")
    _legend(figure, axes[0, 0], list(styles))
    text = (
        f"Accuracy against quality, with 95 % intervals over pairs ({_basis(data)}). Points of one quality"
        " stand side by side; pixels are the width of the face before it is enlarged again. The vertical"
        " axis does not start at zero."
    )
    alt = (
        f"Accuracy of {words.listed(styles)} at {words.listed(inputs.conditions)} on"
        f" {words.listed(data.protocols)}"
    )
    return Figure("recognition-accuracy.svg", figures.svg(figure), words.caption(inputs, text), alt)


def roc_curves(data: Data, protocol: str) -> Figure:
    """True against false acceptance (log), one panel a quality."""
    inputs = data.inputs
    styles = _styles(data)
    same = data.same[protocol]
    columns = min(len(inputs.conditions), 4)
    rows = -(-len(inputs.conditions) // columns)
    figure, axes = figures.panels(rows, columns, 3.5, sharex=True, sharey=True, extra=_legend_height(styles))
    lowest = 1 / max(int((~same).sum()), 1)
    grid = np.geomspace(lowest, 1, 160)
    for axis, condition in zip(axes.flat, inputs.conditions, strict=False):
        axis.plot(grid, 100 * grid, color=figures.SOFT, linewidth=1, linestyle=(0, (1, 2)))
        for variant, style in styles.items():
            scores = data.scores[protocol, variant, condition]
            tar = np.mean([true_acceptance(row, same, grid) for row in scores], axis=0)
            axis.plot(
                grid, 100 * tar, label=variant, color=style.color, linestyle=style.linestyle, linewidth=1.6
            )
        axis.set_xscale("log")
        axis.set_xlim(lowest, 1)
        axis.set_ylim(0, 101)
        axis.set_title(condition)
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axis.xaxis.set_major_formatter(FuncFormatter(_percent))
    for axis in list(axes.flat)[len(inputs.conditions) :]:
        axis.set_visible(False)
    axes[0, 0].set_ylabel("True acceptance")
    figure.supxlabel("False acceptance", fontsize=11, color=figures.INK)
    _legend(figure, axes[0, 0], list(styles))
    seeds = ", mean over seeds at equal false acceptance" if len(inputs.seeds) > 1 else ""
    text = (
        f"ROC curves on {protocol}, one panel a quality{seeds} ({words.basis(data, protocol)}). The"
        f" horizontal axis is logarithmic and ends at one false acceptance in {int((~same).sum()):,} pairs;"
        " the dotted line is guessing."
    )
    alt = f"ROC curves of {words.listed(styles)} on {protocol} at {words.listed(inputs.conditions)}"
    return Figure(
        f"recognition-roc-{slug(protocol)}.svg", figures.svg(figure), words.caption(inputs, text), alt
    )


def true_acceptance(scores: np.ndarray, same: np.ndarray, far: np.ndarray) -> np.ndarray:
    """The share of same pairs accepted at the lowest threshold that accepts at most ``far`` of the others.

    scores (pairs,), same (pairs,) bool, far (k,) -> (k,).
    """
    others = np.sort(scores[~same])[::-1]
    accepted = np.minimum(np.floor(far * len(others) + 1e-9).astype(int), len(others))
    thresholds = np.append(others, -np.inf)[accepted]
    return 1 - np.searchsorted(np.sort(scores[same]), thresholds, side="right") / max(int(same.sum()), 1)


def training_curves(data: Data) -> Figure:
    """Total loss and its terms by epoch, a panel a network."""
    inputs = data.inputs
    names = [name for name in inputs.models_and_seeds if name in data.losses]
    terms: list[str] = []
    for tables in data.losses.values():
        terms += [
            name for name in tables[0].columns if name not in ("epoch", "learning_rate", "total", *terms)
        ]
    colours = {term: TERM_COLOURS[i % len(TERM_COLOURS)] for i, term in enumerate(terms)}
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure, axes = figures.panels(rows, columns, 2.7, sharey=True, sharex=False)
    handles = {}
    for axis, name in zip(axes.flat, names, strict=False):
        for table in data.losses[name]:
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
    for axis in list(axes.flat)[len(names) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("Loss")
    figure.supxlabel("Epoch", fontsize=11, color=figures.INK)
    order = [term for term in ("total", *terms) if term in handles]
    figure.legend([handles[term] for term in order], order, loc="outside upper center", ncols=len(order))
    seeds = "; a line a seed" if len(inputs.seeds) > 1 else ""
    text = (
        "Training loss by epoch: the total and its weighted terms, which add up to it (logarithmic"
        f" axis{seeds})."
    )
    alt = f"Training loss of {words.listed(names)} by epoch"
    return Figure("recognition-training.svg", figures.svg(figure), words.caption(inputs, text), alt)


def cost(data: Data, numbers: Numbers) -> Figure:
    """Accuracy at the lowest quality against multiply-adds, a panel a protocol."""
    inputs = data.inputs
    work = {name: float(data.values("multiply_adds", "", name, "")[0]) / 1e6 for name in inputs.models_and_seeds}
    # What an ONNX model of the user's own takes is not known.
    styles = {name: style for name, style in _styles(data).items() if not np.isnan(work[name])}
    missing = [name for name in work if name not in styles]
    work = {name: work[name] for name in styles}
    costs = sorted(set(work.values()))
    ratio = max(costs[-1] / costs[0], 1.5)
    # Names beside the points are easiest to read, as long as two columns of names cannot run into each other.
    direct = len(styles) <= 8 and (len(costs) == 1 or (len(costs) == 2 and ratio >= 2.5))
    columns = min(len(data.protocols), 2)
    rows = -(-len(data.protocols) // columns)
    figure, axes = figures.panels(
        rows, columns, 4.2, sharey=True, extra=0 if direct else _legend_height(styles)
    )
    for axis, protocol in zip(axes.flat, data.protocols, strict=False):
        found = {name: numbers.at(protocol, name, inputs.worst) for name in styles}
        ends = [value for row in found.values() for value in (row["low"], row["high"])]
        line = 0.08 * (max(ends) - min(ends) + 1)  # the height of a name, in points of accuracy
        for x in costs:
            # Networks of one cost stand side by side around it, the best to the right, so that no line from a
            # point to its name crosses another.
            group = sorted(
                (name for name in styles if work[name] == x), key=lambda name: found[name]["accuracy"]
            )
            fan = min(0.03 * len(group), 0.2)
            heights = figures.spread([found[name]["accuracy"] for name in group], line)
            for i, (name, height) in enumerate(zip(group, heights, strict=True)):
                row, style = found[name], styles[name]
                place = x * ratio ** (fan * ((i + 0.5) / len(group) - 0.5))
                axis.errorbar(
                    place,
                    row["accuracy"],
                    yerr=[[max(row["accuracy"] - row["low"], 0)], [max(row["high"] - row["accuracy"], 0)]],
                    label=name,
                    color=style.color,
                    marker=style.marker,
                    linestyle="none",
                    markersize=8,
                    elinewidth=1.2,
                    markeredgecolor="white",
                    markeredgewidth=0.7,
                )
                if direct:
                    axis.annotate(
                        name,
                        (place, row["accuracy"]),
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
        axis.set_title(f"{protocol}, {inputs.worst}")
        axis.set_xlabel("Million multiply-adds a face")
        axis.set_xticks(costs, [f"{value:.3g}" for value in costs])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    for axis in list(axes.flat)[len(data.protocols) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("Verification accuracy")
    if not direct:
        _legend(figure, axes[0, 0], list(styles))
    text = (
        f"Accuracy at {inputs.worst} against the work for one face (logarithmic axis), with 95 % intervals"
        f" over pairs ({_basis(data)}). Networks that cost the same stand side by side around that cost."
        + (f" The work of {words.listed(missing)} is not known." if missing else "")
    )
    alt = f"Accuracy at {inputs.worst} against multiply-adds for {words.listed(styles)}"
    return Figure("recognition-cost.svg", figures.svg(figure), words.caption(inputs, text), alt)


def _basis(data: Data) -> str:
    bases = {words.basis(data, protocol): protocol for protocol in data.protocols}
    if len(bases) == 1:
        return next(iter(bases)).replace("pairs,", "pairs a protocol,")
    return "; ".join(f"{protocol}: {words.basis(data, protocol)}" for protocol in data.protocols)


def _percent(value: float, _: int) -> str:
    return f"{100 * value:g} %"


def _legend_columns(names) -> int:
    # One row if the names fit the width, else columns as wide as the longest name.
    in_one_row = sum(len(name) + 6 for name in names) <= 112
    return len(names) if in_one_row else max(1, min(len(names), 112 // (max(map(len, names)) + 6)))


def _legend_height(names) -> float:
    """Inches that a legend needs beyond its first row."""
    return 0.24 * (-(-len(names) // _legend_columns(names)) - 1)


def _legend(figure, axis, names) -> None:
    handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend(
        [handles[name] for name in names],
        names,
        loc="outside upper center",
        ncols=_legend_columns(names),
        columnspacing=1.4,
        handlelength=2.6,
    )
