"""The picture of a scene, back to front: wall, back hair, body, head, hair, glasses, camera."""

from __future__ import annotations

import numpy as np

from pipeline.data.rendering import randomness
from pipeline.data.rendering.features import paint_features
from pipeline.data.rendering.hair import paint_back_hair, paint_glasses, paint_hair
from pipeline.data.rendering.photo import TEXTURE_GRID, develop, paint_body, paint_wall
from pipeline.data.rendering.scene import Scene, landmarks, pixel_grid
from pipeline.data.rendering.shapes import column, edge, mix, outline_coverage
from pipeline.data.rendering.skin import paint_skin
from pipeline.data.rendering.solids import surface
from pipeline.data.rendering.view import gloss, lit, look

# How far light wraps around skin in red, green and blue.
SKIN_WRAP = (0.38, 0.24, 0.18)


def draw(scene: Scene, seed: int, address: np.ndarray, image_size: int) -> np.ndarray:
    """Draw n faces: uint8 (n, image_size, image_size, 3), RGB.

    ``address`` (n, k) integers name the images: their grain and wall depend on ``seed`` and on these alone.
    """
    knots, noise = _grain(seed, address, image_size)
    grid = pixel_grid(scene, image_size)
    hair_depth, hair_outline = surface(scene.hair, scene.rotation, grid)
    depth, outline = surface(scene.head, scene.rotation, grid)
    planes = paint_wall(scene, knots, image_size)
    paint_back_hair(scene, grid, hair_outline, planes)
    paint_body(scene, grid, outline, planes)

    ear_depth, ear_outline = surface(scene.ears, scene.rotation, grid)
    on_ear = edge(ear_depth - depth, 0.02) * edge(ear_outline, grid.pixel)
    depth += on_ear * (ear_depth - depth)
    seen = look(scene, grid, depth)
    skin = paint_skin(scene, seen)
    # The bowl of the ear lies in shadow.
    skin *= (1 - np.float32(0.45) * on_ear * edge(ear_outline - np.float32(0.018), 0.03))[:, None]
    shine = gloss(scene, seen, 4) * column(0.075 + 0.03 * scene.value["skin"])
    paint_features(scene, seen, landmarks(scene, image_size), skin, shine)
    skin *= lit(scene, seen.normal_x, seen.normal_y, seen.normal_z, SKIN_WRAP)
    skin += (shine * column(scene.value["light_strength"]))[:, None]
    mix(planes, skin, outline_coverage(np.maximum(outline, ear_outline)))
    paint_hair(scene, grid, hair_depth, hair_outline, depth, planes)
    paint_glasses(scene, grid, planes)
    return develop(scene, planes, noise)


def _grain(seed: int, address: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal numbers of every image: the wall's knots (n, 6, 6) and the grain (n, 2, size, size),
    of brightness and of colour."""
    knots = np.empty((len(address), TEXTURE_GRID, TEXTURE_GRID), dtype=np.float32)
    noise = np.empty((len(address), 2, size, size), dtype=np.float32)
    for row, numbers in enumerate(address.tolist()):
        generator = randomness.generator(seed, randomness.PIXELS, *numbers)
        generator.standard_normal(out=knots[row], dtype=np.float32)
        generator.standard_normal(out=noise[row], dtype=np.float32)
    return knots, noise
