"""Eyes, brows, nostrils, lips and ears, painted on the skin in small windows around each feature."""

from __future__ import annotations

from functools import partial

import numpy as np

from pipeline.data.rendering.grid import HALF_EXTENT
from pipeline.data.rendering.scene import Scene
from pipeline.data.rendering.shapes import bell, column, edge, mix, window
from pipeline.data.rendering.traits import MARKS
from pipeline.data.rendering.view import Seen

EYE_WINDOW = (0.72, 0.72)  # height and width in head units
NOSE_WINDOW = (0.30, 0.70)
MOUTH_WINDOW = (0.60, 0.86)
MARK_WINDOW = (0.16, 0.16)


def paint_features(scene: Scene, seen: Seen, places: dict[str, np.ndarray], planes: np.ndarray,
                   shine: np.ndarray) -> None:  # fmt: skip
    """Paint over ``planes`` (n, 3, H, W) in place; highlights are added to ``shine`` (n, H, W).

    ``places`` are the landmarks, where the windows are centred.
    """
    size = planes.shape[-1]
    unit = size / (2 * HALF_EXTENT)
    # Only on the front of the head, and not where it turns away so far that a pixel spans a whole feature.
    front = edge(seen.z - np.float32(0.15), 0.1) * edge(seen.normal_z - np.float32(0.22), 0.16)
    marks = [(partial(_mark, number=k), places[f"mark_{k}"], MARK_WINDOW) for k in range(MARKS)]
    for painter, centre, (height, width) in (
        *marks,
        (_nostrils, places["nose_tip"], NOSE_WINDOW),
        (_mouth, places["mouth"], MOUTH_WINDOW),
        (partial(_eye, side=-1.0), (places["left_eye"] + places["left_brow"]) / 2, EYE_WINDOW),
        (partial(_eye, side=1.0), (places["right_eye"] + places["right_brow"]) / 2, EYE_WINDOW),
    ):
        part = window(centre, round(height * unit), round(width * unit), size)
        colours, gleam = part.take(planes), part.take(shine)
        painter(scene.value, part.take(seen.x), part.take(seen.y), part.take(front), seen.pixel, colours, gleam)
        part.put(planes, colours)
        part.put(shine, gleam)


def _mark(t: dict, x: np.ndarray, y: np.ndarray, front: np.ndarray, pixel: np.ndarray, planes: np.ndarray,
          shine: np.ndarray, *, number: int) -> None:  # fmt: skip
    """A mole, if the person has it; below the size of a pixel it fades, as in a photograph."""
    radius = column(t["mark_size"][:, number] * 0.6)
    across, along = x - column(t["mark_x"][:, number]), y - column(t["mark_y"][:, number])
    spot = edge(radius - np.sqrt(across * across + along * along), np.maximum(pixel, np.float32(0.015)))
    brown = (t["skin_colour"] * np.array([0.30, 0.20, 0.18])).astype(np.float32)
    mix(planes, brown, spot * (radius > 0) * front * np.float32(0.75))


