"""Behind and after the head: wall, neck and clothes; then the camera's blur, exposure and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.data.rendering.grid import Grid, band, plane
from pipeline.data.rendering.scene import Scene
from pipeline.data.rendering.shapes import column, edge, mix
from pipeline.data.rendering.view import lit

TEXTURE_GRID = 6  # knots of the wall's texture per side
BLUR_TAPS = 3  # pixels to each side at 64 pixels per picture
SIZE_OF_BLUR = 64  # the picture size at which blur is given in pixels


def paint_wall(scene: Scene, knots: np.ndarray, size: int) -> np.ndarray:
    """Background: colour, slope and large soft texture from ``knots`` (n, 6, 6); linear (n, 3, H, W)."""
    t = scene.value
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    slope = t["wall_slope"].astype(np.float32)
    tone = slope[:, :1, None] * axis[None, None, :] + slope[:, 1:, None] * axis[None, :, None]
    place = np.linspace(0, TEXTURE_GRID - 1, size)
    weights = np.maximum(1 - np.abs(place[:, None] - np.arange(TEXTURE_GRID)), 0)
    weights = weights * weights * (3 - 2 * weights)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    across = sum(knots[:, :, k, None] * weights[None, None, :, k] for k in range(TEXTURE_GRID))
    texture = sum(across[:, k, None, :] * weights[None, :, k, None] for k in range(TEXTURE_GRID))
    tone = np.exp(tone + column(t["wall_texture"]) * texture)
    return t["wall_colour"].astype(np.float32)[:, :, None, None] * tone[:, None]


@dataclass(frozen=True)
class Body:
    """Neck and clothes in the rows of a picture that hold them; lengths in head units, (n, rows, W)."""

    x: np.ndarray
    y: np.ndarray
    below: np.ndarray  # how far below the beginning of the shoulders
    half: np.ndarray  # half the width of the neck at this height
    neck: np.ndarray  # distance to the neck's sides, positive inside
    cloth: np.ndarray  # distance to the edge of the clothes, positive inside


BODY_ROWS = (0.15, 9.0)


def body(scene: Scene, grid: Grid) -> Body:
    """The outlines of neck and clothes in ``band(size, *BODY_ROWS)``."""
    t, rows = scene.value, band(grid.size, *BODY_ROWS)
    ones, zeros = np.ones(len(scene)), np.zeros(len(scene))
    # The neck stands behind the middle of the head and follows half of its turn.
    x = plane(grid, ones, zeros, 0.22 * np.sin(np.radians(t["yaw"])), rows)
    y = plane(grid, zeros, ones, 0.0, rows)
    below = np.maximum(y - np.float32(0.98), 0)
    half = column(t["neck_width"]) + below * below * np.float32(3.2)
    # Clothes: a slope of the shoulders with a round or pointed opening at the neck.
    wide = np.abs(x)
    shoulder = y - np.float32(1.02) - np.float32(0.16) * wide * wide
    neckline = column(1.04 + 0.16 * t["collar"]) - np.maximum(wide - np.float32(0.05), 0) * column(
        0.16 + 0.4 * t["collar"]
    )
    return Body(x, y, below, half, half - wide, np.minimum(shoulder, y - neckline))


def paint_body(scene: Scene, grid: Grid, head_outline: np.ndarray, planes: np.ndarray) -> None:
    """Neck and clothes below the head; the head throws its shadow on the neck."""
    t = scene.value
    rows = band(grid.size, *BODY_ROWS)
    planes, head_outline, pixel = planes[:, :, rows], head_outline[:, rows], grid.pixel
    shape = body(scene, grid)
    x, y = shape.x, shape.y
    across = np.clip(x / shape.half, -1, 1)
    bulge = np.sqrt(np.maximum(1 - across * across, np.float32(0.02)))
    light = lit(scene, across * np.float32(0.9), np.full_like(across, 0.15), bulge, (0.35, 0.22, 0.18))
    # Two cords of muscle run down to the collar bone.
    cord = np.maximum(1 - np.abs(np.abs(across) - np.float32(0.45) + shape.below) * 6, 0)
    shadow = np.clip(1 + head_outline * np.float32(3.2), 0, 1)
    shade = (1 - np.float32(0.58) * shadow) * (np.float32(0.88) + np.float32(0.08) * cord)
    skin = t["skin_colour"].astype(np.float32)
    neck = light * skin[:, :, None, None] * shade[:, None]
    mix(planes, neck, edge(shape.neck, pixel) * edge(y - np.float32(0.3), 0.1))
    folds = np.float32(0.06) * np.sin(x * 9 + y * 5 + column(t["tousle"][:, 0]))
    light = lit(scene, np.clip(x * np.float32(0.5), -0.7, 0.7), np.full_like(x, -0.35), np.full_like(x, 0.75),
                (0.1, 0.1, 0.1))  # fmt: skip
    shirt = t["shirt_colour"].astype(np.float32)
    cover = edge(shape.cloth, pixel)
    rim = 1 - np.float32(0.35) * np.clip(1 - shape.cloth * 18, 0, 1)
    mix(
        planes,
        light * shirt[:, :, None, None] * ((1 + folds) * rim * (1 - np.float32(0.3) * shadow))[:, None],
        cover,
    )


def develop(scene: Scene, planes: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Linear light (n, 3, H, W) to a photograph, uint8 (n, H, W, 3); ``noise`` (n, 2, H, W) is standard
    normal: grain of brightness and of colour."""
    t = scene.value
    size = planes.shape[-1]
    planes = blur(planes, t["blur"] * size / SIZE_OF_BLUR)
    planes *= column(t["exposure"])[:, None]
    values = np.sqrt(np.maximum(planes, 0))
    contrast = column(t["contrast"])[:, None]
    values = (values - np.float32(0.5)) * contrast + np.float32(0.5)
    # Highlights roll off instead of clipping.
    over = np.maximum(values - np.float32(0.82), 0)
    values = np.minimum(values, np.float32(0.82)) + over / (1 + over * np.float32(4.5))
    noise = noise * column(t["noise"])[:, None]
    values += np.float32(1.2) * noise[:, :1]
    values[:, 0] += noise[:, 1]
    values[:, 2] -= noise[:, 1]
    values *= 255
    values += np.float32(0.5)
    np.clip(values, 0, 255, out=values)
    return np.ascontiguousarray(np.moveaxis(values.astype(np.uint8), 1, -1))


def blur(planes: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Gaussian blur of (n, 3, H, W), ``sigma`` (n,) in pixels, edges repeated."""
    reach = max(1, round(BLUR_TAPS * planes.shape[-1] / SIZE_OF_BLUR * 0.75))
    steps = np.arange(reach + 1)
    weights = np.exp(-0.5 * np.square(steps[None] / np.maximum(sigma[:, None], 0.05)))
    weights = (weights / (2 * weights.sum(axis=1, keepdims=True) - weights[:, :1])).astype(np.float32)
    for axis in (2, 3):
        width = [(0, 0)] * 4
        width[axis] = (reach, reach)
        padded = np.pad(planes, width, mode="edge")
        length = planes.shape[axis]
        blurred = weights[:, 0, None, None, None] * planes
        for step in range(1, reach + 1):
            pair = _part(padded, axis, reach - step, length) + _part(padded, axis, reach + step, length)
            blurred += weights[:, step, None, None, None] * pair
        planes = blurred
    return planes


def _part(planes: np.ndarray, axis: int, start: int, length: int) -> np.ndarray:
    return planes[:, :, start : start + length] if axis == 2 else planes[:, :, :, start : start + length]
