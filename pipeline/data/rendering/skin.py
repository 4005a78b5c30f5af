"""Skin as painted on the head: tone, hollows, creases of age and mood, freckles and beard."""

from __future__ import annotations

import numpy as np

from pipeline.data.rendering.grid import band
from pipeline.data.rendering.scene import Scene
from pipeline.data.rendering.shapes import bell, column, edge, mix
from pipeline.data.rendering.view import Seen, in_rows

# Heights of the picture, in head units, where each part of the face can lie in any pose.
FOREHEAD_ROWS = (-9.0, 0.35)
EYE_ROWS = (-0.60, 0.66)
LOWER_ROWS = (-0.12, 9.0)
CHEEK_ROWS = (-0.40, 0.85)
# How much the blood under the skin takes from red, green and blue.
BLOOD = (0.10, 0.55, 0.50)


def paint_skin(scene: Scene, seen: Seen) -> np.ndarray:
    """Reflectance of the skin, linear, (n, 3, H, W)."""
    t, size = scene.value, seen.x.shape[-1]
    shade = hollows(scene, seen)
    # Skin in folds is not only darker but redder: light gets there through skin.
    colour = t["skin_colour"].astype(np.float32)
    deep = shade * shade
    planes = np.stack([colour[:, k, None, None] * (deep if k else shade) for k in range(3)], axis=1)
    rows = band(size, *CHEEK_ROWS)
    flush = _flush(t, in_rows(seen, rows))
    for channel, taken in enumerate(BLOOD):
        planes[:, channel, rows] *= 1 - np.float32(taken) * flush
    paint_beard(scene, seen, planes)
    return planes


def hollows(scene: Scene, seen: Seen) -> np.ndarray:
    """How much darker the skin is in hollows, creases and wrinkles: a factor 0..1, (n, H, W)."""
    shade = np.ones_like(seen.x)
    for heights, part in ((FOREHEAD_ROWS, _forehead), (EYE_ROWS, _around_eyes), (LOWER_ROWS, _around_mouth)):
        rows = band(seen.x.shape[-1], *heights)
        near = in_rows(seen, rows)
        shade[:, rows] *= part(scene.value, near, np.abs(near.x))
    return shade


def paint_beard(scene: Scene, seen: Seen, planes: np.ndarray) -> None:
    """What grows on cheeks, lip and chin, over ``planes`` (n, C, H, W) in place."""
    rows = band(seen.x.shape[-1], *LOWER_ROWS)
    _beard(scene.value, in_rows(seen, rows), planes[:, :, rows])


def _spot(x: np.ndarray, y: np.ndarray, centre: tuple, radius: tuple) -> np.ndarray:
    """A soft spot, 1 in its middle and 0 from its radii on; the four are numbers or (n,)."""
    across = (x - column(centre[0])) * column(1 / np.asarray(radius[0]))
    along = (y - column(centre[1])) * column(1 / np.asarray(radius[1]))
    across *= across
    along *= along
    across += along
    return bell(across)


