"""Pictures side by side, as each variant made them: a row per test item, a column per variant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from pipeline.report import figures

COLUMNS = 8  # pictures side by side; more variants stand in several bands
ROWS = 6  # items of a figure
ROWS_OF_BANDS = 4  # items where there are several bands
LINE = 0.2  # inches that one line of text takes
GAP = 0.05  # inches between pictures


def bands(variants: Sequence[str], beside: int) -> list[list[str]]:
    """The variants in as few lines as fit ``beside`` other pictures, of about the same length."""
    lines = max(1, -(-len(variants) // (COLUMNS - beside)))
    return [list(part) for part in np.array_split(np.array(variants, dtype=object), lines)]


def shown(bands: Sequence[Sequence[str]]) -> int:
    """How many items a figure of so many bands has room for."""
    return ROWS if len(bands) == 1 else ROWS_OF_BANDS


def grid(
    pictures: Sequence[Mapping[str, np.ndarray]],
    bands: Sequence[Sequence[str]],
    *,
    bold: Collection[str],
    under: Sequence[Mapping[str, str]],
    leading: Sequence[str | None],
    notes: Mapping[str, str] | None = None,
) -> bytes:
    """The items' pictures as PNG, every pixel a square of pixels of the figure.

    Args:
        pictures: title -> (H, W, 3) uint8, an item each, all of one size. bands: titles, a line each.
        bold: titles in bold. under: what stands under each picture. leading: of each item, whose text is bold.
        notes: a second line of a title.
    """
    height, width = next(iter(pictures[0].values())).shape[:2]
    columns = max(map(len, bands))
    printed = (figures.WIDTH - 0.1 - GAP * (columns - 1)) * figures.DPI
    times = max(1, round(printed / (columns * width)))
    tall, wide, space = height * times, width * times, round(GAP * figures.DPI)
    below = round(1.25 * LINE * figures.DPI)
    titles = [title for band in bands for title in band]
    heads, size = figures.headings(titles, wide / figures.DPI)
    heads = dict(zip(titles, heads, strict=True)) | {
        title: f"{head}\n({notes[title]})"
        for title, head in zip(titles, heads, strict=True)
        if notes and title in notes
    }
    top = round(figures.DPI * (0.06 + LINE * max(head.count("\n") + 1 for head in heads.values())))
    whole = figures.tile_offsets(columns, wide, space)[-1] + wide
    parts, tops = [], []
    for band in bands:
        lines = [[figures.enlarged(item[title], times) for title in band] for item in pictures]
        mosaic = figures.tiles(lines, space, below=below)
        tops.append(sum(map(len, parts)) + top)
        padding = ((top, below), (0, whole - mosaic.shape[1]), (0, 0))
        parts.append(np.pad(mosaic, padding, constant_values=255))
    canvas = np.concatenate(parts)
    figure, axes = figures.picture_axes(canvas, left=0.05, top=0.05, width=canvas.shape[1] / figures.DPI + 0.1)
    for band, upper in zip(bands, tops, strict=True):
        for left, title in zip(figures.tile_offsets(len(band), wide, space), band, strict=True):
            middle, weight = left + wide / 2, "bold" if title in bold else "normal"
            axes.text(middle, upper - 8, heads[title], ha="center", va="bottom", fontsize=size, fontweight=weight)
            for row, (said, leads) in enumerate(zip(under, leading, strict=True)):
                axes.text(
                    middle,
                    upper + row * (tall + below) + tall + 0.4 * below,
                    said.get(title, ""),
                    ha="center",
                    va="center",
                    fontsize=min(9, size),
                    fontweight="bold" if title == leads else "normal",
                    color=figures.INK if title == leads else figures.SOFT,
                )
    return figures.png(figure)