def _eye(t: dict, x: np.ndarray, y: np.ndarray, front: np.ndarray, pixel: np.ndarray, planes: np.ndarray,
         shine: np.ndarray, *, side: float) -> None:  # fmt: skip
    """One eye with its brow. ``out`` runs from the middle of the eye away from the nose."""
    skin = t["skin_colour"]
    out = np.float32(side) * x - column(t["eye_x"])
    down = y - column(t["eye_y"] - side * t["eye_uneven"]) + column(t["eye_tilt"]) * out
    u = out * column(1 / t["eye_width"])
    q = 1 - u * u
    inner = np.maximum(q, 0)
    height = column(t["eye_open"])
    # Beyond the corners the lids must not bend back and open a second eye.
    within = np.clip(u, -1, 1)
    droop = 1 - column(np.minimum(t["lid_droop"], 0.8)) * np.maximum(within, 0)
    upper = -height * q * (1 - column(t["eye_skew"]) * within) * droop
    lower = np.float32(0.60) * height * q * (1 + np.float32(0.25) * within)
    opening = np.minimum(down - upper, lower - down)
    eye = edge(opening, pixel) * front

    # Lid: make-up, the fold above it, and the soft shadow in the fold.
    lid = bell((u * np.float32(0.75)) ** 2) * bell(((down + height * np.float32(1.3)) * np.float32(9)) ** 2) * front
    mix(planes, (skin * np.array([0.50, 0.36, 0.40])).astype(np.float32), lid * column(0.45 * t["make_up"]))
    fold = down - upper + column(t["lid_crease"] + 0.012) * (np.float32(0.45) + np.float32(0.75) * inner)
    thin = np.maximum(pixel * np.float32(0.9), np.float32(0.022))
    crease = bell((fold / thin) ** 2) * edge(np.float32(1.05) - np.abs(u), 0.35) * front
    mix(
        planes,
        (skin * np.array([0.42, 0.28, 0.24])).astype(np.float32),
        crease * column(np.clip(t["lid_crease"] * 18, 0, 0.75)),
    )

    # White, iris, pupil. The upper lid throws a shadow on the ball.
    white = np.array([0.80, 0.76, 0.73]) - 0.06 * t["old"][:, None] * np.array([0.3, 0.6, 1.0])
    mix(planes, (white**2 * (1.08 - 0.10 * t["skin"][:, None])).astype(np.float32), eye)
    radius = column(t["iris_size"])
    look_x = column(side * t["gaze_x"] * t["eye_width"] * 0.45)
    look_y = column((t["gaze_y"] * 0.4 - 0.12) * t["eye_open"])
    across, along = out - look_x, down - look_y - column(t["eye_tilt"]) * out
    far = np.sqrt(across * across + along * along)
    iris = edge(radius - far, pixel) * eye
    mix(planes, t["iris_tint"].astype(np.float32), iris)
    ring = iris * bell(((far - radius) * np.float32(1 / 0.026)) ** 2)
    mix(planes, (t["iris_tint"] * 0.18).astype(np.float32), ring * np.float32(0.8))
    pupil = edge(radius * np.float32(0.43) - far, pixel) * eye
    dark = np.full((len(skin), 3), 0.006, dtype=np.float32)
    mix(planes, dark, pupil)
    shadow = eye * edge(height * np.float32(0.55) - (down - upper), height * np.float32(1.1))
    planes *= (1 - np.float32(0.60) * shadow)[:, None]
    corner = eye * bell(((u + np.float32(0.95)) * np.float32(4.5)) ** 2)
    mix(planes, (skin * np.array([0.75, 0.42, 0.40])).astype(np.float32), corner * np.float32(0.8))
    spark_x, spark_y = (
        across - column(side * 0.4 * t["iris_size"] * np.sign(t["light_side"])),
        along + radius * np.float32(0.42),
    )
    spark = edge(radius * np.float32(0.26) - np.sqrt(spark_x * spark_x + spark_y * spark_y), pixel * np.float32(0.9))
    shine += np.float32(0.85) * spark * eye

    # Lash lines: heavy above, faint below.
    ends = edge(np.float32(1.10) - np.abs(u), 0.16) * front
    lash = column(0.013 + 0.010 * (1 - t["male"]) + 0.012 * t["make_up"]) * (np.float32(0.8) + np.float32(0.35) * u)
    above = edge(lash - np.abs(down - upper + lash * np.float32(0.4)), pixel) * ends
    tint = (0.25 * t["brow_tint"] + 0.006).astype(np.float32)
    mix(planes, tint, above * np.float32(0.92))
    below = bell(((down - lower) / np.maximum(pixel * np.float32(0.85), np.float32(0.02))) ** 2) * ends
    mix(
        planes,
        (skin * np.array([0.34, 0.20, 0.18])).astype(np.float32),
        below * column(0.42 + 0.25 * t["make_up"]),
    )
    _brow(t, side, x, y, pixel, planes, front)


def _brow(t: dict, side: float, x: np.ndarray, y: np.ndarray, pixel: np.ndarray, planes: np.ndarray,
          front: np.ndarray) -> None:  # fmt: skip
    """A tapered stroke along an arch; ``u`` runs from 0 at the nose to 1 at the temple."""
    u = (np.float32(side) * x - column(t["brow_inner"])) * column(1 / t["brow_length"])
    inside = np.clip(u, 0, 1)
    arch = np.float32(3.4) * inside * (1 - inside) * (np.float32(0.7) + np.float32(0.6) * inside)
    middle = column(t["eye_y"] - t["brow_gap"] + side * t["brow_uneven"]) - column(t["brow_arch"]) * arch
    # The tail also falls off with the form of the forehead.
    middle = middle + column(t["brow_tilt"]) * (np.float32(0.45) - u) * np.float32(0.4)
    middle = middle + column(0.05 + 0.03 * t["sag"]) * inside**3
    thick = column(t["brow_thick"]) * (np.float32(0.70) + np.float32(0.6) * inside) * (1 - np.float32(0.85) * inside**2)
    ends = edge(u + np.float32(0.02), 0.14) * edge(np.float32(1.02) - u, 0.12)
    stroke = edge(thick - np.abs(y - middle), pixel * np.float32(1.25) + np.float32(0.008)) * ends * front
    phase = t["phase"].astype(np.float32)[:, :, None, None]
    hairs = 1 - np.float32(0.09) * (1 + np.sin(u * np.float32(60) + y * np.float32(50) + phase[:, 2]))
    mix(planes, t["brow_tint"].astype(np.float32), stroke * hairs * column(t["brow_density"]))


