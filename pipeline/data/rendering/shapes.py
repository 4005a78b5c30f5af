"""Small building blocks of every drawing: soft edges, bumps, smooth unions and pixel windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def column(values: np.ndarray | float) -> np.ndarray:
    """One number, or one per image (n,), as float32 (1 or n, 1, 1) so that it broadcasts over pixels."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 1, 1)


def edge(distance: np.ndarray, softness: np.ndarray | float) -> np.ndarray:
    """Coverage 0..1 of a shape from the signed distance to its outline (positive inside).

    ``softness`` is the width of the transition in the unit of the distance: one pixel for anti-aliasing.
    """
    return np.clip(distance / softness + np.float32(0.5), 0.0, 1.0)


def bell(square: np.ndarray) -> np.ndarray:
    """A bump that is 1 where ``square`` (a squared, scaled distance) is 0 and 0 from 1 on."""
    inside = np.float32(1.0) - square
    np.maximum(inside, 0, out=inside)
    inside *= inside
    return inside


def smooth_max(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """The larger of two heights with a fillet of size ``blend`` where they cross."""
    blend = a.dtype.type(blend)
    closeness = a - b
    larger = np.maximum(a, b)
    # blend/4 where equal, falling to 0 where they are ``blend`` apart; in place, as this runs most often.
    np.abs(closeness, out=closeness)
    np.subtract(blend, closeness, out=closeness)
    np.maximum(closeness, 0, out=closeness)
    closeness *= closeness
    closeness *= a.dtype.type(0.25) / blend
    larger += closeness
    return larger


def slopes(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central differences of (n, H, W) along columns and rows, a pixel as the unit."""
    along_x = np.empty_like(field)
    along_x[:, :, 1:-1] = field[:, :, 2:] - field[:, :, :-2]
    along_x[:, :, 0] = 2 * (field[:, :, 1] - field[:, :, 0])
    along_x[:, :, -1] = 2 * (field[:, :, -1] - field[:, :, -2])
    along_y = np.empty_like(field)
    along_y[:, 1:-1] = field[:, 2:] - field[:, :-2]
    along_y[:, 0] = 2 * (field[:, 1] - field[:, 0])
    along_y[:, -1] = 2 * (field[:, -1] - field[:, -2])
    along_x *= np.float32(0.5)
    along_y *= np.float32(0.5)
    return along_x, along_y


def outline_coverage(field: np.ndarray) -> np.ndarray:
    """Anti-aliased coverage of ``field > 0``: its value over its own slope is the distance in pixels."""
    along_x, along_y = slopes(field)
    steepness = np.sqrt(along_x * along_x + along_y * along_y) + np.float32(1e-6)
    return edge(field, steepness)


def mix(planes: np.ndarray, colour: np.ndarray, amount: np.ndarray) -> None:
    """Lay ``colour`` (n, 3) or (n, 3, H, W) over ``planes`` (n, 3, H, W) in place by ``amount`` (n, H, W).

    Where ``planes`` has one channel, a drawing's, it takes the first of the colour.
    """
    if colour.ndim == 2:
        colour = colour[:, :, None, None]
    for channel in range(planes.shape[1]):
        layer = planes[:, channel]
        layer += amount * (colour[:, channel] - layer)


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels in every image, its place chosen image by image."""

    image: np.ndarray  # (m, 1, 1) image number
    row: np.ndarray  # (m, h, 1)
    col: np.ndarray  # (m, 1, w)

    def take(self, planes: np.ndarray) -> np.ndarray:
        """(n, H, W) -> (m, h, w), or (n, C, H, W) -> (m, C, h, w)."""
        if planes.ndim == 3:
            return planes[self.image, self.row, self.col]
        layers = [planes[:, channel][self.image, self.row, self.col] for channel in range(planes.shape[1])]
        return np.stack(layers, axis=1)

    def put(self, planes: np.ndarray, values: np.ndarray) -> None:
        """Write what ``take`` gave back, changed. Windows of one image must not overlap."""
        if planes.ndim == 3:
            planes[self.image, self.row, self.col] = values
            return
        for channel in range(planes.shape[1]):
            planes[:, channel][self.image, self.row, self.col] = values[:, channel]


def window(centre: np.ndarray, height: int, width: int, size: int) -> Window:
    """Windows of ``height`` x ``width`` pixels around ``centre`` (n, 2), column and row, inside the image."""
    height, width = min(height, size), min(width, size)
    left = np.clip(np.rint(centre[:, 0] - width / 2), 0, size - width).astype(np.intp)
    top = np.clip(np.rint(centre[:, 1] - height / 2), 0, size - height).astype(np.intp)
    return Window(
        image=np.arange(len(centre))[:, None, None],
        row=top[:, None, None] + np.arange(height)[None, :, None],
        col=left[:, None, None] + np.arange(width)[None, None, :],
    )
