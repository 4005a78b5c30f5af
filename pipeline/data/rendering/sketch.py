"""A scene as an artist draws it: pencil on white paper, lit softly from the front, contours, hatching, hair strokes.

Features and hair are those of the photo, painted by the same functions with a pencil's palette; what is drawn here is
what a camera does not see: lines around forms, tones in strokes, and no wall, skin tone or clothes to speak of.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.data.rendering import pencil, randomness
from pipeline.data.rendering.features import paint_features
from pipeline.data.rendering.grid import Grid, band, plane
from pipeline.data.rendering.hair import growth, strands
from pipeline.data.rendering.photo import BODY_ROWS, body
from pipeline.data.rendering.scene import Scene, landmarks, pixel_grid
from pipeline.data.rendering.shapes import column, edge, outline_coverage
from pipeline.data.rendering.skin import hollows, paint_beard
from pipeline.data.rendering.solids import surface
from pipeline.data.rendering.view import Seen, look

LIGHT = np.array([-0.38, -0.34, 0.86])  # from the upper left, as a right-handed artist has the lamp
LIGHT /= np.linalg.norm(LIGHT)


def draw_sketch(scene: Scene, seed: int, address: np.ndarray, image_size: int) -> np.ndarray:
    """Draw n faces: uint8 (n, image_size, image_size), grey.

    ``address`` (n, k) integers name the drawings: their strokes and grain depend on ``seed`` and on these alone.
    """
    tables, noise = _hand(seed, address, image_size)
    scene = replace(scene, value=scene.value | palette(scene))
    grid = pixel_grid(scene, image_size)
    hair_depth, hair_outline = surface(scene.hair, scene.rotation, grid)
    depth, outline = surface(scene.head, scene.rotation, grid)
    ear_depth, ear_outline = surface(scene.ears, scene.rotation, grid)
    dark = np.zeros_like(depth)
    hatching = _hatching(scene, grid, tables[:, 0])
    _back_hair(scene, grid, hair_outline, tables[:, 1], dark)
    _body(scene, grid, outline, hatching, dark)
    _head(scene, grid, depth, outline, ear_depth, ear_outline, hatching, image_size, dark)
    _hair(scene, grid, hair_depth, hair_outline, np.maximum(depth, ear_depth), tables[:, 1], dark)
    return pencil.paper(dark, noise)


def palette(scene: Scene) -> dict[str, np.ndarray]:
    """Colours of the scene in graphite, paper being 1 in linear light; in three equal channels as painters want."""
    t = scene.value

    def grey(value: np.ndarray | float) -> np.ndarray:
        return np.repeat(np.broadcast_to(value, (len(scene),))[:, None], 3, axis=1).astype(float)

    hair = np.sqrt(t["hair_tint"] @ np.array([0.30, 0.59, 0.11]))  # sRGB
    iris = np.sqrt(t["iris_tint"] @ np.array([0.30, 0.59, 0.11]))
    return {
        "skin_colour": grey(1.0),
        "lip_colour": grey(0.50 - 0.20 * np.clip(t["lip_red"], 0, 1)),
        "brow_tint": grey(0.03 + 0.16 * hair),
        "iris_tint": grey(0.05 + 0.45 * iris**2),
        "hair_tint": grey(0.02 + 0.30 * hair**2),
        "hair_dark": 0.90 - 0.62 * np.clip(hair, 0, 0.85),
        "make_up": np.zeros(len(scene)),
        "glasses": np.zeros(len(scene)),
    }


def _hand(seed: int, address: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal numbers: of the strokes of hatching and hair (n, 2, *TABLE), and the grain (n, size, size)."""
    tables = np.empty((len(address), 2, *pencil.TABLE), dtype=np.float32)
    noise = np.empty((len(address), size, size), dtype=np.float32)
    for row, numbers in enumerate(address.tolist()):
        generator = randomness.generator(seed, randomness.SKETCH, *numbers)
        generator.standard_normal(out=tables[row], dtype=np.float32)
        generator.standard_normal(out=noise[row], dtype=np.float32)
    return tables, noise


