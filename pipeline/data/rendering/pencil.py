"""Graphite on paper: tones become strokes, strokes stay as wide as the picture can show."""

from __future__ import annotations

import numpy as np

from pipeline.data.rendering.shapes import bell

# A stroke's width and length, in pixels and in head units: whichever is more. Finer strokes would be plain grey.
STROKE_PIXELS = (1.0, 8.0)
STROKE = (0.013, 0.13)
TABLE = (128, 32)  # random numbers that strokes are read from, across and along; powers of two
# Width of a contour line, likewise.
LINE_PIXELS = 1.15
LINE = 0.020
GRAIN = 0.035  # of the paper's tooth, as a share of the tone
PAPER, GRAPHITE = 0.985, 0.10  # sRGB of bare paper and of the darkest stroke


def width(pixel: np.ndarray) -> np.ndarray:
    """Half the width of a contour line in head units, (n, 1, 1)."""
    return np.maximum(pixel * np.float32(LINE_PIXELS), np.float32(LINE))


def line(distance: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    """A contour, 1 in its middle, from the distance to it in head units (n, H, W)."""
    scaled = distance / width(pixel)
    return bell(scaled * scaled)


def strokes(along: np.ndarray, across: np.ndarray, pixel: np.ndarray, table: np.ndarray) -> np.ndarray:
    """A field of strokes, about -1 between them to 1 on them, which run where ``across`` is constant.

    Value noise, stretched along the strokes: ``table`` (n, *TABLE) of standard normal numbers, at whole numbers of
    strokes' widths across and lengths along, straight lines between. Places (n, H, W) in head units.
    """
    rows, columns = TABLE
    wide, long = (
        np.maximum(pixel * np.float32(pixels), np.float32(units)) for pixels, units in zip(STROKE_PIXELS, STROKE)
    )
    u, v = across / wide, along / long
    # Neighbouring strokes do not begin side by side.
    v = v + np.float32(0.37) * u
    left, top = np.floor(u), np.floor(v)
    u -= left
    v -= top
    first = left.astype(np.int32) & (rows - 1)
    second = (first + 1) & (rows - 1)
    above = top.astype(np.int32) & (columns - 1)
    below = (above + 1) & (columns - 1)
    flat = table.ravel()
    first = (np.arange(len(table), dtype=np.int32)[:, None, None] * rows + first) * columns
    second = (np.arange(len(table), dtype=np.int32)[:, None, None] * rows + second) * columns
    upper = flat[first + above]
    upper += v * (flat[first + below] - upper)
    lower = flat[second + above]
    lower += v * (flat[second + below] - lower)
    upper += u * (lower - upper)
    return np.clip(upper, -1.6, 1.6, out=upper)


def rub(tone: np.ndarray, field: np.ndarray, contrast: float) -> np.ndarray:
    """The darkness 0..1 of ``tone`` once it is laid on in the strokes of ``field``.

    Most in the middle tones: bare paper has no strokes, and black closes over them.
    """
    return tone + np.float32(contrast) * field * tone * (np.float32(1.15) - tone)


def paper(darkness: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Darkness (n, H, W) to a picture, uint8; ``noise`` (n, H, W) is standard normal: graphite catches on the tooth."""
    dark = np.clip(darkness, 0, 1)
    dark = dark + np.float32(GRAIN) * noise * np.sqrt(dark + np.float32(0.02))
    values = np.float32(PAPER) - np.float32(PAPER - GRAPHITE) * np.clip(dark, 0, 1)
    return (values * np.float32(255) + np.float32(0.5)).astype(np.uint8)
