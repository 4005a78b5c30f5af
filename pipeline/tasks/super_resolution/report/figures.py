"""The plots of the super-resolution report: training, PSNR against cost, PSNR against verification."""

from __future__ import annotations

from matplotlib.ticker import FuncFormatter

from pipeline.report import figures, plots
from pipeline.report.blocks import Figure, slug
from pipeline.report.words import listed
from pipeline.tasks.super_resolution.report import words
from pipeline.tasks.super_resolution.report.data import Data
from pipeline.tasks.super_resolution.report.numbers import Numbers, faces_set
from pipeline.tasks.super_resolution.report.recognition import DIRECT, SHARP, THROUGH

FLOOR = figures.Style(figures.SOFT, "s", "-")


def styles(data: Data) -> dict[str, figures.Style]:
    """How each trained variant looks: as in every section, the teacher in ink."""
    return {**figures.styles(list(data.inputs.variants)), data.inputs.teacher: figures.TEACHER}


def training_curves(data: Data) -> Figure:
    """Total loss and its terms by epoch, one panel per network."""
    lines = "; one line per seed" if len(data.inputs.seeds) > 1 else ""
    text = (
        f"Training loss at {data.inputs.scale} by epoch: the total and its weighted terms, which add up to it"
        f" (logarithmic axis{lines}; {words.seeds(data)})."
    )
    alt = f"Training loss of {listed(data.losses)} by epoch"
    return Figure(f"{data.inputs.slug}-training.svg", plots.training(data.losses), words.caption(data, text), alt)


def cost(data: Data, numbers: Numbers) -> Figure:
    """PSNR against multiply-adds, one panel per set."""
    inputs = data.inputs
    panels, floors = {}, {}
    for name in data.sets:
        title = f"{data.sets[name].label}, {inputs.scale}"
        rows = {variant: numbers.at(name, variant) for variant in inputs.all}
        panels[title] = {
            variant: (row["mean"], row["low"], row["high"]) for variant, row in rows.items() if variant != inputs.floor
        }
        floors[title] = inputs.floor, rows[inputs.floor]["mean"]
    height, width = data.cost_for
    work = {variant: data.cost("multiply_adds", variant) / 1e6 for variant in inputs.trained}
    labels = f"Million multiply-adds for {width} x {height} pixels", "PSNR, dB"
    text = (
        f"PSNR at {inputs.scale} against the work for one small picture (logarithmic axis), with 95 % intervals over"
        f" pictures ({words.seeds(data)}); the dotted line is {inputs.floor}. Networks that cost the same stand side by"
        " side around that cost. Intervals show how much pictures differ; whether networks do is tested on pairs of"
        " results in the tables above."
    )
    alt = f"PSNR of {listed(inputs.trained)} against multiply-adds"
    drawn = plots.against_cost(panels, work, styles(data), labels, slack=0.1, floors=floors, sharey=False)
    return Figure(f"{inputs.slug}-cost.svg", drawn, words.caption(data, text, data.sets), alt)


def quality_and_recognition(data: Data, numbers: Numbers, protocol: str) -> Figure:
    """Accuracy against PSNR, a point an enlargement; those that read without one as lines."""
    inputs, about = data.inputs, data.verification
    name = faces_set(data)
    marks = {inputs.floor: FLOOR, **styles(data)}
    figure, axes = figures.panels(1, 1, 4.8, extra=plots.legend_height(marks))
    axis = axes[0, 0]
    for variant, style in marks.items():
        psnr, accuracy = numbers.at(name, variant), numbers.read_by(protocol, (THROUGH, variant))
        across = psnr["mean"], psnr["low"], psnr["high"]
        plots.point(
            axis, across[0], (accuracy["mean"], accuracy["low"], accuracy["high"]), style, variant, across=across
        )
    lines = {reader: numbers.read_by(protocol, reader)["mean"] for reader in (*about.of(DIRECT), *about.of(SHARP))}
    axis.margins(0.06)
    for reader, height in lines.items():
        dashes = "-" if reader[0] == SHARP else (0, (4, 2))
        axis.axhline(height, color=figures.SOFT, linewidth=1.2, linestyle=dashes, zorder=1)
    low, high = axis.get_ylim()
    for (reader, height), place in zip(
        lines.items(), figures.spread(list(lines.values()), 0.05 * (high - low)), strict=True
    ):
        axis.annotate(
            f"{words.short(reader)} {height:.1f} %",
            (1, height),
            (1.015, place),
            xycoords=axis.get_yaxis_transform(),
            textcoords=axis.get_yaxis_transform(),
            color=figures.SOFT,
            fontsize=10,
            va="center",
            annotation_clip=False,
        )
    axis.set_xlabel(f"PSNR on {words.set_name(data, name)}, dB")
    axis.set_ylabel(f"Verification accuracy, {protocol}")
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    plots.legend(figure, axis, list(marks))
    read_directly = (
        f", dashed: students of recognition that read the {inputs.scale} face themselves" if about.of(DIRECT) else ""
    )
    ceiling = " Solid line: the recogniser on sharp faces" if about.of(SHARP) else " No line for sharp faces"
    text = (
        f"Do better pictures make faces easier to recognise? A point an enlargement at {inputs.scale}, read by one"
        f" recogniser, with 95 % intervals over {len(data.sets[name].pictures)} pictures (across) and over pairs (up)."
        f"{ceiling}{read_directly}."
    )
    alt = f"Verification accuracy on {protocol} against PSNR for {listed(marks)}"
    file = f"{inputs.slug}-recognition-{slug(protocol)}.svg"
    return Figure(file, figures.svg(figure), words.faces_caption(data, protocol, text), alt)
