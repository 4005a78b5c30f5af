"""Identity: what stays with a person whatever the picture. Lengths are in head units: half a head's height.

A face is measured in its own frame: x to the image's right, y down, z to the viewer, the origin between the
eyes in the middle of the head; the crown is near y = -1 and the chin near y = 1.
"""

from __future__ import annotations

import numpy as np

from pipeline.data.rendering import randomness

MALE, FEMALE = "male", "female"
MARKS = 4  # moles a person can have

# name: (mean, standard deviation, what a man has more than a woman)
MEASURES: dict[str, tuple[float, float, float]] = {
    "head_width": (0.690, 0.036, 0.015),
    "head_depth": (0.840, 0.030, 0.010),
    "crown": (0.950, 0.035, 0.010),
    "forehead_bulge": (0.000, 0.030, -0.020),
    "face_width": (0.640, 0.040, 0.010),
    "jaw_width": (0.475, 0.060, 0.070),
    "jaw_y": (0.470, 0.055, 0.020),
    "chin_y": (0.985, 0.065, 0.050),
    "chin_width": (0.195, 0.045, 0.050),
    "chin_forward": (0.000, 0.040, 0.020),
    "chin_cleft": (-0.300, 0.600, 0.300),
    "cheek_size": (0.180, 0.028, -0.010),
    "cheek_x": (0.420, 0.030, 0.000),
    "cheek_y": (0.220, 0.045, 0.020),
    "brow_ridge": (0.030, 0.018, 0.030),
    "eye_x": (0.325, 0.033, 0.005),
    "eye_y": (0.010, 0.032, 0.000),
    "eye_width": (0.172, 0.019, -0.008),
    "eye_open": (0.087, 0.017, -0.012),
    "eye_tilt": (0.080, 0.110, -0.030),
    "eye_skew": (0.050, 0.250, 0.000),
    "lid_crease": (0.040, 0.018, -0.006),
    "lid_droop": (0.150, 0.200, 0.050),
    "iris_size": (0.073, 0.006, 0.000),
    "socket": (0.450, 0.200, 0.100),
    "brow_gap": (0.200, 0.034, -0.040),
    "brow_thick": (0.034, 0.011, 0.016),
    "brow_arch": (0.045, 0.032, -0.030),
    "brow_tilt": (0.020, 0.110, -0.020),
    "brow_inner": (0.110, 0.034, -0.010),
    "brow_length": (0.400, 0.045, 0.020),
    "brow_density": (0.780, 0.120, 0.040),
    "nose_length": (0.380, 0.048, 0.020),
    "nose_width": (0.150, 0.032, 0.020),
    "nose_bridge": (0.074, 0.016, 0.010),
    "nose_root": (0.060, 0.028, 0.014),
    "nose_tip": (0.096, 0.018, 0.010),
    "nose_forward": (0.180, 0.040, 0.020),
    "nose_hump": (0.010, 0.026, 0.010),
    "nose_upturn": (0.000, 0.028, -0.010),
    "philtrum": (0.222, 0.030, 0.020),
    "mouth_width": (0.255, 0.038, 0.010),
    "mouth_forward": (0.020, 0.025, 0.000),
    "lip_upper": (0.052, 0.018, -0.010),
    "lip_lower": (0.070, 0.021, -0.010),
    "lip_bow": (0.400, 0.300, -0.100),
    "lip_red": (0.500, 0.200, -0.200),
    "mouth_corner": (0.000, 0.022, 0.000),
    "ear_size": (0.200, 0.026, 0.014),
    "ear_out": (0.050, 0.035, 0.010),
    "ear_y": (0.120, 0.040, 0.000),
    "eye_uneven": (0.000, 0.012, 0.000),
    "brow_uneven": (0.000, 0.016, 0.000),
    "mouth_shift": (0.000, 0.016, 0.000),
    "nose_shift": (0.000, 0.012, 0.000),
    "hairline": (0.580, 0.050, 0.010),
    "hairline_peak": (0.000, 0.050, 0.000),
    "hairline_curve": (0.450, 0.200, -0.100),
    "hair_volume": (0.100, 0.035, -0.050),
    "neck_width": (0.370, 0.030, 0.080),
    "freckles": (-0.500, 0.700, 0.000),
    "undertone": (0.000, 1.000, 0.000),
    "ruddiness": (0.400, 0.250, 0.050),
    "grey_onset": (53.0, 8.0, -2.0),
    "wrinkling": (1.000, 0.250, 0.050),
    "sagging": (1.000, 0.300, 0.000),
    "balding": (0.100, 0.450, 0.550),
    "beard": (0.000, 0.500, 1.100),
}
LEAST: dict[str, float] = {
    "eye_open": 0.042, "lip_upper": 0.018, "lip_lower": 0.028, "brow_thick": 0.014, "nose_width": 0.085,
    "nose_tip": 0.055, "nose_bridge": 0.040, "lid_crease": 0.0, "brow_density": 0.35, "lid_droop": 0.0,
    "freckles": 0.0, "chin_cleft": 0.0, "socket": 0.05, "ear_out": 0.0, "hair_volume": 0.03, "balding": 0.0,
    "philtrum": 0.155, "beard": 0.0, "lip_red": 0.1, "ruddiness": 0.0, "brow_arch": -0.01, "eye_skew": -0.4,
    "brow_ridge": 0.0,
}  # fmt: skip

