"""The picture's pixels in the view frame, kept as straight lines along columns and rows.

Places, ellipsoids and planes are polynomials of column and row, so that most of their terms are worked out
for one row and one column instead of every pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Head units from the middle of the picture to its border.
HALF_EXTENT = 1.10


@dataclass(frozen=True)
class Grid:
    """View-frame x = x0 + xc c + xr r, y likewise, for column c and row r from -1 to 1; each (n,)."""

    size: int
    x0: np.ndarray
    xc: np.ndarray
    xr: np.ndarray
    y0: np.ndarray
    yc: np.ndarray
    yr: np.ndarray

    @property
    def axis(self) -> np.ndarray:
        """Pixel centres along one side, (size,) float32 within -1..1."""
        return ((2 * np.arange(self.size) + 1) / self.size - 1).astype(np.float32)

    @property
    def pixel(self) -> np.ndarray:
        """Head units per pixel, (n, 1, 1) float32."""
        return (2 / self.size * np.hypot(self.xc, self.xr)).astype(np.float32)[:, None, None]


def make_grid(size: int, offset: np.ndarray, zoom: np.ndarray, roll: np.ndarray) -> Grid:
    """Pixels of square pictures of heads at ``offset`` (n, 2), ``zoom`` (n,) and ``roll`` (n,) degrees."""
    reach, turn = HALF_EXTENT / zoom, np.radians(roll)
    cos, sin = reach * np.cos(turn), reach * np.sin(turn)
    return Grid(size, -offset[:, 0], cos, sin, -offset[:, 1], -sin, cos)


def plane(grid: Grid, along_x: np.ndarray, along_y: np.ndarray, constant: np.ndarray | float,
          rows: slice = slice(None)) -> np.ndarray:  # fmt: skip
    """``along_x`` x + ``along_y`` y + ``constant`` at every pixel of ``rows``: (n, rows, size) float32."""
    start = along_x * grid.x0 + along_y * grid.y0 + constant
    per_col, per_row = along_x * grid.xc + along_y * grid.yc, along_x * grid.xr + along_y * grid.yr
    axis = grid.axis
    cols = start.astype(np.float32)[:, None] + per_col.astype(np.float32)[:, None] * axis
    return cols[:, None, :] + (per_row.astype(np.float32)[:, None] * axis[rows])[:, :, None]


def band(size: int, top: float, bottom: float) -> slice:
    """Rows of a picture between two heights in head units (-1.1 upper border .. 1.1 lower border).

    What is painted in a band must fade out within it for every pose; a band depends on the size alone, or
    pictures would depend on what is drawn together with them.
    """

    def row(height: float) -> int:
        return int(np.clip(round((height / HALF_EXTENT + 1) / 2 * size), 0, size))

    return slice(row(top), row(bottom))