def _over(dark: np.ndarray, tone: np.ndarray, cover: np.ndarray) -> None:
    """What lies in front hides what was drawn behind it."""
    dark += cover * (tone - dark)


def _hatching(scene: Scene, grid: Grid, tables: np.ndarray) -> np.ndarray:
    """Slanted strokes all over the sheet, as from a right hand."""
    lean = np.full(len(scene), np.sqrt(0.5))
    across, along = plane(grid, lean, lean, 0.0), plane(grid, lean, -lean, 0.0)
    return pencil.strokes(along, across, grid.pixel, tables)


def _back_hair(scene: Scene, grid: Grid, outline: np.ndarray, tables: np.ndarray, dark: np.ndarray) -> None:
    """Hair behind neck and ears: strokes that hang down."""
    t, ones, zeros = scene.value, np.ones(len(scene)), np.zeros(len(scene))
    x, y = plane(grid, ones, zeros, 0.0), plane(grid, zeros, ones, 0.0)
    end = np.where(t["falling"] > 0, t["hair_end"] + 0.05, 0.22)
    bare = np.clip(t["bald"] * 2.4 - 1.25, 0, 1)
    field = pencil.strokes(y, x + np.float32(0.10) * x * y, grid.pixel, tables)
    cover = outline_coverage(outline) * edge(column(end) + np.float32(0.03) * field - y, 0.08)
    cover = cover * (1 - column(bare) * edge(np.float32(-0.25) - y, 0.1))
    tone = np.minimum(column(t["hair_dark"] + 0.12), np.float32(0.95)) + np.zeros_like(x)
    _over(dark, pencil.rub(tone, field, 0.45), cover)


def _body(scene: Scene, grid: Grid, head_outline: np.ndarray, hatching: np.ndarray, dark: np.ndarray) -> None:
    """The neck in the head's shadow, and a few lines for the clothes."""
    rows = band(grid.size, *BODY_ROWS)
    shape, pixel = body(scene, grid), grid.pixel
    dark, hatching, head_outline = dark[:, rows], hatching[:, rows], head_outline[:, rows]
    across = np.clip(shape.x / shape.half, -1, 1)
    shadow = np.clip(1 + head_outline * np.float32(3.0), 0, 1)
    tone = np.float32(0.04) + np.float32(0.42) * shadow + np.float32(0.20) * np.abs(across) ** 3
    tone += np.float32(0.10) * np.maximum(across, 0) ** 2
    inside = edge(shape.neck, pixel) * edge(shape.y - np.float32(0.3), 0.1)
    _over(dark, pencil.rub(tone, hatching, 0.36), inside)
    contour = pencil.line(shape.neck, pixel) * edge(shape.y - np.float32(0.3), 0.1)
    _over(dark, np.full_like(dark, 0.72), contour * np.float32(0.85))
    light = column(np.sqrt(scene.value["shirt_colour"] @ np.array([0.30, 0.59, 0.11])))
    # Artists leave the clothes to the beholder: a tone below the collar that fades towards the border.
    tone = (np.float32(0.34) - np.float32(0.26) * light) * np.clip(np.float32(1.2) - shape.cloth * 2, 0, 1)
    _over(dark, pencil.rub(tone, hatching, 0.36), edge(shape.cloth, pixel))
    _over(dark, np.full_like(dark, 0.80), pencil.line(shape.cloth, pixel) * np.float32(0.9))


