"""Rendered training and test faces with their index and pairs, and a contact sheet of what varies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.data.rendering import randomness
from pipeline.data.rendering.draw import draw
from pipeline.data.rendering.nuisance import EXPRESSION_AMOUNTS, EXPRESSIONS, sample_nuisance
from pipeline.data.rendering.protocols import PROTOCOLS, plan_test
from pipeline.data.rendering.scene import Scene, build_scene
from pipeline.data.rendering.traits import FEMALE, MALE, sample_identities

SIZES = (32, 256)
TRAIN, TEST = 0, 1
SPLITS = ("train", "test")
# Pixels drawn at a time: few enough for the arrays to stay in a processor's cache.
BLOCK_PIXELS = 32 * 64 * 64
# Image numbers from here on belong to contact sheets.
SHEET = 1_000_000
# The numbers of an expression, in the order of EXPRESSION_AMOUNTS.
MOODS = ("smile", "mouth_open", "frown", "brow_raise", "eyes_shut")


@dataclass(frozen=True)
class RenderedSet:
    """Faces that are drawn on demand; the tables are complete from the start.

    index: one row per image, in array order: face (0..N-1), file ("rendered/train/000012-03"), identity
    ("train-000012"), split ("train" or "test"), sex ("male" or "female"), skin (0 light .. 1 dark), age
    (years), yaw and pitch (degrees; positive is the image's right, and up), expression (see EXPRESSIONS).

    pairs: one row per test pair: protocol ("cross_age" or "cross_pose"), pair (number within the protocol),
    fold, a and b (face numbers), same (1 for one person, else 0).
    """

    index: pd.DataFrame
    pairs: pd.DataFrame
    image_size: int
    seed: int
    traits: dict[str, np.ndarray] = field(repr=False)  # one row per image
    nuisance: dict[str, np.ndarray] = field(repr=False)  # one row per image
    address: np.ndarray = field(repr=False)  # (N, 3): split, identity, image

    def scene(self, faces: np.ndarray) -> Scene:
        """The geometry and colours behind the images ``faces`` (n,)."""
        return build_scene({name: values[faces] for name, values in self.traits.items()},
                           {name: values[faces] for name, values in self.nuisance.items()})  # fmt: skip

    def render(self, faces: np.ndarray) -> np.ndarray:
        """The images ``faces`` (n,): uint8 (n, image_size, image_size, 3) RGB."""
        faces = np.asarray(faces)
        block = max(1, BLOCK_PIXELS // self.image_size**2)
        images = np.empty((len(faces), self.image_size, self.image_size, 3), dtype=np.uint8)
        for start in range(0, len(faces), block):
            part = faces[start : start + block]
            images[start : start + block] = draw(self.scene(part), self.seed, self.address[part], self.image_size)
        return images

    def chunks(self, size: int = 128) -> Iterator[np.ndarray]:
        """All images in index order, uint8 (n, image_size, image_size, 3) RGB, at most ``size`` at a time."""
        if size < 1:
            raise ValueError(f"chunk size is {size}; expected at least 1")
        for start in range(0, len(self.index), size):
            yield self.render(np.arange(start, min(start + size, len(self.index))))


def render_faces(*, seed: int, image_size: int, identities: int, images_per_identity: int, folds: int,
                 pairs_per_fold: int) -> RenderedSet:  # fmt: skip
    """Plan ``identities`` x ``images_per_identity`` training faces and the test faces of both protocols.

    Each protocol has ``folds`` x ``pairs_per_fold`` pairs, half of them same; test people are not training
    people nor in two folds. Pixels are drawn by ``chunks``; those of an image depend on the seed and on its
    own numbers alone. Raises ValueError for a number out of range.
    """
    _check(seed, image_size, identities, images_per_identity, folds, pairs_per_fold)
    plan = plan_test(seed, folds, pairs_per_fold)
    train = np.arange(identities)
    draws = np.array([randomness.generator(seed, randomness.PEOPLE, TRAIN, number).random(2) for number in train])
    male = [draws[:, 0] < 0.5, plan.male]
    skin = [draws[:, 1], plan.skin]
    hair = [None, plan.hair]
    person = [np.repeat(train, images_per_identity), plan.person]
    free = np.full(len(person[TRAIN]), np.nan)
    age, yaw = [free, plan.age], [free, plan.yaw]
    traits, nuisance, address, tables = [], [], [], []
    for split in (TRAIN, TEST):
        number = np.arange(len(male[split]))
        people = sample_identities(seed, split, number, male[split], skin[split], hair[split])
        rows = {name: values[person[split]] for name, values in people.items()}
        place = np.stack([np.full(len(person[split]), split), person[split], _shot(person[split])], axis=1)
        traits.append(rows)
        nuisance.append(sample_nuisance(seed, place, rows["male"] > 0, rows["style"], age[split], yaw[split]))
        address.append(place)
        tables.append(_table(split, place, rows, nuisance[split]))
    index = pd.concat(tables, ignore_index=True)
    index.insert(0, "face", np.arange(len(index)))
    pairs = pd.DataFrame({
        "protocol": [PROTOCOLS[number] for number in plan.pairs[:, 0]],
        "pair": plan.pairs[:, 1],
        "fold": plan.pairs[:, 2],
        "a": plan.pairs[:, 3] + len(tables[TRAIN]),
        "b": plan.pairs[:, 4] + len(tables[TRAIN]),
        "same": plan.pairs[:, 5],
    })  # fmt: skip
    return RenderedSet(index, pairs, image_size, seed, _join(traits), _join(nuisance), np.concatenate(address))


def contact_sheet(*, seed: int, image_size: int, identities: int = 6) -> np.ndarray:
    """A grid of faces, uint8 (H, W, 3): one row per person; columns neutral, then ages, yaws, lights, moods."""
    _check(seed, image_size, identities, 1, 1, 2)
    columns: list[dict[str, float]] = [{}]
    columns += [{"age": age} for age in (17.0, 45.0, 62.0, 78.0)]
    columns += [{"yaw": yaw} for yaw in (-58.0, -30.0, 30.0, 58.0)]
    columns += [
        {"light_side": -60.0, "ambient": 0.3},
        {"light_side": 55.0, "light_height": 50.0, "ambient": 0.3},
    ]
    columns += [{"mood": EXPRESSIONS.index(name)} for name in ("smile", "laugh", "frown", "surprise")]
    number = np.arange(identities)
    draws = np.array([randomness.generator(seed, randomness.PEOPLE, SHEET, k).random(2) for k in number])
    # Women and men in turn, skin from light to dark.
    people = sample_identities(seed, TEST, SHEET + number, number % 2 == 1, (number + draws[:, 1]) / identities)
    person = np.repeat(number, len(columns))
    traits = {name: values[person] for name, values in people.items()}
    address = np.stack(
        [np.full(len(person), TEST), SHEET + person, np.tile(np.arange(len(columns)), identities)], axis=1
    )
    # One draw a person: what a column does not name stays as it is.
    same = np.stack([address[:, 0], address[:, 1], np.zeros(len(person), dtype=int)], axis=1)
    still = np.zeros(len(person))
    nuisance = sample_nuisance(seed, same, traits["male"] > 0, traits["style"], still + 27.0, still)
    nuisance |= dict.fromkeys((*MOODS, "glasses"), still)
    nuisance |= {"light_side": still - 25, "light_height": still + 30, "light_strength": still + 0.8}
    nuisance |= {"ambient": still + 0.42, "exposure": still + 1, "blur": still + 0.2, "noise": still + 0.008}
    nuisance |= {"style": traits["style"], "pitch": still}
    nuisance = {name: np.array(values) for name, values in nuisance.items()}
    for place, changes in enumerate(columns):
        for name, value in changes.items():
            if name == "mood":
                for part, amount in zip(MOODS, EXPRESSION_AMOUNTS[value], strict=True):
                    nuisance[part][place :: len(columns)] = amount
            else:
                nuisance[name][place :: len(columns)] = value
    images = RenderedSet(pd.DataFrame(), pd.DataFrame(), image_size, seed, traits, nuisance, address).render(
        np.arange(len(person))
    )
    grid = images.reshape(identities, len(columns), image_size, image_size, 3)
    return np.ascontiguousarray(grid.transpose(0, 2, 1, 3, 4)).reshape(identities * image_size, -1, 3)


def _shot(person: np.ndarray) -> np.ndarray:
    """Number of each image among those of its person, in order of appearance."""
    return pd.Series(person).groupby(person).cumcount().to_numpy()


def _table(split: int, place: np.ndarray, traits: dict, nuisance: dict) -> pd.DataFrame:
    name = SPLITS[split]
    return pd.DataFrame({
        "file": [f"rendered/{name}/{person:06d}-{shot:02d}" for _, person, shot in place.tolist()],
        "identity": [f"{name}-{person:06d}" for _, person, _ in place.tolist()],
        "split": name,
        "sex": np.where(traits["male"] > 0, MALE, FEMALE),
        "skin": traits["skin"],
        "age": nuisance["age"],
        "yaw": nuisance["yaw"],
        "pitch": nuisance["pitch"],
        "expression": [EXPRESSIONS[number] for number in nuisance["expression"]],
    })  # fmt: skip


def _join(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _check(seed: int, image_size: int, identities: int, images_per_identity: int, folds: int,
           pairs_per_fold: int) -> None:  # fmt: skip
    """Raise ValueError naming the first number out of range."""
    low, high = SIZES
    limits = (
        ("seed", seed, 0, None),
        ("image_size", image_size, low, high),
        ("identities", identities, 1, None),
        ("images_per_identity", images_per_identity, 1, None),
        ("folds", folds, 1, None),
        ("pairs_per_fold", pairs_per_fold, 2, None),
    )
    for name, value, least, most in limits:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise ValueError(f"{name} is {value!r}; expected a whole number")
        if value < least or (most is not None and value > most):
            expected = f"at least {least}" if most is None else f"from {least} to {most}"
            raise ValueError(f"{name} is {value}; expected {expected}")
    if pairs_per_fold % 2:
        raise ValueError(f"pairs_per_fold is {pairs_per_fold}; expected an even number, half of it same pairs")
