"""Ellipsoids that melt into each other, in parallel projection: depth and outline in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.data.rendering.grid import Grid, band, plane
from pipeline.data.rendering.shapes import smooth_max

# Below this the square root of a depth goes on as its tangent, so that solids can blend beyond their outline.
TANGENT_FROM = 0.06
# Outlines melt a little less than surfaces.
OUTLINE_BLEND = 0.06


@dataclass(frozen=True)
class Solid:
    """One ellipsoid in each of n head frames; entries are numbers or (n,).

    ``blend`` is the size of the fillet towards the solids before it, ``rows`` the part of the picture's
    height, in head units, outside which it cannot be seen.
    """

    name: str
    centre: tuple
    radius: tuple
    tilt: np.ndarray | float = 0.0  # about the x axis, radians
    blend: float = 0.0
    rows: tuple[float, float] = (-9.0, 9.0)


@dataclass(frozen=True)
class Front:
    """The half of an ellipsoid that faces the viewer, in the view frame, each entry (n,):

    z = cz + b1 dx + b2 dy + h sqrt(inside), inside = 1 - p11 dx^2 - p12 dx dy - p22 dy^2, from its centre.
    ``scale`` turns ``inside`` into a length near the outline.
    """

    cx: np.ndarray
    cy: np.ndarray
    cz: np.ndarray
    p11: np.ndarray
    p12: np.ndarray
    p22: np.ndarray
    b1: np.ndarray
    b2: np.ndarray
    h: np.ndarray
    scale: np.ndarray


def turn(solid: Solid, rotation: np.ndarray) -> Front:
    """``solid`` after ``rotation`` (n, 3, 3)."""
    r = [[rotation[:, i, j] for j in range(3)] for i in range(3)]
    cos, sin = np.cos(solid.tilt), np.sin(solid.tilt)
    # Rows of rotation @ tilt: the ellipsoid's own axes in the view frame.
    axes = [(row[0], row[1] * cos + row[2] * sin, row[2] * cos - row[1] * sin) for row in r]
    weight = [1.0 / np.square(radius) for radius in solid.radius]

    def entry(i: int, j: int) -> np.ndarray:
        return sum(axes[i][k] * axes[j][k] * weight[k] for k in range(3))

    a11, a22, a33, a12, a13, a23 = (
        entry(0, 0),
        entry(1, 1),
        entry(2, 2),
        entry(0, 1),
        entry(0, 2),
        entry(1, 2),
    )
    centre = [sum(row[k] * solid.centre[k] for k in range(3)) for row in r]
    p11, p12, p22 = a11 - a13 * a13 / a33, a12 - a13 * a23 / a33, a22 - a23 * a23 / a33
    return Front(*centre, p11, 2 * p12, p22, -a13 / a33, -a23 / a33, 1 / np.sqrt(a33), 0.5 / np.sqrt(0.5 * (p11 + p22)))


def surface(solids: list[Solid], rotation: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Depth and outline (n, H, W) of the melted solids; the first solid must span the whole picture.

    The depth is the z of the front (lower outside); the outline is a length, positive inside.
    """
    depth = outline = None
    for solid in solids:
        rows = band(grid.size, *solid.rows)
        front = turn(solid, rotation)
        inside = _inside(front, grid, rows)
        root = _root(inside)
        root *= front.h.astype(np.float32)[:, None, None]
        root += plane(grid, front.b1, front.b2, front.cz - front.b1 * front.cx - front.b2 * front.cy, rows)
        inside *= front.scale.astype(np.float32)[:, None, None]
        if depth is None:
            depth, outline = root, inside
            continue
        depth[:, rows] = smooth_max(root, depth[:, rows], solid.blend)
        outline[:, rows] = smooth_max(inside, outline[:, rows], min(solid.blend, OUTLINE_BLEND))
    return depth, outline


def depth_at(solids: list[Solid], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The z of the unturned surface at head-frame points x, y (n, k)."""
    depth = None
    for solid in solids:
        front = turn(solid, np.broadcast_to(np.eye(3), (len(x), 3, 3)))
        dx, dy = x - front.cx[:, None], y - front.cy[:, None]
        inside = 1 - front.p11[:, None] * dx * dx - front.p12[:, None] * dx * dy - front.p22[:, None] * dy * dy
        z = front.cz[:, None] + front.b1[:, None] * dx + front.b2[:, None] * dy + front.h[:, None] * _root(inside)
        depth = z if depth is None else smooth_max(z, depth, solid.blend)
    return depth


def _inside(front: Front, grid: Grid, rows: slice) -> np.ndarray:
    """The value under the root at every pixel: a polynomial of column and row with one mixed term."""
    p11, p12, p22 = front.p11, front.p12, front.p22
    dx, dy, xc, xr, yc, yr = grid.x0 - front.cx, grid.y0 - front.cy, grid.xc, grid.xr, grid.yc, grid.yr
    constant = 1 - (p11 * dx * dx + p12 * dx * dy + p22 * dy * dy)
    col = -(2 * p11 * dx * xc + p12 * (dx * yc + dy * xc) + 2 * p22 * dy * yc)
    row = -(2 * p11 * dx * xr + p12 * (dx * yr + dy * xr) + 2 * p22 * dy * yr)
    col2, row2 = (
        -(p11 * xc * xc + p12 * xc * yc + p22 * yc * yc),
        -(p11 * xr * xr + p12 * xr * yr + p22 * yr * yr),
    )
    mixed = -(2 * p11 * xc * xr + p12 * (xc * yr + xr * yc) + 2 * p22 * yc * yr)
    axis, down = grid.axis[None], grid.axis[None, rows]
    constant, col, row, col2, row2, mixed = (
        term.astype(np.float32)[:, None] for term in (constant, col, row, col2, row2, mixed)
    )
    field = (mixed * down)[:, :, None] * axis[:, None, :]
    field += (axis * (col + col2 * axis))[:, None, :]
    field += (constant + down * (row + row2 * down))[:, :, None]
    return field


def _root(inside: np.ndarray) -> np.ndarray:
    """Square root, continued below TANGENT_FROM as its tangent."""
    least = inside.dtype.type(TANGENT_FROM)
    root = np.sqrt(np.maximum(inside, least))
    beyond = np.minimum(inside, least)
    beyond -= least
    beyond *= inside.dtype.type(0.5 / TANGENT_FROM**0.5)
    root += beyond
    return root
