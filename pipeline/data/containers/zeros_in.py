"""Runs of zero bytes in compressed pixels: lost sectors and holes of downloads read so, photos hardly ever do.

Where a format has no checksum, a long run is taken for a loss unless the picture has flat parts that explain it.
"""

from __future__ import annotations

import re

import numpy as np
from PIL import Image

LEAST = bytes(16)  # a shorter run is nothing odd
RUNS = re.compile(rb"\0{16,}")


def longest(data: bytes) -> int:
    """The length of the longest run in bytes; 0 where no run has LEAST."""
    return max(map(len, RUNS.findall(data)), default=0) if LEAST in data else 0


def repeated(image: Image.Image, side: int) -> int:
    """How many blocks of ``side`` x ``side`` pixels are the same as the block on their left or above."""
    width, height = (length // side * side for length in image.size)
    pixels = np.atleast_3d(np.asarray(image))[:height, :width, :3]
    left, above = np.zeros((2, height // side, width // side), bool)
    for row in range(height // side):
        band = pixels[row * side : (row + 1) * side]
        same = (band[:, side:] == band[:, :-side]).all(axis=(0, 2))
        left[row, 1:] = same.reshape(-1, side).all(axis=1)
        if row:
            before = pixels[(row - 1) * side : row * side]
            above[row] = (band == before).all(axis=(0, 2)).reshape(-1, side).all(axis=1)
    return int((left | above).sum())
