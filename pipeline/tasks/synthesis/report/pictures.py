"""The pictures of the photo-sketch report: what was given, the true picture, what each variant made, side by side."""

from __future__ import annotations

import numpy as np

from pipeline.report import figures
from pipeline.report.blocks import Figure
from pipeline.report.words import count, listed
from pipeline.tasks.synthesis.report import words
from pipeline.tasks.synthesis.report.data import Data
from pipeline.tasks.synthesis.report.health import fate
from pipeline.tasks.synthesis.report.reading import DIRECTIONS, Sample

COLUMNS = 8  # pictures side by side; more variants stand in several bands, each with given and true
ROWS = 6  # people of a figure
ROWS_OF_BANDS = 4  # people where there are several bands
LINE = 0.2  # inches that one line of text takes
GAP = 0.05


def rows(data: Data, direction: str) -> Figure:
    """One row per person, one column per variant; the floor, which is what was given, has no column of its own."""
    inputs = data.inputs
    bands = _bands(list(inputs.variants))
    samples = data.samples[direction][: ROWS if len(bands) == 1 else ROWS_OF_BANDS]
    side = data.image_size
    columns = max(map(len, bands)) + 2
    printed = (figures.WIDTH - 0.1 - GAP * (columns - 1)) * figures.DPI
    # Whole steps: a pixel of the picture is a square of pixels of the figure, everywhere the same.
    times = max(1, round(printed / (columns * side)))
    tile, space = side * times, round(GAP * figures.DPI)
    below = round(1.25 * LINE * figures.DPI)
    given, true = words.INPUT[direction], f"true {words.OUTPUT[direction]}"
    names = [[given, true, *band] for band in bands]
    heads, size = figures.headings([name for line in names for name in line], tile / figures.DPI)
    titles = dict(zip((name for line in names for name in line), heads, strict=True))
    for name in inputs.variants:
        if symptoms := _symptoms(data, direction, name):
            titles[name] = f"{titles[name]}\n({fate(symptoms)})"
    top = round(figures.DPI * (0.06 + LINE * max(head.count("\n") + 1 for head in titles.values())))
    parts, tops = [], []
    for line in names:
        pictures = [[figures.enlarged(_picture(sample, name, line), times) for name in line] for sample in samples]
        mosaic = figures.tiles(pictures, space, below=below)
        tops.append(sum(map(len, parts)) + top)
        wide = figures.tile_offsets(columns, tile, space)[-1] + tile
        padding = ((top, below), (0, wide - mosaic.shape[1]), (0, 0))
        parts.append(np.pad(mosaic, padding, constant_values=255))
    canvas = np.concatenate(parts)
    figure, axes = figures.picture_axes(canvas, left=0.05, top=0.05, width=canvas.shape[1] / figures.DPI + 0.1)
    for line, upper in zip(names, tops, strict=True):
        centres = [left + tile / 2 for left in figures.tile_offsets(len(line), tile, space)]
        for centre, name in zip(centres, line, strict=True):
            weight = "bold" if name in line[2:] else "normal"
            axes.text(centre, upper - 8, titles[name], ha="center", va="bottom", fontsize=size, fontweight=weight)
        for row, sample in enumerate(samples):
            likeness = {name: _likeness(data, direction, name, sample) for name in inputs.variants}
            leading = max(likeness, key=lambda name: likeness[name][1], default=None)
            for centre, name in zip(centres[2:], line[2:], strict=True):
                axes.text(
                    centre,
                    upper + row * (tile + below) + tile + 0.4 * below,
                    " / ".join(f"{value:.2f}" for value in likeness[name]),
                    ha="center",
                    va="center",
                    fontsize=min(9, size),
                    fontweight="bold" if name == leading else "normal",
                    color=figures.INK if name == leading else figures.SOFT,
                )
    text = (
        f"{DIRECTIONS[direction].capitalize()}, {count(len(samples), 'test pair')}: the {given} that is given, the"
        f" {true}, and what each variant makes of the former (first seed, sound or not). Below, SSIM / FSIM of the"
        " picture, bold for the highest FSIM. Pixels are shown as they are, as small squares."
    )
    shown = listed([given, true, *inputs.variants])
    alt = f"{count(len(samples), 'test pair')}, {DIRECTIONS[direction]}: {shown}"
    file = f"{inputs.slug}-pictures-{direction.replace('_', '-')}.png"
    return Figure(file, figures.png(figure), words.caption(data, text), alt)


def _bands(variants: list[str]) -> list[list[str]]:
    """The variants in as few lines as fit, of about the same length."""
    most = COLUMNS - 2
    lines = max(1, -(-len(variants) // most))
    return [list(part) for part in np.array_split(np.array(variants, dtype=object), lines)]


def _picture(sample: Sample, name: str, line: list[str]) -> np.ndarray:
    if name in line[:2]:
        return sample.given if name == line[0] else sample.true
    return sample.made[name]


def _symptoms(data: Data, direction: str, variant: str) -> tuple[str, ...]:
    """The symptoms of the seed that is shown."""
    return data.judged[direction, variant].symptoms[0]


def _likeness(data: Data, direction: str, variant: str, sample: Sample) -> tuple[float, float]:
    """SSIM and FSIM of the picture that is shown."""
    pictures = data.judged[direction, variant].pictures
    return pictures["ssim"][0, sample.number], pictures["fsim"][0, sample.number]
