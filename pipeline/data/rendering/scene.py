"""From traits and nuisance to a posed head: lengths, solids and colours, everything before the first pixel.

A drawer needs nothing but a Scene; ``landmarks`` gives the places of the features in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.data.rendering.grid import HALF_EXTENT, Grid, make_grid
from pipeline.data.rendering.solids import Solid, depth_at
from pipeline.data.rendering.traits import MARKS, STYLES

# Skin from light to dark, sRGB.
SKIN_TONES = np.array([
    (0.965, 0.815, 0.735), (0.915, 0.730, 0.620), (0.800, 0.590, 0.455), (0.600, 0.410, 0.300),
    (0.400, 0.265, 0.195),
])  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """n posed heads. ``value`` holds the drawer's numbers, each (n,) or (n, k), float64."""

    value: dict[str, np.ndarray]
    rotation: np.ndarray  # (n, 3, 3) head frame -> view frame (x right, y down, z to the viewer)
    offset: np.ndarray  # (n, 2) where the head's origin lies in the picture, head units
    head: list[Solid]
    ears: list[Solid]
    hair: list[Solid]

    def __len__(self) -> int:
        return len(self.rotation)


def linear(colour: np.ndarray) -> np.ndarray:
    """sRGB 0..1 to linear light; gamma 2, whose way back is one square root per pixel."""
    return np.square(colour)


def build_scene(traits: dict[str, np.ndarray], nuisance: dict[str, np.ndarray]) -> Scene:
    """Pose, age and animate n faces; both dicts hold arrays of n rows."""
    t = dict(traits)
    _apply_age(t, nuisance)
    _apply_expression(t, nuisance)
    t["nose_tip_y"] = t["eye_y"] + t["nose_length"]
    t["mouth_y"] = t["nose_tip_y"] + t["philtrum"]
    # A long nose and philtrum on a short chin would run into each other.
    t["chin_y"] = np.maximum(t["chin_y"], t["mouth_y"] + 0.28) + 0.13 * nuisance["mouth_open"]
    _choose_hair(t, nuisance)
    _choose_colours(t, nuisance)
    for name, values in nuisance.items():
        t.setdefault(name, values)
    yaw, pitch = np.radians(nuisance["yaw"]), np.radians(nuisance["pitch"])
    # Half of the way the face moves on turning is taken back, as a crop around the face would.
    offset = np.stack([-0.34 * np.sin(yaw) + nuisance["shift_x"],
                       -0.02 + 0.4 * np.sin(pitch) + nuisance["shift_y"]], axis=1)  # fmt: skip
    return Scene(t, _rotation(yaw, pitch), offset, _head(t), _ears(t), _hair(t))


