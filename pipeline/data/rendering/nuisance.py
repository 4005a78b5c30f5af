"""Nuisance: what changes between pictures of the same person, such as age."""

from __future__ import annotations

import numpy as np

from pipeline.data.rendering import randomness
from pipeline.data.rendering.traits import STYLES_OF_MEN, STYLES_OF_WOMEN

AGE_RANGE = (16.0, 80.0)
YAW_RANGE = (-60.0, 60.0)  # degrees; positive turns the face to the image's right
EXPRESSIONS = ("neutral", "smile", "laugh", "frown", "surprise", "squint")
EXPRESSION_WEIGHTS = np.array([0.36, 0.24, 0.12, 0.12, 0.08, 0.08])
# smile, mouth open, frown, brow raise, eyes shut, one row an expression
EXPRESSION_AMOUNTS = np.array([
    (0.00, 0.00, 0.00, 0.00, 0.00),
    (0.80, 0.05, 0.00, 0.10, 0.15),
    (1.00, 0.60, 0.00, 0.15, 0.30),
    (-0.50, 0.00, 0.90, -0.30, 0.15),
    (0.05, 0.75, 0.00, 0.95, -0.30),
    (0.25, 0.00, 0.35, -0.20, 0.60),
])  # fmt: skip
# A person keeps the usual hair style in this share of the pictures.
USUAL_STYLE_SHARE = 0.85


def sample_nuisance(seed: int, address: np.ndarray, male: np.ndarray, usual_style: np.ndarray,
                    age: np.ndarray, yaw: np.ndarray) -> dict[str, np.ndarray]:  # fmt: skip
    """Nuisance of n images, a dict of arrays with n rows.

    ``address`` (n, k) integers that name the image; ``age`` (n,) in years and ``yaw`` (n,) in degrees are
    used where given and drawn here where NaN. Angles are in degrees, colours sRGB 0..1, shifts head units.
    """
    stream = np.concatenate([np.full((len(address), 1), randomness.NUISANCE), address], axis=1)
    normal, u = randomness.draws(seed, stream, 24, 40)
    normal = np.clip(normal, -2.5, 2.5)
    low, high = AGE_RANGE
    drawn_yaw = np.where(u[:, 1] < 0.4, 9 * normal[:, 0], YAW_RANGE[0] + u[:, 2] * (YAW_RANGE[1] - YAW_RANGE[0]))
    expression = randomness.pick(u[:, 3], EXPRESSION_WEIGHTS)
    amounts = EXPRESSION_AMOUNTS[expression] * (0.7 + 0.5 * u[:, 4:5]) + 0.06 * normal[:, 1:6]
    style_weights = np.where(male[:, None], STYLES_OF_MEN, STYLES_OF_WOMEN)
    other_style = randomness.pick(u[:, 6], style_weights)
    wall = (0.15 + 0.72 * u[:, 7:8]) * (1 + 0.10 * normal[:, 6:9])
    shirt = (0.10 + 0.72 * u[:, 11:12]) * (1 + 0.20 * normal[:, 9:12])
    return {
        "age": np.where(np.isnan(age), low + u[:, 0] * (high - low), age),
        "yaw": np.where(np.isnan(yaw), np.clip(drawn_yaw, *YAW_RANGE), yaw),
        "pitch": 5.0 * normal[:, 12],
        "roll": 2.0 * normal[:, 13],
        "shift_x": 0.030 * normal[:, 14],
        "shift_y": 0.030 * normal[:, 15],
        "zoom": np.exp(0.030 * normal[:, 16]),
        "expression": expression,
        "smile": amounts[:, 0],
        "mouth_open": np.maximum(amounts[:, 1], 0),
        "frown": np.maximum(amounts[:, 2], 0),
        "brow_raise": amounts[:, 3],
        "eyes_shut": np.clip(amounts[:, 4], -0.4, 0.7),
        "gaze_x": 0.35 * normal[:, 17],
        "gaze_y": 0.20 * normal[:, 18],
        "light_side": -65 + 130 * u[:, 14],
        "light_height": 5 + 50 * u[:, 15],
        "light_strength": 0.55 + 0.55 * u[:, 16],
        "ambient": 0.30 + 0.28 * u[:, 17],
        "warmth": normal[:, 19],
        "exposure": np.exp(0.13 * normal[:, 20]),
        "contrast": np.exp(0.08 * normal[:, 21]),
        "blur": 0.10 + 0.25 * u[:, 18] ** 2,
        "noise": 0.001 + 0.004 * u[:, 19],
        "wall": np.clip(wall, 0.02, 0.98),
        "wall_slope": (u[:, 20:22] - 0.5) * 0.5,
        "wall_texture": 0.15 * u[:, 22],
        "shirt": np.clip(shirt, 0.02, 0.95),
        "collar": u[:, 23],
        "style": np.where(u[:, 5] < USUAL_STYLE_SHARE, usual_style, other_style),
        "tousle": u[:, 24:28] * 2 * np.pi,
        "volume": np.exp(0.18 * normal[:, 22]),
        "beard_now": u[:, 28],
        "glasses": (u[:, 29] < 0.12).astype(float),
        "glasses_form": u[:, 30:33],
        "make_up": np.where(male, 0.0, u[:, 33] ** 2),
    }
