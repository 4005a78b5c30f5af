"""Which test images exist and which pairs of them are compared.

Both protocols ask, as the real cross-age and cross-pose benchmarks do, whether two photographs show one
person when the person has changed, and set against them strangers who look alike at first sight. Test people
come in small groups of the same sex, a close skin tone, the same natural hair colour and close ages; different
pairs are only drawn inside a group, so that what a few pixels still show does not tell them apart. Every image
stands in one same pair and one different pair (but for the group of three of an odd number), so that no age,
pose or quality is more usual in one kind than in the other. In ``cross_age`` the different pairs are alike in
age, as strangers are most easily confused; in ``cross_pose`` they have the same yaw gaps as the same pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.data.rendering import randomness
from pipeline.data.rendering.nuisance import AGE_RANGE, YAW_RANGE

PROTOCOLS = ("cross_age", "cross_pose")
# Same pairs of cross_age are at least this many years apart ...
MIN_AGE_GAP = 25.0
# ... and the two images of any different pair, and of a same pair of cross_pose, at most this many.
MAX_AGE_GAP_ALIKE = 6.0
# All pairs of cross_pose, same and different, are at least this many degrees of yaw apart.
MIN_YAW_GAP = 45.0
# Faces of cross_age are turned by at most this many degrees.
MAX_YAW_CROSS_AGE = 28.0
# The people of a different pair differ in skin (0..1) by at most this much and have the same sex.
MAX_SKIN_GAP = 0.05

AGE_SPREAD = MAX_AGE_GAP_ALIKE / 2  # of one person around the age of the group, to each side
YAW_SPREAD = 4.0  # degrees, to each side


@dataclass(frozen=True)
class Plan:
    """Test people and images. ``person`` numbers rows of the people, ``shot`` the images of one person."""

    male: np.ndarray  # (people,) bool
    skin: np.ndarray  # (people,)
    hair: np.ndarray  # (people,) 0..1, picks the natural hair colour
    person: np.ndarray  # (images,)
    age: np.ndarray  # (images,)
    yaw: np.ndarray  # (images,)
    pairs: np.ndarray  # (pairs, 6) int: protocol, pair, fold, image a, image b, same


def plan_test(seed: int, folds: int, pairs_per_fold: int) -> Plan:
    """The test people, their images and the pairs of both protocols.

    A fold has one person per same pair, in groups of two (and a group of three where the number is odd), and two
    images of each person per protocol: 2 x ``pairs_per_fold`` images for both.
    """
    half = pairs_per_fold // 2
    people = max(2, half)
    male, skin, hair, person, age, yaw, pairs = [], [], [], [], [], [], []
    for fold in range(folds):
        random = randomness.generator(seed, randomness.PLAN, fold)
        groups = _groups(people)
        group_of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        male.append((random.permutation(len(groups)) % 2 == 0)[group_of])
        base = random.random(len(groups))[group_of]
        skin.append(np.clip(base + (random.random(people) - 0.5) * MAX_SKIN_GAP, 0, 1))
        hair.append(random.random(len(groups))[group_of])
        for number, protocol in enumerate(PROTOCOLS):
            ages, yaws = (_cross_age if protocol == "cross_age" else _cross_pose)(random, group_of)
            chosen = _fold_pairs(groups, half, crossed=protocol == "cross_pose")
            used = np.unique([image for a, b, _ in chosen for image in (a, b)])
            first = sum(len(part) for part in person)
            place = {image: first + k for k, image in enumerate(used.tolist())}
            person.append(fold * people + used // 2)
            age.append(ages.reshape(-1)[used])
            yaw.append(yaws.reshape(-1)[used])
            order = random.permutation(len(chosen))
            for k, row in enumerate(order.tolist()):
                a, b, same = chosen[row]
                if random.random() < 0.5:
                    a, b = b, a
                pairs.append((number, fold * pairs_per_fold + k, fold, place[a], place[b], same))
    pairs = np.array(pairs, dtype=np.int64)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    join = np.concatenate
    return Plan(join(male), join(skin), join(hair), join(person), join(age), join(yaw), pairs)


def _groups(people: int) -> list[range]:
    """People of one fold in twos, the last three together where the number is odd."""
    starts = list(range(0, people - people % 2, 2))
    ends = [*starts[1:], people]
    return [range(start, end) for start, end in zip(starts, ends, strict=True)]


def _fold_pairs(groups: list[range], half: int, *, crossed: bool) -> list[tuple[int, int, int]]:
    """(image, image, same) of one fold; person p has the images 2 p (first state) and 2 p + 1 (second state).

    Different pairs go around each group: in the same state, first and second in turn, or ``crossed`` from the
    first state of one person to the second of the next.
    """
    same = [(2 * p, 2 * p + 1, 1) for group in groups for p in group][:half]
    different = []
    for group in groups:
        for turn, p in enumerate(group):
            following = group[(turn + 1) % len(group)]
            state = turn % 2
            different.append((2 * p, 2 * following + 1, 0) if crossed else (2 * p + state, 2 * following + state, 0))
    return same + different[:half]


def _cross_age(random: np.random.Generator, group_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ages and yaws (people, 2): a young and an old image of each person, near the front."""
    groups = group_of.max() + 1
    low, high = AGE_RANGE[0] + AGE_SPREAD, AGE_RANGE[1] - AGE_SPREAD
    least = MIN_AGE_GAP + 2 * AGE_SPREAD
    young = low + random.random(groups) * 14
    old = young + least + random.random(groups) * np.minimum(high - young - least, 22)
    ages = np.stack([young, old], axis=1)[group_of]
    ages = ages + (random.random(ages.shape) - 0.5) * 2 * AGE_SPREAD
    return ages, (random.random(ages.shape) - 0.5) * 2 * MAX_YAW_CROSS_AGE


def _cross_pose(random: np.random.Generator, group_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ages and yaws (people, 2): one age, two poses far apart, the same poses for the whole group."""
    groups = group_of.max() + 1
    low, high = AGE_RANGE[0] + AGE_SPREAD, AGE_RANGE[1] - AGE_SPREAD
    age = low + random.random(groups) * (high - low)
    ages = age[group_of, None] + (random.random((len(group_of), 2)) - 0.5) * 2 * AGE_SPREAD
    limit = YAW_RANGE[1] - YAW_SPREAD
    least = MIN_YAW_GAP + 2 * YAW_SPREAD
    # From near the front to one side: the far end within the limit, the near end at least the gap before it.
    far = least - 8 + random.random(groups) * (limit - least + 8)
    near = far - least - random.random(groups) * 12
    side = np.where(random.random(groups) < 0.5, -1.0, 1.0)
    swap = random.random(groups) < 0.5
    first, second = np.where(swap, far, near) * side, np.where(swap, near, far) * side
    yaws = np.stack([first, second], axis=1)[group_of]
    return ages, yaws + (random.random(yaws.shape) - 0.5) * 2 * YAW_SPREAD
