"""Identification in the recognition section: rank-k rates, paired comparisons, CMC curves, findings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from pipeline.metrics import identification, statistics
from pipeline.report import figures, plots
from pipeline.report.blocks import Block, Figure, Table
from pipeline.report.words import tested
from pipeline.tasks.recognition.report import tables as recognition_tables
from pipeline.tasks.recognition.report import words
from pipeline.tasks.recognition.report.data import Data, Inputs
from pipeline.tasks.recognition.report.numbers import Numbers

RANKS = (1, 5, 10, 20)


def findings(data: Data, numbers: Numbers, protocol: str) -> str:
    """What a search of one protocol says, a null result included."""
    inputs = data.inputs
    worst, students = inputs.worst, words.distilled(inputs)
    controls = [name for name in (inputs.plain, inputs.control) if name in inputs.variants]
    parts = []
    for name in dict.fromkeys([inputs.teacher, *controls, *students]):
        ends = [f"{100 * (data.searches.ranks[protocol, name, c] == 1).mean():.1f} % at {c}" for c in _ends(inputs)]
        parts.append(f"{name} {' and '.join(ends)}")
    text = f"Rank-1 in {_sizes(data, protocol)}: {'; '.join(parts)}."
    rows = numbers.identification
    for row in rows[(rows["protocol"] == protocol) & (rows["condition"] == worst)].to_dict("records"):
        if row["control"] != inputs.plain and row["variant"] in students:
            text += (
                f" What the teacher adds: at {worst}, {row['variant']} differs from {row['control']} by"
                f" {words.points(row['difference'])} points (95 % interval"
                f" {words.between(row['low'], row['high'], sign=True)}; {tested(row)}), {row['verdict']}."
            )
    return text


def blocks(data: Data, numbers: Numbers) -> tuple[Block, ...]:
    """Tables and the figure; nothing where there are no searches."""
    inputs, protocols = data.inputs, data.searches.protocols
    if not protocols:
        return ()
    result: list[Block] = [rates(data, protocol) for protocol in protocols]
    found = numbers.identification
    for protocol in protocols:
        for control in inputs.controls:
            family = found[(found["protocol"] == protocol) & (found["control"] == control)]
            on = f"in rank-1 identification on {protocol}"
            table = recognition_tables.comparison(inputs, family, control, on, _basis(data, protocol), "probes")
            result += [table] if table else []
    return (*result, cmc_curves(data))


def rates(data: Data, protocol: str) -> Table:
    """Rank-1 with its interval, rank-5, 10, 20 and mean average precision, quality by quality."""
    inputs = data.inputs
    rows = []
    for condition in inputs.conditions:
        for variant in inputs.models_and_seeds:
            ranks = data.searches.ranks[protocol, variant, condition]
            low, high = statistics.bootstrap_interval(ranks == 1)
            row = {"Trained": variant, "Quality": condition}
            for rank in RANKS:
                each = 100 * (ranks <= rank).mean(axis=1)
                spread = f" ± {each.std(ddof=1):.1f}" if len(each) > 1 else ""
                row[f"Rank-{rank}, %"] = f"{each.mean():.1f}{spread}"
            row["Rank-1, %"] += f"\n{words.between(100 * low, 100 * high)}"
            precision = data.values("map", protocol, variant, condition)
            row["mAP, %"] = f"{100 * precision.mean():.1f}" if len(precision) else None
            rows.append(row)
    spread = "; mean ± standard deviation over seeds" if len(inputs.seeds) > 1 else ""
    text = (
        f"Identification on {protocol}: how often the right person is among the 1, 5, 10 and 20 most similar pictures of"
        f" {_sizes(data, protocol)} ({_basis(data, protocol)}{spread}), below rank-1 its 95 % interval over"
        f" probes, and the mean average precision. {_qualities(inputs)}"
    )
    count = len(inputs.models_and_seeds)
    rules = tuple(range(count, count * len(inputs.conditions), count))
    return Table(pd.DataFrame(rows), words.caption(inputs, text), rules=rules)


def cmc_curves(data: Data) -> Figure:
    """The share found by rank: one row per protocol, one panel per quality."""
    inputs, searches = data.inputs, data.searches
    styles = figures.of_variants(inputs.teacher, inputs.variants)
    columns = min(len(inputs.conditions), 4)
    lines = -(-len(inputs.conditions) // columns)
    extra = plots.legend_height(styles)
    figure, axes = figures.panels(lines * len(searches.protocols), columns, 3.3, sharey=True, extra=extra, sharex=False)
    for axis in axes.flat:
        axis.set_visible(False)
    for place, protocol in enumerate(searches.protocols):
        size = searches.sizes[protocol]
        most = min(identification.MOST, size["gallery"] + size["distractor"])
        rank = np.arange(1, most + 1)
        for number, condition in enumerate(inputs.conditions):
            axis = axes[place * lines + number // columns, number % columns]
            axis.set_visible(True)
            for variant, style in styles.items():
                curves = [identification.cmc(ranks, most) for ranks in searches.ranks[protocol, variant, condition]]
                axis.plot(
                    rank, 100 * np.mean(curves, axis=0), label=variant, color=style.color, linestyle=style.linestyle,
                    linewidth=1.6,
                )  # fmt: skip
            axis.set_xscale("log")
            axis.set_xlim(1, max(most, 2))
            axis.set_ylim(0, 101)
            axis.set_xticks([tick for tick in (1, 2, 5, 10, 20, 50) if tick <= most])
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
            axis.minorticks_off()
            axis.set_title(f"{protocol}, {condition}" if len(searches.protocols) > 1 else condition)
    for axis in axes[:, 0]:
        axis.set_ylabel("Found")
    figure.supxlabel("Rank", fontsize=11, color=figures.INK)
    plots.legend(figure, axes[0, 0], list(styles))
    seeds = ", mean over seeds" if len(inputs.seeds) > 1 else ""
    each = "; ".join(
        f"{protocol}: {_basis(data, protocol)}, {_sizes(data, protocol)}" for protocol in searches.protocols
    )
    text = (
        f"Cumulative match characteristic{seeds}: the share of probes whose person is among so many most similar"
        f" pictures (logarithmic axis). {each}. {_qualities(inputs)}"
    )
    alt = (
        f"Identification rate by rank of {words.listed(styles)} at {words.listed(inputs.conditions)} on"
        f" {words.listed(searches.protocols)}"
    )
    return Figure("recognition-cmc.svg", figures.svg(figure), words.caption(inputs, text), alt)


def _ends(inputs: Inputs) -> list[str]:
    """The best and the worst quality."""
    return list(dict.fromkeys([inputs.conditions[0], inputs.worst]))


def _qualities(inputs: Inputs) -> str:
    text = "Probes are seen at each quality, the gallery stays sharp (x1)."
    if any(settings.get("one_a_quality") for settings in inputs.variants.values()):
        text += " Of networks one a quality, that of the probe sees both."
    if not inputs.rendered:
        text += " Where the faces are poor by themselves, x1 shows them as they are."
    return text


def _basis(data: Data, protocol: str) -> str:
    return (
        f"{words.count(data.searches.sizes[protocol]['probe'], 'probe')}, {words.count(len(data.inputs.seeds), 'seed')}"
    )


def _sizes(data: Data, protocol: str) -> str:
    size = data.searches.sizes[protocol]
    others = f" and {words.count(size['distractor'], 'distractor')}" if size["distractor"] else ", without distractors"
    return f"a gallery of {words.count(size['gallery'], 'picture')}{others}"