def _line(distance: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """A soft crease from the distance to its middle line."""
    scaled = distance * (np.float32(1.0) / width)
    return bell(scaled * scaled)


def _thin(seen: Seen) -> np.ndarray:
    """Width of a crease: never thinner than a pixel shows, or it would break into dots."""
    return np.maximum(seen.pixel * np.float32(1.15), np.float32(0.030))


def _forehead(t: dict, seen: Seen, wide: np.ndarray) -> np.ndarray:
    """Shadow of the hair, waves of the forehead, furrows between the brows. Factor 0..1."""
    y, brow_y = seen.y, t["eye_y"] - t["brow_gap"]
    shade = 1 - np.float32(0.22) * edge(column(t["hairline_y"] + 0.02) - y, 0.22)
    inside = _spot(seen.x, y, (0.0, (t["hairline_y"] + brow_y) / 2), (0.52, 0.20))
    waves = np.maximum(np.sin((y + np.float32(0.10) * wide * wide) * np.float32(62.0)), 0)
    # A raised brow shows the waves in the young as well.
    shade *= 1 - column(0.20 * t["wrinkles"] + 0.10 * np.clip(t["brow_raise"], 0, 1)) * inside * waves * waves
    furrow = _line(wide - np.float32(0.05), _thin(seen)) * _spot(seen.x, y, (0.0, brow_y), (0.2, 0.13))
    shade *= 1 - column(0.22 * t["wrinkles"] + 0.30 * t["frown"]) * furrow
    return shade


def _around_eyes(t: dict, seen: Seen, wide: np.ndarray) -> np.ndarray:
    """Sockets, bags under the eyes, rays at their outer corners. Factor 0..1."""
    y, wrinkles = seen.y, t["wrinkles"]
    shade = 1 - column(0.30 * t["socket"] + 0.10) * _spot(
        wide, y, (t["eye_x"] * 0.86, t["eye_y"] - 0.035), (0.24, 0.15)
    )
    shade *= 1 - np.float32(0.16) * _spot(wide, y, (t["eye_x"] * 0.46, t["eye_y"] - 0.01), (0.10, 0.16))
    out = (wide - column(t["eye_x"])) * column(1 / t["eye_width"])
    bag = y - column(t["eye_y"] + 0.135 + 0.03 * t["sag"]) + np.float32(0.05) * out * out
    bag = _line(bag, _thin(seen) * np.float32(1.3)) * bell(out * out * np.float32(0.8))
    shade *= 1 - column(0.07 + 0.30 * wrinkles) * bag
    corner = wide - column(t["eye_x"] + t["eye_width"] + 0.07)
    near = bell(np.square(corner * np.float32(9.0)))
    near *= column(0.20 * wrinkles + 0.08 * np.clip(t["smile"], 0, 1) * (t["old"] + 0.2))
    for slope, rise in ((-0.5, -0.045), (0.1, 0.0), (0.6, 0.05)):
        ray = y - column(t["eye_y"] + rise) - np.float32(slope) * corner
        shade *= 1 - near * _line(ray, _thin(seen) * np.float32(0.8))
    return shade


def _around_mouth(t: dict, seen: Seen, wide: np.ndarray) -> np.ndarray:
    """Shadows of nose and lip, hollow cheeks, cleft chin, folds from nose and mouth down. Factor 0..1."""
    x, y, wrinkles = seen.x, seen.y, t["wrinkles"]
    under_nose = (t["nose_shift"], t["nose_tip_y"] + 0.085)
    shade = 1 - np.float32(0.16) * _spot(x, y, under_nose, (t["nose_width"] * 1.35, 0.075))
    under_lip = (t["mouth_shift"], t["mouth_y"] + t["lip_lower"] + 0.075)
    shade *= 1 - np.float32(0.26) * _spot(x, y, under_lip, (0.22, 0.065))
    shade *= 1 - column(0.10 + 0.16 * t["old"]) * _spot(wide, y, (0.40, 0.52), (0.17, 0.24))
    shade *= 1 - column(0.28 * t["chin_cleft"]) * _spot(x, y, (0.0, t["chin_y"] - 0.14), (0.035, 0.10))
    # From the wing of the nose past the corner of the mouth.
    start_x, start_y = t["nose_width"] + 0.045, t["nose_tip_y"] - 0.02
    run_x, run_y = t["mouth_width"] + 0.075 - start_x, t["mouth_y"] + 0.05 - start_y
    down = (y - column(start_y)) * column(1 / run_y)
    away = wide - column(start_x) - column(run_x) * down * (np.float32(1.5) - np.float32(0.5) * down)
    fold = _line(away, _thin(seen) * np.float32(1.5)) * bell(np.square(down - np.float32(0.5)) * np.float32(2.2))
    shade *= 1 - column(0.10 + 0.34 * wrinkles + 0.26 * np.clip(t["smile"], 0, 1)) * fold
    fall = y - column(t["mouth_y"] + 0.12)
    jowl = _line(wide - column(t["mouth_width"] + 0.02) - np.float32(0.25) * fall, _thin(seen) * np.float32(1.4))
    shade *= 1 - column(0.26 * wrinkles) * jowl * bell(fall * fall * np.float32(55.0))
    return shade


def _flush(t: dict, seen: Seen) -> np.ndarray:
    """Blood in cheeks and nose; freckles and age spots use the same colour. 0..1."""
    x, y = seen.x, seen.y
    cheek = (t["cheek_x"] - 0.02, t["cheek_y"] + 0.06)
    red = column(0.10 + 0.22 * t["ruddiness"] + 0.18 * t["make_up"]) * _spot(np.abs(x), y, cheek, (0.24, 0.19))
    red += column(0.08 + 0.16 * t["ruddiness"]) * _spot(x, y, (t["nose_shift"], t["nose_tip_y"]), (0.15, 0.15))
    phase = t["phase"].astype(np.float32)[:, :, None, None]
    # Waves that do not repeat over a face, cut high: scattered dots.
    dots = np.sin(x * np.float32(47) + phase[:, 0]) + np.sin(y * np.float32(53) + phase[:, 1])
    dots += np.sin((x + y) * np.float32(31) + phase[:, 2]) + np.sin((x - y) * np.float32(37) + phase[:, 3])
    dots = np.clip((dots - np.float32(1.5)) * np.float32(0.8), 0, 1)
    dots *= column(0.38 * t["freckles"] * (1 - t["skin"]) + 0.16 * t["old"] * np.clip(t["wrinkles"], 0, 1))
    return red + dots * _spot(x, y, (0.0, 0.22), (0.62, 0.40))


def _beard(t: dict, seen: Seen, planes: np.ndarray) -> None:
    """Stubble, moustache, goatee or full beard of men, by tendency and day, over ``planes`` in place."""
    y, wide = seen.y, np.abs(seen.x)
    kept = np.clip((t["beard_now"] - 0.45) * 3, 0, 1) * t["male"]
    full = column(kept * np.clip(t["beard"] * 1.4 - 0.35, 0, 1))
    chin_only = column(kept * np.clip(0.9 - np.abs(t["beard"] - 0.45) * 2.2, 0, 1))
    stubble = column(t["male"] * np.clip(0.08 + 0.14 * t["beard"], 0, 0.30) * np.clip(t["age"] / 12 - 1.2, 0, 1))
    # The upper limit falls from the sideburn to the corner of the mouth.
    limit = column(t["mouth_y"] - 0.03) - np.float32(1.5) * np.maximum(wide - column(t["mouth_width"] + 0.03), 0)
    whole = edge(y - np.maximum(limit, np.float32(0.12)), 0.20)
    lip_y = t["mouth_y"] - t["lip_upper"] - 0.045
    moustache = edge(_spot(wide, y, (0.02, lip_y), (t["mouth_width"] * 1.2, 0.095)) - np.float32(0.25), 0.45)
    goatee = _spot(seen.x, y, (0.0, t["chin_y"] - 0.13), (t["chin_width"] + 0.18, 0.24))
    goatee = edge(goatee - np.float32(0.25), 0.45)
    whole = np.maximum(whole, moustache) * edge(seen.z - np.float32(0.06), 0.16)
    some = np.maximum(goatee, moustache)
    phase = t["phase"].astype(np.float32)[:, :, None, None]
    # Short strands whose direction wanders.
    bend = np.float32(0.9) * np.sin(y * np.float32(33) + phase[:, 4])
    hairs = np.float32(0.95) + np.float32(0.05) * np.sin((wide - seen.z) * np.float32(75) + bend)
    amount = np.maximum(full * whole, chin_only * some) * hairs * np.float32(0.88)
    mix(
        planes,
        (t["hair_tint"] * 0.75 + 0.12 * t["skin_colour"]).astype(np.float32),
        np.maximum(amount, stubble * whole),
    )
