"""The plots and pictures of the super-resolution report: PSNR against verification, what each variant enlarges."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from pipeline.report import figures, pictures, plots
from pipeline.report.blocks import Figure, slug
from pipeline.report.numbers import Numbers
from pipeline.report.reading import Sample
from pipeline.report.words import count, listed
from pipeline.tasks.super_resolution.report.results import SHARP, Data

FLOOR = figures.Style(figures.SOFT, "s", "-")
WHOLE = 128  # pixels: pictures up to this size, such as faces, are shown whole
CROPPED = 3  # larger pictures of a set, each a figure
ZOOM = 3  # printed pixels a pixel of a crop
MARK = "#ffd400"


def quality_and_recognition(data: Data, numbers: Numbers, protocol: str) -> Figure:
    """Accuracy against PSNR, a point per enlargement; those that read without one as lines."""
    inputs, about = data.inputs, data.verification
    name, place = data.faces_set, data.place("accuracy", protocol)
    marks = {inputs.floor: FLOOR, **plots.styles(data)}
    figure, axes = figures.panels(1, 1, 4.8, extra=plots.legend_height(marks))
    axis = axes[0, 0]
    for variant, style in marks.items():
        across, up = (plots.ends(numbers.at(of, variant)) for of in (data.place("psnr", name), place))
        plots.point(axis, across[0], up, style, variant, across=across)
    lines = {reader: numbers.mean(place, reader) for reader in about.beside}
    axis.margins(0.06)
    for reader, height in lines.items():
        dashes = "-" if reader == SHARP else (0, (4, 2))
        axis.axhline(height, color=figures.SOFT, linewidth=1.2, linestyle=dashes, zorder=1)
    low, high = axis.get_ylim()
    for (reader, height), place in zip(
        lines.items(), figures.spread(list(lines.values()), 0.05 * (high - low)), strict=True
    ):
        axis.annotate(
            f"{about.direct.get(reader, reader)} {height:.1f} %",
            (1, height),
            (1.015, place),
            xycoords=axis.get_yaxis_transform(),
            textcoords=axis.get_yaxis_transform(),
            color=figures.SOFT,
            fontsize=10,
            va="center",
            annotation_clip=False,
        )
    axis.set_xlabel(f"PSNR on {data.set_name(name)}, dB")
    axis.set_ylabel(f"Verification accuracy, {protocol}")
    axis.yaxis.set_major_formatter(FuncFormatter(plots.percent))
    plots.legend(figure, axis, list(marks))
    read_directly = (
        f", dashed: students of recognition that read the {inputs.scale} face themselves" if about.direct else ""
    )
    ceiling = " Solid line: the recogniser on sharp faces" if about.sharp else " No line for sharp faces"
    text = (
        f"Do better pictures make faces easier to recognise? A point per enlargement at {inputs.scale}, read by one"
        f" recogniser, with 95 % intervals over {data.sets[name].count} pictures (across) and over pairs (up),"
        f" {'and over seeds' if len(inputs.seeds) > 1 else 'of these networks'}."
        f"{ceiling}{read_directly}."
    )
    alt = f"Verification accuracy on {protocol} against PSNR for {listed(marks)}"
    file = f"{inputs.slug}-recognition-{slug(protocol)}.svg"
    return Figure(file, figures.svg(figure), data.caption(text, protocol), alt)


def rows(data: Data, name: str) -> tuple[Figure, ...]:
    """The samples of one set: small ones whole in one figure, of each large one the most telling place."""
    samples = data.sets[name].samples
    whole = [sample for sample in samples if max(sample.shared["original"].shape[:2]) <= WHOLE]
    whole = [sample for sample in whole if sample.shared["original"].shape == whole[0].shared["original"].shape]
    large = [sample for sample in samples if max(sample.shared["original"].shape[:2]) > WHOLE][:CROPPED]
    found = [_strip(data, name, whole)] if whole else []
    return (*found, *(_cropped(data, name, sample) for sample in large))


def telling_place(results: Mapping[str, np.ndarray], factor: int, side: int) -> tuple[int, int]:
    """(top, left) of the square of ``side`` pixels in which the results (H, W, 3) differ most from one another.

    By the variance between results, summed over pixels and channels. ``side`` and the place are multiples of
    ``factor``, so that the square covers whole pixels of the small picture; of equal places the uppermost, then
    leftmost.
    """
    stack = np.stack([result.astype(np.float64) for result in results.values()])
    spread = stack.var(axis=0).sum(axis=-1)
    height, width = spread.shape[0] // factor, spread.shape[1] // factor
    blocks = spread[: height * factor, : width * factor].reshape(height, factor, width, factor).sum(axis=(1, 3))
    sums = np.pad(blocks.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    cells = side // factor
    inside = sums[cells:, cells:] - sums[:-cells, cells:] - sums[cells:, :-cells] + sums[:-cells, :-cells]
    # Sums of the same numbers in another order differ in the last bits, which must not decide.
    top, left = np.unravel_index(int(np.argmax(inside >= inside.max() * (1 - 1e-9))), inside.shape)
    return int(top) * factor, int(left) * factor


def _tiles(data: Data, sample: Sample) -> dict[str, np.ndarray]:
    """Low resolution, every variant, original: all as large as the original."""
    small = figures.enlarged(sample.shared["small"], data.inputs.factor)
    results = {variant: sample.made[variant] for variant in data.inputs.all}
    return {"low resolution": small, **results, "original": sample.shared["original"]}


def _decibels(data: Data, name: str, sample: Sample) -> dict[str, str]:
    """What stands under each tile; first seed. Nothing where the sample is none of the pictures that were judged."""
    under = {}
    for variant in data.inputs.all:
        psnr = data.outcomes[data.place("psnr", name), variant]
        if len(value := psnr.values[0, psnr.items == sample.number]):
            under[variant] = f"{value[0]:.2f} dB"
    return under


def _leading(data: Data, under: Mapping[str, str]) -> str | None:
    """The student with the highest PSNR of this picture."""
    students = [variant for variant in data.inputs.variants if variant in under]
    return max(students, key=lambda variant: float(under[variant].split()[0]), default=None)


def _strip(data: Data, name: str, samples: list[Sample]) -> Figure:
    """One row per picture, one column per variant."""
    lines = pictures.bands(list(data.inputs.all), beside=2)
    samples = samples[: pictures.shown(lines)]
    bands = [["low resolution", *line, "original"] for line in lines]
    under = [_decibels(data, name, sample) for sample in samples]
    drawn = pictures.grid(
        [_tiles(data, sample) for sample in samples],
        bands,
        bold=data.inputs.all,
        under=under,
        leading=[_leading(data, said) for said in under],
    )
    small, large = (samples[0].shared[kind].shape[1] for kind in ("small", "original"))
    text = (
        f"{count(len(samples), 'test picture')} at {data.inputs.scale}: the {small} pixels wide picture that is given,"
        f" as each variant enlarges it to {large} pixels (first seed), and the original. Below, PSNR of the picture,"
        " bold for the best student. Pixels are shown as they are, as small squares."
    )
    return _finished(data, name, drawn, text, count(len(samples), "picture"), list(dict.fromkeys(sum(bands, []))))


def _cropped(data: Data, name: str, sample: Sample) -> Figure:
    """The original with a box, and beside it what is in the box, in two rows."""
    tiles = _tiles(data, sample)
    titles = list(tiles)
    factor, (height, width) = data.inputs.factor, sample.shared["original"].shape[:2]
    columns = -(-len(titles) // 2)
    # The thumbnail is as high as both rows of crops, but never wider than a third of the figure.
    gap = 0.08  # inches
    tile = (0.67 * figures.WIDTH - 0.1) / columns - gap
    names, size = figures.headings(titles, tile)
    heads = dict(zip(titles, names, strict=True))
    label = pictures.LINE * (1.1 + max(head.count("\n") + 1 for head in names))  # a name and its PSNR under each crop
    shown = min(0.33 * figures.WIDTH, (2 * tile + label) * width / height)
    tile = (figures.WIDTH - 0.1 - shown) / columns - gap
    side = max(factor, min(int(tile * figures.DPI / ZOOM), height, width) // factor * factor)
    times = max(1, round(tile * figures.DPI) // side)
    tile = side * times / figures.DPI
    top, left = telling_place(sample.made, factor, side)
    thumbnail = shown * height / width
    total = max(2 * (tile + label), thumbnail + label) + 0.05
    full = 0.1 + shown + columns * (tile + gap)
    figure = Drawing(figsize=(full, total))
    axes = _picture(figure, sample.shared["original"], 0.05, 0.05, shown, thumbnail, smooth=True)
    for colour, thick in (("black", 3.6), (MARK, 1.8)):
        box = Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=colour, linewidth=thick)
        axes.add_patch(box)
    _label(figure, 0.05 + shown / 2, 0.05 + thumbnail, "original", f"{width} x {height} pixels", size, bold=False)
    under = _decibels(data, name, sample)
    leading = _leading(data, under)
    for place, (title, picture) in enumerate(tiles.items()):
        row, column = divmod(place, columns)
        x = 0.05 + shown + gap + column * (tile + gap)
        y = 0.05 + row * (tile + label)
        crop = figures.enlarged(picture[top : top + side, left : left + side], times)
        _picture(figure, crop, x, y, tile, tile)
        below = "" if title in ("low resolution", "original") else under.get(title, "")
        bold, leads = title in data.inputs.all, title == leading
        _label(figure, x + tile / 2, y + tile, heads[title], below, size, bold, leads)
    text = (
        f"Picture {sample.number} at {data.inputs.scale}: left the original, right what is in its box: as given"
        f" ({side // factor} pixels wide), as each variant enlarges it (first seed), and in the original. The box is"
        " where the variants differ most. Below, PSNR of the whole picture, bold for the best student."
    )
    return _finished(
        data, name, figures.png(figure), text, f"A part of picture {sample.number}", titles, f"-{sample.number}"
    )


def _finished(data: Data, name: str, drawn: bytes, text: str, what: str, titles: list[str], number: str = "") -> Figure:
    alt = f"{what} of {data.sets[name].label}: {listed(titles)}"
    file = f"{data.inputs.slug}-pictures-{slug(name)}{number}.png"
    return Figure(file, drawn, data.caption(text, name), alt)


def _picture(figure: Drawing, picture: np.ndarray, x: float, y: float, width: float, height: float, smooth=False):
    """Place a picture ``x`` inches from the left and ``y`` from the top."""
    full, total = figure.get_size_inches()
    axes = figure.add_axes((x / full, 1 - (y + height) / total, width / full, height / total))
    axes.imshow(picture, interpolation="antialiased" if smooth else "nearest", aspect="auto")
    axes.axis("off")
    return axes


def _label(
    figure: Drawing, x: float, y: float, title: str, below: str, size: float, bold: bool, leads: bool = False
) -> None:
    """A name under a picture, ``x`` and ``y`` inches from the upper left, and a number under the name."""
    full, total = figure.get_size_inches()
    place = {"x": x / full, "ha": "center", "va": "top"}
    figure.text(y=1 - (y + 0.04) / total, s=title, fontsize=size, fontweight="bold" if bold else "normal", **place)
    weight, colour = ("bold", figures.INK) if leads else ("normal", figures.SOFT)
    lower = y + 0.04 + 0.85 * pictures.LINE * (title.count("\n") + 1)
    figure.text(y=1 - lower / total, s=below, fontsize=9, fontweight=weight, color=colour, **place)
