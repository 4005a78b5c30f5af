"""Rendered faces of known classes: expressions, or sex and age, of people of all looks in all poses and lights.

Expressions are ranges of what moves in a face, wider than those of the faces to recognise, and the head fills more of
the picture: a human can tell them apart at 32 pixels. [ours]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.data.rendering import randomness
from pipeline.data.rendering.faces import TEST, TRAIN, RenderedSet
from pipeline.data.rendering.nuisance import sample_nuisance
from pipeline.data.rendering.traits import FEMALE, MALE, sample_identities

# People from here on are no people of the faces to recognise, nor of contact sheets.
FIRST = 2_000_000
# Everywhere the least and the most; nothing said is nothing moved. Amounts of the renderer's movements ...
MOVED = ("smile", "mouth_open", "frown", "brow_raise", "eyes_shut")
# ... and, in head units (a tilt: without unit), what is added to the person's own measures.
EXPRESSIONS: dict[str, dict[str, tuple[float, float]]] = {
    "neutral": {},
    "happy": {"smile": (1.1, 1.5), "mouth_corner": (0.02, 0.05), "mouth_width": (0.03, 0.06),
              "eyes_shut": (0.1, 0.3), "brow_raise": (0.0, 0.3)},
    "laughing": {"smile": (1.1, 1.4), "mouth_open": (0.8, 1.2), "mouth_width": (0.02, 0.06),
                 "eyes_shut": (0.25, 0.5), "brow_raise": (0.0, 0.3)},
    "sad": {"smile": (-1.3, -0.9), "mouth_corner": (-0.05, -0.02), "brow_tilt": (-0.70, -0.45),
            "brow_raise": (0.2, 0.5), "eyes_shut": (0.2, 0.35)},
    "angry": {"smile": (-0.9, -0.4), "frown": (0.8, 1.0), "brow_tilt": (0.35, 0.60), "brow_raise": (-1.3, -0.8),
              "brow_thick": (0.005, 0.015), "eyes_shut": (-0.1, 0.1)},
    "surprised": {"mouth_open": (1.2, 1.7), "mouth_width": (-0.10, -0.06), "brow_raise": (1.3, 1.9),
                  "eyes_shut": (-0.6, -0.4)},
    "asleep": {"eyes_shut": (1.0, 1.15)},
}  # fmt: skip
# Years, with gaps between: without them the border would be a matter of luck.
AGES = {"young": (17.0, 24.0), "middle-aged": (40.0, 50.0), "old": (68.0, 80.0)}
GROUPS = tuple(f"{age} {sex}" for age in AGES for sex in ("woman", "man"))
LABELS = {"expression": tuple(EXPRESSIONS), "group": GROUPS}

SPREAD = 0.06  # of a movement from picture to picture, one standard deviation
YAW = 30.0  # degrees to each side
ZOOM, LIFT = 1.12, -0.05  # of the head in the picture, and of its height (head units)


@dataclass(frozen=True)
class RenderedClasses:
    """Faces that are drawn on demand.

    index: one row per image, training images first: file ("rendered/train/000012-happy-01"), label (0..K-1, into
    ``names``), part ("train" or "test"), identity, sex, skin (0 light .. 1 dark), age (years), yaw (degrees).
    """

    names: tuple[str, ...]
    index: pd.DataFrame
    drawn: RenderedSet = field(repr=False)

    def pictures(self, wanted: np.ndarray, chunk: int = 128) -> Iterator[tuple[int, np.ndarray]]:
        """(row, uint8 (S, S, 3)) of the rows where ``wanted`` (rows,) is true."""
        rows = np.flatnonzero(wanted)
        for start in range(0, len(rows), chunk):
            part = rows[start : start + chunk]
            yield from zip(part.tolist(), self.drawn.render(part))


def render_classes(
    *, seed: int, image_size: int, labels: str, train_people: int, test_people: int, images: int
) -> RenderedClasses:
    """Plan ``images`` pictures of each person and class: of "expression", each person's; of "group", of the own sex.

    No test person is a training person. Men and women take turns. Equal arguments give equal pictures; an image's
    depend on the seed and on the picture's numbers alone, whatever the numbers of people and pictures.
    """
    names = LABELS[labels]
    tables, traits, nuisance, address = [], [], [], []
    for part, (split, people) in zip(("train", "test"), ((TRAIN, train_people), (TEST, test_people))):
        number = np.arange(people)
        draws = np.array([randomness.generator(seed, randomness.PEOPLE, split, FIRST + k).random() for k in number])
        known = sample_identities(seed, split, FIRST + number, number % 2 == 1, draws)
        each = len(names) if labels == "expression" else len(AGES)
        person = np.repeat(number, each * images)
        kind = np.tile(np.repeat(np.arange(each), images), people)
        shot = np.tile(np.arange(images), people * each)
        label = kind if labels == "expression" else 2 * kind + person % 2
        looks = {name: values[person] for name, values in known.items()}
        place = np.stack([np.full(len(person), split), FIRST + person, label, shot], axis=1)
        scene = _move(seed, place, looks, label, labels)
        traits.append(looks)
        nuisance.append(scene)
        address.append(place)
        tables.append(pd.DataFrame({
            "file": [f"rendered/{part}/{who:06d}-{names[what]}-{k:02d}".replace(" ", "-")
                     for who, what, k in zip(person, label, shot)],
            "label": label.astype(np.int64),
            "part": part,
            "identity": [f"{part}-{who:06d}" for who in person],
            "sex": np.where(looks["male"] > 0, MALE, FEMALE),
            "skin": looks["skin"],
            "age": scene["age"],
            "yaw": scene["yaw"],
        }))  # fmt: skip
    joined = [{name: np.concatenate([part[name] for part in both]) for name in both[0]} for both in (traits, nuisance)]
    drawn = RenderedSet(pd.DataFrame(), pd.DataFrame(), image_size, seed, *joined, np.concatenate(address))
    return RenderedClasses(names, pd.concat(tables, ignore_index=True), drawn)


def _move(seed: int, place: np.ndarray, looks: dict, label: np.ndarray, labels: str) -> dict[str, np.ndarray]:
    """The nuisance of each image; what an expression adds to measures goes into ``looks``."""
    stream = np.concatenate([np.full((len(place), 1), randomness.EXPRESSION), place], axis=1)
    uniform = randomness.draws(seed, stream, 0, 2 + max(len(moves) for moves in EXPRESSIONS.values()))[1]
    age = np.full(len(place), np.nan)
    if labels == "group":
        low, high = np.array(list(AGES.values()))[label // 2].T
        age = low + uniform[:, 1] * (high - low)
    yaw = YAW * (2 * uniform[:, 0] - 1)
    scene = sample_nuisance(seed, place, looks["male"] > 0, looks["style"], age, yaw)
    scene["zoom"], scene["shift_y"] = scene["zoom"] * ZOOM, scene["shift_y"] + LIFT
    if labels == "expression":
        natural = randomness.draws(seed, stream, len(MOVED), 0)[0]
        scene |= {name: SPREAD * natural[:, k] for k, name in enumerate(MOVED)}
        scene["mouth_open"] = np.zeros(len(place))
        scene["frown"] = np.maximum(scene["frown"], 0)
        for number, moves in enumerate(EXPRESSIONS.values()):
            rows = np.flatnonzero(label == number)
            for k, (name, (low, high)) in enumerate(moves.items()):
                amount = low + uniform[rows, 2 + k] * (high - low)
                if name in MOVED:
                    scene[name][rows] = amount
                else:
                    looks[name][rows] += amount
    return scene