def _nostrils(t: dict, x: np.ndarray, y: np.ndarray, front: np.ndarray, pixel: np.ndarray, planes: np.ndarray,
              shine: np.ndarray) -> None:  # fmt: skip
    """Two dark openings under the tip and the fold around each wing."""
    skin = t["skin_colour"]
    wide = np.abs(x - column(t["nose_shift"]))
    base = column(t["nose_tip_y"] + 0.058 - 0.35 * np.maximum(t["nose_upturn"], 0))
    across = (wide - column(t["nose_width"] * 0.47)) * column(1 / (t["nose_width"] * 0.34))
    along = (y - base + np.float32(0.012) * across) * column(1 / (0.026 + 0.30 * np.maximum(t["nose_upturn"], 0)))
    hole = edge(1 - np.sqrt(across * across + along * along), pixel * np.float32(22))
    mix(planes, (skin * np.array([0.10, 0.05, 0.05])).astype(np.float32), hole * np.float32(0.72))
    around_x = (wide - column(t["nose_width"] * 0.62)) * column(1 / (t["nose_width"] * 0.46))
    around_y = (y - column(t["nose_tip_y"] + 0.005)) * np.float32(1 / 0.085)
    ring = np.sqrt(around_x * around_x + around_y * around_y) - 1
    fold = bell((ring * np.float32(0.085) / np.maximum(pixel, np.float32(0.022))) ** 2)
    fold = fold * edge(wide - column(t["nose_width"] * 0.78), 0.05)
    mix(planes, (skin * np.array([0.40, 0.25, 0.22])).astype(np.float32), fold * np.float32(0.45))


def _mouth(t: dict, x: np.ndarray, y: np.ndarray, front: np.ndarray, pixel: np.ndarray, planes: np.ndarray,
           shine: np.ndarray) -> None:  # fmt: skip
    """Lips in two tones around a line or an opening with teeth."""
    u = (x - column(t["mouth_shift"])) * column(1 / t["mouth_width"])
    square = u * u
    q = np.maximum(1 - square, 0)
    line = column(t["mouth_y"]) - column(t["corner_lift"]) * (square - np.float32(0.35))
    gap = column(0.17 * t["mouth_open"]) * q
    top, bottom = line - np.float32(0.18) * gap, line + np.float32(0.82) * gap
    # The bow: two peaks with a dip between them.
    bow = 1 - column(0.42 * t["lip_bow"]) * bell((u * np.float32(3.6)) ** 2)
    upper = top - column(t["lip_upper"]) * q * (np.float32(0.55) + np.float32(0.45) * q) * bow * np.float32(1.15)
    lower = bottom + column(t["lip_lower"]) * q * (np.float32(1.7) - np.float32(0.7) * q)
    ends = edge(1 - np.abs(u), 0.06) * front
    lip = t["lip_colour"]
    soft = pixel * np.float32(1.1)
    mix(
        planes,
        (lip * 0.74).astype(np.float32),
        edge(np.minimum(y - upper, top - y), soft) * ends * np.float32(0.92),
    )
    low = edge(np.minimum(y - bottom, lower - y), soft) * ends
    mix(planes, lip.astype(np.float32), low * np.float32(0.88))
    inside = edge(np.minimum(y - top, bottom - y), pixel) * ends
    mix(planes, np.full((len(lip), 3), (0.07, 0.012, 0.012), dtype=np.float32), inside)
    teeth = edge(np.minimum(top + np.minimum(gap * np.float32(0.55), np.float32(0.065)) - y, y - top), pixel)
    teeth = teeth * inside * edge(np.float32(0.80) - np.abs(u), 0.2)
    mix(planes, np.full((len(lip), 3), (0.66, 0.62, 0.56), dtype=np.float32), teeth)
    seam = bell(((y - line) / np.maximum(pixel * np.float32(0.9), np.float32(0.022))) ** 2)
    seam = seam * edge(np.float32(1.06) - np.abs(u), 0.12) * front * (1 - column(np.clip(t["mouth_open"] * 3, 0, 1)))
    mix(planes, (lip * np.array([0.22, 0.13, 0.13])).astype(np.float32), seam * np.float32(0.80))
    dimple = bell((np.abs(u) - np.float32(1.04)) ** 2 * 90) * bell((y - line) ** 2 * np.float32(600)) * front
    mix(planes, (t["skin_colour"] * 0.35).astype(np.float32), dimple * np.float32(0.5))
    gleam = bell((u * np.float32(1.5)) ** 2) * bell(
        ((y - (bottom * np.float32(0.55) + lower * np.float32(0.45))) * 30) ** 2
    )
    shine += gleam * low * column(0.06 + 0.10 * t["make_up"])