# Hair colours, sRGB 0..1, and how usual each is on light and on dark skin.
HAIR_COLOURS = np.array([
    (0.07, 0.055, 0.05), (0.16, 0.10, 0.07), (0.30, 0.19, 0.11), (0.48, 0.33, 0.18), (0.74, 0.58, 0.36),
    (0.50, 0.22, 0.10),
])  # fmt: skip
HAIR_ON_LIGHT = np.array([0.08, 0.24, 0.26, 0.18, 0.16, 0.08])
HAIR_ON_DARK = np.array([0.80, 0.18, 0.02, 0.0, 0.0, 0.0])
EYE_COLOURS = np.array([
    (0.20, 0.11, 0.06), (0.36, 0.22, 0.11), (0.42, 0.36, 0.18), (0.34, 0.46, 0.36), (0.34, 0.50, 0.68),
    (0.48, 0.54, 0.58),
])  # fmt: skip
EYES_ON_LIGHT = np.array([0.16, 0.20, 0.16, 0.14, 0.22, 0.12])
EYES_ON_DARK = np.array([0.75, 0.22, 0.03, 0.0, 0.0, 0.0])
STYLES = ("short", "buzz", "swept", "curly", "bob", "long", "fringe", "bun")
STYLES_OF_MEN = np.array([0.34, 0.16, 0.24, 0.14, 0.04, 0.05, 0.03, 0.00])
STYLES_OF_WOMEN = np.array([0.07, 0.01, 0.07, 0.14, 0.19, 0.24, 0.12, 0.16])


def sample_identities(seed: int, split: int, number: np.ndarray, male: np.ndarray, skin: np.ndarray,
                      hair: np.ndarray | None = None) -> dict[str, np.ndarray]:  # fmt: skip
    """Traits of n people, a dict of arrays with n rows: the names of MEASURES and those added here.

    ``number`` (n,) is the person's number in its ``split`` (0 train, 1 test); ``male`` (n,) bool; ``skin``
    (n,) from 0 (lightest) to 1 (darkest); ``hair`` (n,) in 0..1 picks the natural hair colour, where people
    shall be alike in it. Equal arguments give equal people.
    """
    names = list(MEASURES)
    address = np.stack([np.full(len(number), randomness.TRAITS), np.full(len(number), split), number], axis=1)
    normal, uniform = randomness.draws(seed, address, len(names) + 16, 24 + 3 * MARKS)
    sex = np.where(male, 0.5, -0.5)
    traits: dict[str, np.ndarray] = {"male": male.astype(float), "skin": skin.astype(float)}
    for place, name in enumerate(names):
        mean, spread, difference = MEASURES[name]
        # Beyond 2.4 deviations features would collide.
        value = mean + spread * np.clip(normal[:, place], -2.4, 2.4) + difference * sex
        traits[name] = np.maximum(value, LEAST[name]) if name in LEAST else value
    extra = normal[:, len(names) :]
    dark = np.clip((skin - 0.25) / 0.4, 0, 1)[:, None]
    hair_draw = uniform[:, 0] if hair is None else hair
    hair = randomness.pick(hair_draw, HAIR_ON_LIGHT * (1 - dark) + HAIR_ON_DARK * dark)
    traits["hair_colour"] = np.clip(HAIR_COLOURS[hair] * np.exp(0.10 * extra[:, :1] + 0.04 * extra[:, 1:4]), 0, 1)
    eyes = randomness.pick(uniform[:, 1], EYES_ON_LIGHT * (1 - dark) + EYES_ON_DARK * dark)
    traits["eye_colour"] = np.clip(EYE_COLOURS[eyes] * np.exp(0.12 * extra[:, 4:5] + 0.06 * extra[:, 5:8]), 0, 1)
    style_weights = np.where(male[:, None], STYLES_OF_MEN, STYLES_OF_WOMEN)
    traits["style"] = randomness.pick(uniform[:, 2], style_weights)
    traits["parting"] = np.where(uniform[:, 3] < 0.5, -1.0, 1.0) * (0.1 + 0.25 * uniform[:, 4])
    traits["phase"] = 2 * np.pi * uniform[:, 5:11]  # of the freckle pattern and the hair strands
    # Small marks: place on the face (x, y) and strength, most of them absent.
    marks = uniform[:, 24:].reshape(-1, MARKS, 3)
    traits["mark_x"] = (marks[:, :, 0] - 0.5) * 0.95
    traits["mark_y"] = -0.35 + 1.15 * marks[:, :, 1]
    traits["mark_size"] = np.where(marks[:, :, 2] < 0.38, 0.020 + 0.055 * marks[:, :, 2], 0.0)
    return traits
