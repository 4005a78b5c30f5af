"""Faces whose degraded pixels are pinned."""

from __future__ import annotations

import numpy as np


def pattern(channels, count=3, height=48, width=64):
    """Texture with smooth and abrupt parts, and a bright disk: uint8 (count, height, width, channels)."""
    n, y, x, c = np.ogrid[:count, :height, :width, :channels]
    faces = (7 * x * (n + 1) + 13 * y + x * y // (3 + c) + 61 * c + 29 * n) % 256
    faces = np.where((x - 30 - n) ** 2 + (y - 22) ** 2 < 15**2, 240 - 20 * c, faces)
    return faces.astype(np.uint8)
