"""People with a photo and a drawing each, as in CUHK's student set: frontal, neutral, evenly lit, a plain wall."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.data.rendering import randomness
from pipeline.data.rendering.draw import draw
from pipeline.data.rendering.exaggeration import FACTOR, HAND, errors, exaggerate
from pipeline.data.rendering.faces import BLOCK_PIXELS, MOODS, SIZES
from pipeline.data.rendering.nuisance import sample_nuisance
from pipeline.data.rendering.scene import Scene, build_scene
from pipeline.data.rendering.sketch import draw_sketch
from pipeline.data.rendering.traits import FEMALE, MALE, sample_identities

# Addresses of people; 0 and 1 are those of the faces to recognise, so that nobody is in both.
SPLITS = {"train": 2, "test": 3}
AGES = (18.0, 50.0)
WALL = np.array([0.36, 0.62, 0.80])  # sRGB; CUHK's is blue


@dataclass(frozen=True)
class SketchSet:
    """Photos and drawings of n people, made on demand; one pair per person.

    index: one row per pair, in array order: name ("train-000012", which is also the person), split ("train" or
    "test"), sex ("male" or "female"), skin (0 light .. 1 dark), age (years).
    """

    index: pd.DataFrame
    image_size: int
    seed: int
    exaggeration: float  # of shape in drawings
    hand: float  # their errors of shape, standard deviations
    traits: dict[str, np.ndarray] = field(repr=False)  # one row per pair
    nuisance: dict[str, np.ndarray] = field(repr=False)
    address: np.ndarray = field(repr=False)  # (N, 3): split, identity, 0

    def __len__(self) -> int:
        return len(self.index)

    def photo_scene(self, pairs: np.ndarray) -> Scene:
        """Geometry and colours behind the photos of the pairs numbered ``pairs`` (n,)."""
        return build_scene(_rows(self.traits, pairs), _rows(self.nuisance, pairs))

    def sketch_scene(self, pairs: np.ndarray) -> Scene:
        """The same behind their drawings: exaggerated, and with the errors of a hand."""
        error = self.hand * errors(self.seed, self.address[pairs])
        return build_scene(exaggerate(_rows(self.traits, pairs), self.exaggeration, error), _rows(self.nuisance, pairs))

    def photos(self, pairs: np.ndarray) -> np.ndarray:
        """Photos, uint8 (n, image_size, image_size, 3) RGB."""
        return self._in_blocks(pairs, lambda part: draw(
            self.photo_scene(part), self.seed, self.address[part], self.image_size))  # fmt: skip

    def sketches(self, pairs: np.ndarray) -> np.ndarray:
        """Drawings, uint8 (n, image_size, image_size) grey."""
        return self._in_blocks(pairs, lambda part: draw_sketch(
            self.sketch_scene(part), self.seed, self.address[part], self.image_size))  # fmt: skip

    def _in_blocks(self, pairs: np.ndarray, make) -> np.ndarray:
        pairs = np.asarray(pairs)
        block = max(1, BLOCK_PIXELS // self.image_size**2)
        return np.concatenate([make(pairs[start : start + block]) for start in range(0, len(pairs), block)])


def render_sketch_pairs(
    *, seed: int, image_size: int, train: int, test: int, exaggeration: float = FACTOR, hand: float = HAND
) -> SketchSet:
    """Plan ``train`` + ``test`` people, train first; nobody is in both, nor among the faces to recognise.

    A pair depends on the seed, its split and its own number alone. With ``exaggeration`` 1 and ``hand`` 0 drawings
    lie over their photos to the pixel. Raises ValueError for a number out of range.
    """
    low, high = SIZES
    for name, value, least, most in (
        ("seed", seed, 0, 2**63 - 1), ("image_size", image_size, low, high), ("train", train, 1, 10**6),
        ("test", test, 1, 10**6), ("exaggeration", exaggeration, 1, 1.5),
        ("hand", hand, 0, 1),
    ):  # fmt: skip
        if not least <= value <= most:
            raise ValueError(f"{name} is {value}; expected from {least} to {most}")
    parts = [_people(seed, split, count) for split, count in (("train", train), ("test", test))]
    tables, traits, nuisance, address = zip(*parts)
    return SketchSet(
        pd.concat(tables, ignore_index=True), image_size, seed, exaggeration, hand, _join(traits),
        _join(nuisance), np.concatenate(address),
    )  # fmt: skip


def _people(seed: int, split: str, count: int) -> tuple[pd.DataFrame, dict, dict, np.ndarray]:
    number, place = np.arange(count), SPLITS[split]
    draws = np.array([randomness.generator(seed, randomness.PEOPLE, place, k).random(4) for k in range(count)])
    # The light half of skin tones only would be CUHK's; all of them are ours.
    traits = sample_identities(seed, place, number, draws[:, 0] < 0.5, draws[:, 1])
    address = np.stack([np.full(count, place), number, np.zeros(count, dtype=int)], axis=1)
    age = AGES[0] + draws[:, 2] * (AGES[1] - AGES[0])
    nuisance = sample_nuisance(seed, address, traits["male"] > 0, traits["style"], age, np.zeros(count))
    table = pd.DataFrame({
        "name": [f"{split}-{k:06d}" for k in range(count)],
        "split": split,
        "sex": np.where(traits["male"] > 0, MALE, FEMALE),
        "skin": traits["skin"],
        "age": age,
    })  # fmt: skip
    return table, traits, _studio(nuisance, traits, draws[:, 3]), address


def _studio(
    nuisance: dict[str, np.ndarray], traits: dict[str, np.ndarray], uniform: np.ndarray
) -> dict[str, np.ndarray]:
    """What a photographer does away with, and the little that is left."""
    still = np.zeros(len(uniform))
    small = {name: 0.3 * nuisance[name] for name in ("pitch", "roll", "shift_x", "shift_y", "gaze_x", "gaze_y")}
    return nuisance | dict.fromkeys((*MOODS, "glasses", "make_up"), still) | small | {
        "yaw": 3.0 * (uniform - 0.5),
        "zoom": nuisance["zoom"] ** 0.5,
        "expression": still.astype(int),
        "style": traits["style"],
        "light_side": 0.25 * nuisance["light_side"],
        "light_height": 20 + 0.3 * nuisance["light_height"],
        "light_strength": still + 0.70,
        "ambient": still + 0.48,
        "warmth": 0.3 * nuisance["warmth"],
        "exposure": nuisance["exposure"] ** 0.5,
        "contrast": nuisance["contrast"] ** 0.5,
        "blur": still + 0.15,
        "noise": still + 0.003,
        "wall": WALL * (0.85 + 0.25 * uniform[:, None]),
        "wall_slope": 0.3 * nuisance["wall_slope"],
        "wall_texture": still,
    }  # fmt: skip


def _join(parts: tuple[dict[str, np.ndarray], ...]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rows(values: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[rows] for name, column in values.items()}
