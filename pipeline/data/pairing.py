"""Draws people to hold out and pairs of their photos to verify, where no list says which.

Everything follows from the seed, the people's names and how many photos each has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.errors import InputError

PEOPLE, DEALING, DRAWING = range(3)  # what a stream of random numbers is for


def hold_out(counts: Mapping[str, int], share: float, folds: int, seed: int, name: str) -> list[str]:
    """The people to verify: ``share`` of those with two or more photos, drawn evenly; sorted.

    ``counts`` is the number of photos per person, ``name`` what messages call the photos. Raises InputError where
    that is too few for ``folds``, two per fold.
    """
    able = sorted(person for person, count in counts.items() if count > 1)
    needed, number = 2 * folds, math.floor(share * len(able) + 0.5)
    if len(able) < needed + 2:
        raise InputError(
            f"{name}: {_people(len(able))} with two or more photos, expected {needed + 2} or more: two to hold out"
            f" for each of {folds} folds, and two to train on"
        )
    if number < needed:
        fewer = f"ask for folds: {number // 2}, or " if number >= 4 else ""
        raise InputError(
            f"{name}: test_share = {share:g} of {len(able)} people with two or more photos holds out {number}, expected"
            f" {needed} or more: two for each of {folds} folds ({fewer}raise test_share to"
            f" {math.ceil(1000 * needed / len(able)) / 1000:g}, which leaves {len(able) - needed} of them to train on)"
        )
    random = np.random.default_rng([seed, PEOPLE])
    return sorted(able[k] for k in random.choice(len(able), number, replace=False))


def deal(counts: Mapping[str, int], folds: int, seed: int, name: str) -> dict[str, int]:
    """The fold of each person: dealt round, those with most photos first, in random order where equal.

    Each fold gets two people or more, one with two photos or more. Raises InputError where there are too few.
    """
    able = sum(count > 1 for count in counts.values())
    if len(counts) < 2 * folds or able < folds:
        raise InputError(
            f"{name}: {_people(len(counts))} to verify, {able} with two or more photos, expected {2 * folds} or"
            f" more, {folds} of them with two or more photos: two for each of {folds} folds"
        )
    order = np.random.default_rng([seed, DEALING]).permutation(len(counts))
    people = [sorted(counts)[k] for k in order]
    people.sort(key=lambda person: -counts[person])
    return {person: place % folds for place, person in enumerate(people)}


def draw(photos: Mapping[str, Sequence[int]], most: int, seed: int, fold: int) -> list[tuple[int, int, bool]]:
    """Pairs (a, b, same) of a fold's people, whose ``photos`` are given: ``most`` at most, half of them same.

    Same pairs are spread evenly over people with two or more photos: nobody has two more than another whose
    pairs are not used up. Different pairs are spread likewise over pairs of people. No pair comes twice. Where
    one kind has too few, the other has as few.
    """
    random = np.random.default_rng([seed, DRAWING, fold])
    people = sorted(photos)
    sizes = np.array([len(photos[person]) for person in people], dtype=np.int64)
    same_room = sizes * (sizes - 1) // 2
    different_room = (sizes.sum() ** 2 - np.square(sizes).sum()) // 2
    half = int(min(most // 2, same_room.sum(), different_room))
    if not half:
        return []
    pairs = []
    for person, quota in zip(people, _spread(same_room, half, random)):
        for number in random.choice(math.comb(len(photos[person]), 2), quota, replace=False).tolist():
            i, j = _couple(number)
            pairs.append((photos[person][i], photos[person][j], True))
    couples = math.comb(len(people), 2)
    # Where there are more couples of people than pairs to draw, a couple gives one at most.
    chosen = np.sort(random.choice(couples, min(half, couples), replace=False)).tolist()
    chosen = [_couple(number) for number in chosen]
    room = np.array([sizes[i] * sizes[j] for i, j in chosen], dtype=np.int64)
    for (i, j), quota in zip(chosen, _spread(room, half, random)):
        first, second = photos[people[i]], photos[people[j]]
        for number in random.choice(len(first) * len(second), quota, replace=False).tolist():
            pairs.append((first[number // len(second)], second[number % len(second)], False))
    return pairs


def deal_pairs(same: Sequence[bool], folds: int, name: str) -> list[int]:
    """The fold of each pair of a list that has none: same pairs dealt round in order, and different pairs too.

    Raises InputError where that leaves a fold without same or without different pairs.
    """
    count = [0, 0]
    result = []
    for kind in same:
        result.append(count[kind] % folds)
        count[kind] += 1
    if min(count) < folds:
        raise InputError(
            f"{name}: {count[True]} same and {count[False]} different pairs, expected {folds} or more of each for"
            f" {folds} folds"
        )
    return result


def number_folds(folds: Sequence[int], same: Sequence[bool], name: str) -> list[int]:
    """A list's own folds, counted from 0 without gaps: lists begin with 0 or with 1.

    Raises InputError where there is only one fold, or a fold without same or without different pairs.
    """
    count = {fold: [0, 0] for fold in sorted(set(folds))}
    for fold, kind in zip(folds, same):
        count[fold][kind] += 1
    if len(count) < 2:
        raise InputError(f"{name}: one fold, expected two or more: the others give the threshold")
    for fold, (different, alike) in count.items():
        if not different or not alike:
            raise InputError(
                f"{name}: fold {fold} has {alike} same and {different} different pairs, expected some of each"
            )
    number = {fold: place for place, fold in enumerate(count)}
    return [number[fold] for fold in folds]


def _people(count: int) -> str:
    return "one person" if count == 1 else f"{count} people"


def _couple(number: int) -> tuple[int, int]:
    """The couple i < j that is ``number``th among (0, 1), (0, 2), (1, 2), (0, 3), ..."""
    j = (1 + math.isqrt(1 + 8 * number)) // 2
    return number - j * (j - 1) // 2, j


def _spread(room: np.ndarray, total: int, random: np.random.Generator) -> list[int]:
    """``total`` dealt evenly over places that hold ``room`` each; who gets one more is drawn."""
    order = random.permutation(len(room))
    taken = np.zeros(len(room), dtype=np.int64)
    while total:
        open_ = order[taken[order] < room[order]]
        if len(open_) > total:
            open_ = open_[:total]
        taken[open_] += 1
        total -= len(open_)
    return taken.tolist()