def _rotation(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    zero = np.zeros_like(cy)
    # Yaw in the head's own frame first, then pitch about the picture's horizontal: positive looks up.
    rows = [[cy, zero, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _apply_age(t: dict[str, np.ndarray], nuisance: dict[str, np.ndarray]) -> None:
    age = nuisance["age"]
    old = np.clip((age - 30) / 50, 0, 1)
    young = np.clip((24 - age) / 8, 0, 1)
    t["age"], t["old"], t["young"] = age, old, young
    t["wrinkles"] = np.clip(old**1.3 * t["wrinkling"], 0, 1.3)
    t["sag"] = np.clip(old**1.4 * t["sagging"], 0, 1.4)
    t["grey"] = 1 / (1 + np.exp(-(age - t["grey_onset"]) / 5.5))
    t["bald"] = np.clip(t["balding"] * np.clip((age - 22) / 38, 0, 1) * (0.25 + 0.75 * t["male"]), 0, 1)
    t["jaw_width"] = t["jaw_width"] + 0.025 * t["sag"] - 0.012 * t["young"]
    t["face_width"] = t["face_width"] + 0.012 * t["young"]
    t["cheek_size"] = t["cheek_size"] * (1 - 0.12 * old)
    t["eye_open"] = t["eye_open"] * (1 + 0.06 * young - 0.16 * t["sag"])
    t["lid_droop"] = t["lid_droop"] + 0.30 * t["sag"]
    t["brow_gap"] = t["brow_gap"] - 0.015 * t["sag"]
    t["brow_density"] = t["brow_density"] * (1 - 0.15 * old)
    t["nose_length"] = t["nose_length"] * (1 + 0.04 * old - 0.03 * young)
    t["nose_tip"] = t["nose_tip"] * (1 + 0.06 * old)
    t["nose_width"] = t["nose_width"] * (1 + 0.06 * old)
    t["philtrum"] = t["philtrum"] * (1 + 0.05 * old)
    t["lip_upper"] = t["lip_upper"] * (1 - 0.22 * old)
    t["lip_lower"] = t["lip_lower"] * (1 - 0.15 * old)
    t["lip_red"] = t["lip_red"] * (1 - 0.25 * old)
    t["ear_size"] = t["ear_size"] * (1 + 0.08 * old)
    t["chin_y"] = t["chin_y"] - 0.02 * young


def _apply_expression(t: dict[str, np.ndarray], nuisance: dict[str, np.ndarray]) -> None:
    smile, frown = nuisance["smile"], nuisance["frown"]
    t["mouth_width"] = t["mouth_width"] * (1 + 0.16 * np.clip(smile, 0, 1) - 0.10 * nuisance["mouth_open"])
    t["corner_lift"] = t["mouth_corner"] + 0.060 * smile - 0.02 * t["old"]
    t["eye_open"] = t["eye_open"] * (1 - 0.75 * nuisance["eyes_shut"] + 0.15 * np.maximum(nuisance["brow_raise"], 0))
    t["brow_gap"] = t["brow_gap"] + 0.055 * nuisance["brow_raise"] - 0.025 * frown
    t["brow_tilt"] = t["brow_tilt"] + 0.22 * frown
    t["brow_inner"] = t["brow_inner"] - 0.02 * frown
    t["cheek_size"] = t["cheek_size"] * (1 + 0.14 * np.clip(smile, 0, 1))
    t["lip_upper"] = t["lip_upper"] * (1 - 0.15 * np.clip(smile, 0, 1))


def _choose_hair(t: dict[str, np.ndarray], nuisance: dict[str, np.ndarray]) -> None:
    style = nuisance["style"]
    names = np.array(STYLES)[style]
    t["style"] = style
    for name in STYLES:
        t[f"is_{name}"] = (names == name).astype(float)
    volume = t["hair_volume"] * nuisance["volume"] * (1 - 0.35 * t["old"])
    volume = np.where(names == "buzz", 0.018, np.where(names == "curly", volume + 0.07, volume))
    volume = np.where(names == "bun", 0.6 * volume, volume)
    t["volume"] = volume * (1 - 0.6 * t["bald"]) + 0.008
    t["falling"] = t["is_long"] + t["is_bob"] + 0.0
    # Where the side hair ends below the ear line; rows below the picture for long hair.
    t["hair_end"] = np.select([names == "long", names == "bob", names == "fringe"], [2.0, 0.72, 0.62], 0.13)
    t["falling"] = t["falling"] + t["is_fringe"]
    t["hairline_y"] = -t["hairline"] - 0.30 * t["bald"] - 0.03 * t["old"] * t["male"]
    t["fringe_y"] = np.where(names == "fringe", -0.27, -9.0)


def _choose_colours(t: dict[str, np.ndarray], nuisance: dict[str, np.ndarray]) -> None:
    place = t["skin"] * (len(SKIN_TONES) - 1)
    below = np.minimum(place.astype(int), len(SKIN_TONES) - 2)
    share = (place - below)[:, None]
    tone = SKIN_TONES[below] * (1 - share) + SKIN_TONES[below + 1] * share
    tone = tone * (1 + 0.018 * t["undertone"][:, None] * np.array([0.4, 0.0, -1.4]))
    # Old skin is paler and more yellow.
    tone = tone * (1 - 0.05 * t["old"][:, None] * np.array([0.6, 0.8, 1.4]))
    t["skin_colour"] = linear(np.clip(tone, 0, 1))
    depth = np.clip(t["skin"], 0, 1)[:, None]
    red = np.array([0.76, 0.34, 0.33]) * (1 - depth) + np.array([0.42, 0.20, 0.19]) * depth
    amount = np.clip(0.30 + 0.55 * t["lip_red"] + 0.4 * nuisance["make_up"], 0, 1)[:, None]
    t["lip_colour"] = linear(tone * np.array([0.90, 0.76, 0.76]) * (1 - amount) + red * amount)
    white = np.array([0.80, 0.79, 0.77])
    grey = t["grey"][:, None]
    t["hair_tint"] = linear(t["hair_colour"] * (1 - grey) + white * grey)
    brow = t["hair_colour"] * (1 - 0.55 * grey) + 0.55 * grey * np.array([0.62, 0.60, 0.58])
    t["brow_tint"] = linear(np.minimum(brow * 0.85, tone * 0.72))
    t["iris_tint"] = linear(t["eye_colour"])
    t["wall_colour"] = linear(nuisance["wall"])
    t["shirt_colour"] = linear(nuisance["shirt"])
    t["glasses_colour"] = linear(0.04 + 0.25 * nuisance["glasses_form"][:, :1] ** 2 * np.array([1.0, 0.8, 0.6]))


def _head(t: dict[str, np.ndarray]) -> list[Solid]:
    """The skin's shape: rounded solids that melt into each other."""
    crown_radius = (t["crown"] + 0.62) / 2
    root_y, tip_y = t["eye_y"] - 0.06, t["nose_tip_y"]
    root_z = 0.675 + t["nose_root"]
    tip_z = 0.74 + t["nose_forward"] - 0.5 * t["nose_tip"]
    bridge_tilt = np.arctan2(tip_z - root_z, tip_y - root_y)
    nose_x = t["nose_shift"]
    jaw_radius = np.maximum(t["chin_y"] - t["jaw_y"] - 0.05, 0.30)
    wing_x, wing_z = t["nose_width"] * 0.66, 0.72 + 0.2 * t["nose_forward"]
    wing_radius = (t["nose_width"] * 0.42, 0.070, 0.12)
    cheek_radius = (t["cheek_size"] + 0.09, 0.24, 0.29)
    tip_radius = (t["nose_tip"], t["nose_tip"] * 0.85, t["nose_tip"] * 1.05)
    nose_rows, middle = (-0.35, 1.0), (-0.55, 1.05)
    chin = (0.0, t["chin_y"] - 0.17, 0.45 + t["chin_forward"])
    chin_radius = (t["chin_width"] + 0.03, 0.17, 0.20)
    muzzle = (t["mouth_shift"], t["mouth_y"] - 0.02, 0.49 + t["mouth_forward"])
    right = t["cheek_x"] - 0.12
    tip_place = (nose_x, tip_y - 0.01 - t["nose_upturn"], tip_z)
    return [
        Solid("cranium", (0.0, 0.62 - crown_radius, -0.10), (t["head_width"], crown_radius, t["head_depth"])),
        Solid("face", (0.0, 0.13, 0.10), (t["face_width"], 0.76, 0.66 + t["forehead_bulge"]), blend=0.10),
        Solid("jaw", (0.0, t["jaw_y"], 0.10), (t["jaw_width"] + 0.04, jaw_radius, 0.56), blend=0.12),
        Solid("chin", chin, chin_radius, blend=0.14, rows=(0.25, 9)),
        Solid("muzzle", muzzle, (0.30, 0.22, 0.22), blend=0.14, rows=(-0.05, 9)),
        Solid("left cheek", (-right, t["cheek_y"], 0.31), cheek_radius, blend=0.22, rows=middle),
        Solid("right cheek", (right, t["cheek_y"], 0.31), cheek_radius, blend=0.22, rows=middle),
        Solid("brow", (0.0, t["eye_y"] - 0.20, 0.49 + t["brow_ridge"]), (0.50, 0.16, 0.235), blend=0.14,
              rows=(-0.8, 0.5)),
        Solid("bridge", (nose_x * 0.5, (root_y + tip_y) / 2, (root_z + tip_z) / 2 - 0.02 + t["nose_hump"]),
              (t["nose_bridge"], (tip_y - root_y) * 0.60, 0.085), bridge_tilt, blend=0.055, rows=nose_rows),
        Solid("tip", tip_place, tip_radius, blend=0.05, rows=nose_rows),
        Solid("left wing", (nose_x - wing_x, tip_y + 0.010, wing_z), wing_radius, 0.0, 0.03, nose_rows),
        Solid("right wing", (nose_x + wing_x, tip_y + 0.010, wing_z), wing_radius, 0.0, 0.03, nose_rows),
    ]  # fmt: skip


def _ears(t: dict[str, np.ndarray]) -> list[Solid]:
    """Ears stand off the widest part of the head, a little behind its middle."""
    # Falling hair lies over them and presses them to the head.
    out = t["ear_out"] * np.where(t["falling"] > 0, 0.1, 1.0)
    x = t["head_width"] - 0.035 + 0.7 * out - np.where(t["falling"] > 0, 0.03, 0.0)
    radius = (0.045 + 0.6 * out, t["ear_size"], 0.11 + 0.1 * t["ear_size"])
    return [
        Solid("left ear", (-x, t["ear_y"], -0.12), radius, 0.15),
        Solid("right ear", (x, t["ear_y"], -0.12), radius, 0.15, blend=0.02),
    ]


def _hair(t: dict[str, np.ndarray]) -> list[Solid]:
    """The outside of the hair; the face is cut out later. Parts a style lacks hide inside the cap."""
    volume = t["volume"]
    falls, bun, long = t["falling"] > 0, t["is_bun"] > 0, t["is_long"] > 0
    crown_radius = (t["crown"] + 0.62) / 2
    lift = volume * np.where(t["is_swept"] > 0, 1.5, 1.0)
    hidden = 0.02
    cap = (t["head_width"] + 0.75 * volume, crown_radius + 0.65 * lift, t["head_depth"] + 0.5 * volume)
    fall = (np.where(falls, t["head_width"] + 0.03 + 0.9 * volume, hidden),
            np.where(falls, np.where(long, 1.25, 0.72), hidden), np.where(falls, 0.74, hidden))  # fmt: skip
    knot = [np.where(bun, radius, hidden) for radius in (0.25, 0.22, 0.24)]
    return [
        Solid("cap", (0.0, 0.62 - crown_radius - 0.35 * lift, -0.11), cap),
        Solid("fall", (0.0, np.where(long, 0.55, 0.12), -0.16), fall, blend=0.12),
        Solid(
            "bun",
            (0.0, np.where(bun, -t["crown"] - 0.08, 0.0), -0.34),
            tuple(knot),
            blend=0.02,
            rows=(-9, 0.3),
        ),
    ]


def landmarks(scene: Scene, image_size: int) -> dict[str, np.ndarray]:
    """Where the features lie in a picture of ``image_size`` pixels: name -> (n, 2) column and row."""
    t = scene.value
    nose_x = t["nose_shift"]
    places = {
        "left_eye": (-t["eye_x"], t["eye_y"] + t["eye_uneven"]),
        "right_eye": (t["eye_x"], t["eye_y"] - t["eye_uneven"]),
        "left_brow": (-t["brow_inner"] - t["brow_length"] / 2, t["eye_y"] - t["brow_gap"]),
        "right_brow": (t["brow_inner"] + t["brow_length"] / 2, t["eye_y"] - t["brow_gap"]),
        "nose_tip": (nose_x, t["nose_tip_y"]),
        "mouth": (t["mouth_shift"], t["mouth_y"]),
        "chin": (0 * nose_x, t["chin_y"] - 0.08),
    }
    places |= {f"mark_{k}": (t["mark_x"][:, k], t["mark_y"][:, k]) for k in range(MARKS)}
    x = np.stack([place[0] for place in places.values()], axis=1)
    y = np.stack([place[1] for place in places.values()], axis=1)
    z = depth_at(scene.head, x, y)
    column, row = project(scene, x, y, z, image_size)
    return {name: np.stack([column[:, k], row[:, k]], axis=1) for k, name in enumerate(places)}


def project(scene: Scene, x: np.ndarray, y: np.ndarray, z: np.ndarray,
            image_size: int) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Pixel columns and rows of head-frame points, each (n, k)."""
    r = scene.rotation[:, :, :, None]
    view_x = r[:, 0, 0] * x + r[:, 0, 1] * y + r[:, 0, 2] * z + scene.offset[:, :1]
    view_y = r[:, 1, 0] * x + r[:, 1, 1] * y + r[:, 1, 2] * z + scene.offset[:, 1:]
    roll, scale = np.radians(scene.value["roll"])[:, None], scene.value["zoom"][:, None] / HALF_EXTENT
    column = scale * (np.cos(roll) * view_x - np.sin(roll) * view_y)
    row = scale * (np.sin(roll) * view_x + np.cos(roll) * view_y)
    return ((column + 1) * image_size - 1) / 2, ((row + 1) * image_size - 1) / 2


def pixel_grid(scene: Scene, image_size: int) -> Grid:
    """The pixels of pictures of ``image_size`` in the scenes' view frames."""
    return make_grid(image_size, scene.offset, scene.value["zoom"], scene.value["roll"])
