"""What a camera sees of a posed solid: place on the head, normal and light of every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.data.rendering.grid import Grid, plane
from pipeline.data.rendering.scene import Scene
from pipeline.data.rendering.shapes import column, slopes

FLATTEN = 1.25  # how much flatter than they are surfaces are lit


@dataclass(frozen=True)
class Seen:
    """Per pixel, (n, H, W) float32: head-frame place, view normal, and head units per pixel (n, 1, 1)."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    normal_x: np.ndarray
    normal_y: np.ndarray
    normal_z: np.ndarray
    pixel: np.ndarray


def look(scene: Scene, grid: Grid, depth: np.ndarray) -> Seen:
    """Turn a depth map (n, H, W) back into places on the head and surface normals."""
    pixel = grid.pixel
    along_x, along_y = slopes(depth)
    # The normal's three parts; the depth's slopes are in head units per pixel. Flattened a little: light that
    # one part of a face throws on another fills its steep sides.
    flat = pixel * np.float32(FLATTEN)
    upright = flat / np.sqrt(along_x * along_x + along_y * along_y + flat * flat)
    scale = upright * (-1 / flat)
    along_x *= scale
    along_y *= scale
    places = []
    for k in range(3):
        place = depth * column(scene.rotation[:, 2, k])
        place += plane(grid, scene.rotation[:, 0, k], scene.rotation[:, 1, k], 0.0)
        places.append(place)
    return Seen(*places, along_x, along_y, upright, pixel)


def in_rows(seen: Seen, rows: slice) -> Seen:
    """The part of a view in some rows of the picture, without a copy."""
    fields = (seen.x, seen.y, seen.z, seen.normal_x, seen.normal_y, seen.normal_z)
    return Seen(*(values[:, rows] for values in fields), seen.pixel)


def light_direction(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vector to the light in the view frame, three (n, 1, 1)."""
    side, height = np.radians(scene.value["light_side"]), np.radians(scene.value["light_height"])
    return (
        column(np.sin(side) * np.cos(height)),
        column(-np.sin(height)),
        column(np.cos(side) * np.cos(height)),
    )


def light_colour(scene: Scene) -> np.ndarray:
    """Colour of the light, linear, (n, 3): warmer for positive warmth."""
    warmth = scene.value["warmth"][:, None]
    return np.exp(0.05 * warmth * np.array([1.0, 0.1, -1.2])).astype(np.float32)


def lit(scene: Scene, normal_x: np.ndarray, normal_y: np.ndarray, normal_z: np.ndarray,
        soft: tuple[float, float, float]) -> np.ndarray:  # fmt: skip
    """Light that reaches a surface, (n, 3, H, W) linear.

    ``soft`` wraps the light of each channel around the form: skin lets red through where it turns from
    the light.
    """
    lx, ly, lz = light_direction(scene)
    facing = lx * normal_x
    facing += ly * normal_y
    facing += lz * normal_z
    # The sky is brighter than the ground.
    sky = column(scene.value["ambient"])
    ambient = normal_y * (sky * np.float32(-0.22))
    ambient += sky * np.float32(0.85)
    colour = light_colour(scene) * scene.value["light_strength"].astype(np.float32)[:, None]
    out = np.empty((len(scene), 3, *normal_z.shape[1:]), dtype=np.float32)
    for channel, wrap in enumerate(soft):
        layer = out[:, channel]
        np.maximum(facing, np.float32(-wrap), out=layer)
        layer += np.float32(wrap)
        layer *= colour[:, channel, None, None] / np.float32(1 + wrap)
        layer += ambient
    return out


def gloss(scene: Scene, seen: Seen, sharpness: int) -> np.ndarray:
    """Blinn highlight 0..1 of a light reflected to the viewer; ``sharpness`` squarings of the cosine."""
    lx, ly, lz = light_direction(scene)
    length = np.sqrt(lx * lx + ly * ly + (lz + 1) ** 2)
    shine = (lx * seen.normal_x + ly * seen.normal_y + (lz + 1) * seen.normal_z) / length
    shine = np.maximum(shine, 0)
    for _ in range(sharpness):
        shine = shine * shine
    return shine
