"""How every plot and picture looks, in one place, and how it becomes bytes that are the same in each run."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1b2430"
SOFT = "#5b6675"
GRID = "#e3e8ed"
WIDTH = 10.0  # inches; the page shows this in about 900 pixels
DPI = 160  # of pictures; plots are SVG

# Okabe and Ito's colours without the yellow, which is too light for a line, and Tol's olive: told apart with
# any of the common colour deficiencies. Markers and dashes repeat the difference in black and white.
COLOURS = ("#d55e00", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#cc79a7", "#999933")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))

# The user's own matplotlibrc must not change the report.
matplotlib.use("Agg")
matplotlib.rcdefaults()
matplotlib.rcParams.update(
    {
        "axes.axisbelow": True,
        "axes.edgecolor": "#9aa5b1",
        "axes.grid": True,
        "axes.labelcolor": INK,
        "axes.labelsize": 11,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "figure.dpi": 100,
        "figure.facecolor": "white",
        "font.family": "DejaVu Sans",  # ships with matplotlib: the same glyphs on every machine
        "font.size": 11,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "legend.fontsize": 10.5,
        "legend.frameon": False,
        "lines.linewidth": 1.9,
        "lines.markersize": 7,
        "savefig.dpi": DPI,
        "svg.fonttype": "path",
        "svg.hashsalt": "report",  # ids derived from the content, not drawn at random
        "text.color": INK,
        "xtick.color": SOFT,
        "xtick.labelsize": 10,
        "ytick.color": SOFT,
        "ytick.labelsize": 10,
    }
)


@dataclass(frozen=True)
class Style:
    """How one variant looks in every figure."""

    color: str
    marker: str
    linestyle: str | tuple


TEACHER = Style(INK, "h", (0, (4, 2)))


def styles(variants: Sequence[str]) -> dict[str, Style]:
    """A style for each variant by its place in the order; after seven, colours return with other marks."""
    result = {}
    for i, name in enumerate(variants):
        again, place = divmod(i, len(COLOURS))
        marker = MARKERS[(place + 3 * again) % len(MARKERS)]
        result[name] = Style(COLOURS[place], marker, DASHES[again % len(DASHES)])
    return result


def of_variants(teacher: str, variants: Iterable[str]) -> dict[str, Style]:
    """The teacher's style and the students'."""
    return {teacher: TEACHER, **styles(list(variants))}


def panels(rows: int, columns: int, height: float, extra: float = 0, **options) -> tuple[Figure, np.ndarray]:
    """A figure of ``rows`` by ``columns`` axes (a 2-d array), ``height`` inches a row and ``extra`` above."""
    figure = Figure(figsize=(WIDTH, height * rows + extra), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08, wspace=0.03, hspace=0.03)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def svg(figure: Figure) -> bytes:
    """The figure as SVG without date or version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def png(figure: Figure) -> bytes:
    """The figure as PNG without the software's name or version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def tiles(
    pictures: Sequence[Sequence[np.ndarray]], gap: int, breaks: Sequence[int] = (), below: int | None = None
) -> np.ndarray:
    """Rows of equally large (H, W, 3) uint8 pictures as one, on white, ``gap`` pixels apart.

    ``breaks`` are the columns before which a wider gap is left; ``below`` is the gap between rows, if another.
    """
    height, width = pictures[0][0].shape[:2]
    below = gap if below is None else below
    lefts = tile_offsets(len(pictures[0]), width, gap, breaks)
    canvas = np.full((len(pictures) * (height + below) - below, lefts[-1] + width, 3), 255, dtype=np.uint8)
    for row, line in enumerate(pictures):
        top = row * (height + below)
        for left, picture in zip(lefts, line, strict=True):
            canvas[top : top + height, left : left + width] = picture
    return canvas


def tile_offsets(count: int, width: int, gap: int, breaks: Sequence[int] = ()) -> list[int]:
    """The left edge of each column of tiles()."""
    wide = 3 * gap
    return [i * (width + gap) + wide * sum(1 for column in breaks if 0 < column <= i) for i in range(count)]


def picture_axes(mosaic: np.ndarray, left: float, top: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """A figure that shows ``mosaic`` pixel for pixel, with ``left`` and ``top`` inches free for labels."""
    shown = width - left - 0.05
    height = shown * mosaic.shape[0] / mosaic.shape[1]
    total = height + top + 0.05
    figure = Figure(figsize=(width, total))
    axes = figure.add_axes((left / width, 0.05 / total, shown / width, height / total))
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    axes.axis("off")
    return figure, axes


def enlarged(picture: np.ndarray, times: int) -> np.ndarray:
    """(H, W, 3) -> (times H, times W, 3), every pixel a square: nothing is smoothed that was measured."""
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def spread(positions: Sequence[float], least: float) -> list[float]:
    """The positions moved apart, as little as needed, so that neighbours are at least ``least`` apart."""
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    groups: list[list[float]] = []  # [wanted centre, members]; touching groups merge around their mean
    for i in order:
        groups.append([positions[i], 1])
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < least * (groups[-1][1] + groups[-2][1]) / 2:
            centre, count = groups.pop()
            groups[-1][0] = (groups[-1][0] * groups[-1][1] + centre * count) / (groups[-1][1] + count)
            groups[-1][1] += count
    placed = [centre + least * (k - (count - 1) / 2) for centre, count in groups for k in range(int(count))]
    result = [0.0] * len(positions)
    for i, position in zip(order, placed, strict=True):
        result[i] = position
    return result


def headings(names: Sequence[str], inches: float, largest: float = 9.5) -> tuple[list[str], float]:
    """Names broken at their joints, and the size in points at which all of them fit into the width in bold."""
    longest = max(len(part) for name in names for part in name.replace("_", "_ ").replace("-", "- ").split())
    size = min(largest, 72 * inches / (0.68 * longest))
    return [folded(name, max(longest, int(72 * inches / (0.68 * size)))) for name in names], size


def folded(name: str, width: int = 19) -> str:
    """A long name in several lines, broken where it has a joint."""
    if len(name) <= width:
        return name
    joint = max((name.rfind(mark, 0, width) for mark in "_- "), default=-1)
    cut = joint + 1 if joint > 0 else width
    return f"{name[:cut]}\n{folded(name[cut:], width)}"