def _head(scene: Scene, grid: Grid, depth: np.ndarray, outline: np.ndarray, ear_depth: np.ndarray,
          ear_outline: np.ndarray, hatching: np.ndarray, size: int, dark: np.ndarray) -> None:  # fmt: skip
    """Face and ears: tones where they turn from the light, lines where they end, features."""
    t, pixel = scene.value, grid.pixel
    on_ear = edge(ear_depth - depth, 0.02) * edge(ear_outline, pixel)
    inner = pencil.line(ear_outline - np.float32(0.045), pixel) * on_ear
    whole = depth + on_ear * (ear_depth - depth)
    seen = look(scene, grid, whole)
    tone = _form(seen) + np.float32(0.10) * on_ear
    planes = hollows(scene, seen)[:, None]
    planes = np.float32(1) - np.float32(1.25) * (1 - planes)
    np.clip(planes, 0, 1, out=planes)
    # Dark skin is a light tone all over, no more: the paper has to stay white where the light falls.
    planes *= column(1 - 0.30 * t["skin"])[:, None]
    gleam = np.zeros_like(tone)
    paint_features(scene, seen, landmarks(scene, size), planes, gleam)
    paint_beard(scene, seen, planes)
    drawn = 1 - np.sqrt(np.clip(planes[:, 0], 0, 1))
    tone = tone + drawn * (1 - tone)
    tone = pencil.rub(tone, hatching, 0.36)
    tone -= np.minimum(gleam, 1) * tone
    _over(dark, tone, outline_coverage(np.maximum(outline, ear_outline)))
    # The skull's own outline is under the hair; that of the face shows where nothing is in front of it.
    silhouette = pencil.line(np.maximum(outline, ear_outline), pixel)
    _over(dark, np.full_like(dark, 0.80), silhouette * np.float32(0.9))
    _over(dark, np.full_like(dark, 0.60), inner * np.float32(0.6))


def _form(seen: Seen) -> np.ndarray:
    """Tone 0..1 of a form under soft light: white towards the light, hatched where it turns away."""
    facing = sum(np.float32(LIGHT[k]) * part for k, part in enumerate((seen.normal_x, seen.normal_y, seen.normal_z)))
    away = np.clip(np.float32(0.93) - facing, 0, 1)
    tone = np.float32(1.05) * away ** np.float32(1.5)
    return np.minimum(tone, np.float32(0.60))


def _hair(scene: Scene, grid: Grid, depth: np.ndarray, outline: np.ndarray, skin_depth: np.ndarray,
          tables: np.ndarray, dark: np.ndarray) -> None:  # fmt: skip
    """Hair in strokes along the strands, leaving out the sheen."""
    t, pixel = scene.value, grid.pixel
    seen = look(scene, grid, depth)
    noise = strands(scene, seen)
    grown = growth(t, seen, noise)
    # Strokes fan out from the parting; the shell's own places keep them on the form.
    fan = seen.x - column(t["parting"] * t["is_swept"])
    across = fan + np.float32(0.5) * seen.z * np.sign(fan) + np.float32(0.06) * np.sin(seen.y * np.float32(3.1))
    # Curls: strokes along the lines on which the strands' waves are level.
    curly = column(t["is_curly"])
    across = across + curly * (np.float32(0.09) * noise - across)
    field = pencil.strokes(seen.y, across, pixel, tables)
    outline = outline + column(0.012 + 0.030 * t["is_curly"]) * noise + np.float32(0.006) * field
    visible = edge(depth - skin_depth + np.float32(0.03), 0.05)
    soft = pixel + column(np.where(t["is_buzz"] > 0, 0.10, 0.03))
    cover = outline_coverage(outline) * edge(grown + np.float32(0.02) * field, soft) * visible
    cover = cover * column((1 - 0.35 * t["is_buzz"]) * (1 - 0.25 * t["bald"]))
    facing = sum(np.float32(LIGHT[k]) * part for k, part in enumerate((seen.normal_x, seen.normal_y, seen.normal_z)))
    sheen = np.clip(facing - np.float32(0.55), 0, 1) ** 2 * np.float32(1.9)
    tone = column(t["hair_dark"]) * (1 - np.float32(0.75) * np.minimum(sheen, 1))
    tone = tone + np.float32(0.22) * np.clip(1 - grown * np.float32(5), 0, 1) * (1 - tone)
    tone = tone + np.float32(0.13) * noise * tone
    tone = np.clip(pencil.rub(np.clip(tone, 0.05, 0.97), field, 0.55), 0, 1)
    _over(dark, tone, cover)
    # A light line closes the outline of fair hair, which would else run into the paper.
    shape = pencil.line(outline, pixel) * edge(grown, soft) * visible
    pressure = np.float32(0.7) * (np.float32(0.75) + np.float32(0.25) * field)
    _over(dark, np.maximum(dark, np.float32(0.62)), shape * pressure)
