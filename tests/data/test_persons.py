"""Who a face shows: people by name, and made-up people joined where a picture tells that they are one."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from pipeline.data.faceset import FaceSet, read_notes, read_tables, write
from pipeline.data.persons import NOBODY, groups, persons
from pipeline.errors import InputError
from tests.helpers.face_sets import places


def test_people_are_numbered_and_nobody_is_nobody():
    assert persons(["b", "", "a", "b"]).tolist() == [1, NOBODY, 0, 1]
    assert persons([]).tolist() == []


def test_groups_are_those_of_plain_joining():
    """Against repeated joining of sets, on random people and pictures."""
    generator = np.random.default_rng(0)
    for _ in range(50):
        count = int(generator.integers(1, 30))
        numbers, pictures = generator.integers(0, 15, count), generator.integers(0, 20, count).astype(np.uint64)
        sets = [{row} for row in range(count)]
        joined = True
        while joined:
            joined = False
            for one, other in itertools.combinations(sets, 2):
                if any(numbers[a] == numbers[b] or pictures[a] == pictures[b] for a in one for b in other):
                    one |= other
                    sets.remove(other)
                    joined = True
                    break
        result = groups(persons([f"{number:02d}" for number in numbers]), pictures)
        assert {frozenset(np.flatnonzero(result == group)) for group in set(result)} == set(map(frozenset, sets))


def test_an_index_says_who_shares_a_picture_where_people_are_unknown(tmp_path):
    """Four pairs as a .bin has them, the first picture of the last being that of the first: its people are one group."""
    people = ["0", "0", "1", "1 other", "2", "2", "3", "3 other"]
    index = pd.DataFrame(
        {"face": range(8), "file": [f"{n}.png" for n in range(8)], "identity": people, "split": "test"}
    )
    rows = [("cfp", n, n // 2, 2 * n, 2 * n + 1, n % 2 == 0) for n in range(4)]
    pairs = pd.DataFrame(rows, columns=["protocol", "pair", "fold", "a", "b", "same"])
    pictures = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1), dtype=np.uint8)
    pictures[6] = pictures[0]
    for known in (False, True):
        where = places(tmp_path / str(known))
        write(FaceSet(index, pairs, lambda: iter([pictures]), 1, "a bin", test_people=known), **where)
        person = read_tables(where["index"], where["pairs"])[0]["person"].tolist()
        assert read_notes(where["notes"]).people_known == known
        assert person[0] == person[1] and len({person[0], person[2], person[3], person[4], person[7]}) == 5
        assert (person[6] == person[0]) == (not known)


def test_a_table_of_the_users_own_needs_no_such_column(tmp_path):
    where = places(tmp_path)
    write(FaceSet(*_one_pair(), 1, "some faces"), **where)
    table = pd.read_csv(where["index"]).drop(columns="person")
    table.to_csv(where["index"], index=False)
    assert read_tables(where["index"], where["pairs"])[0]["person"].tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("person", "line"),
    [
        ([0, 1, 2, 3], "row 2: person 1 of 'x', who has another number before"),
        ([0, 0, -1, 2], "row 3: person -1, expected 0 or more"),
        ([0, 0, 1.5, 2], "row 3: person 1.5, expected a whole number"),
        ([0.0, 0.0, 1e30, 2.0], "person holds float64, expected whole numbers"),
    ],
)
def test_numbers_that_contradict_the_names_are_refused(tmp_path, person, line):
    where = places(tmp_path)
    write(FaceSet(*_one_pair(), 1, "some faces"), **where)
    pd.read_csv(where["index"]).assign(person=person).to_csv(where["index"], index=False)
    with pytest.raises(InputError, match=re.escape(line)):
        read_tables(where["index"], where["pairs"])


def _one_pair():
    index = pd.DataFrame({"face": range(4), "file": list("abcd"), "identity": list("xxyz"), "split": "test"})
    pairs = pd.DataFrame(
        [("p", 0, 0, 0, 1, True), ("p", 1, 0, 2, 3, False)], columns=["protocol", "pair", "fold", "a", "b", "same"]
    )
    return index, pairs, lambda: iter([np.zeros((4, 4, 4, 1), np.uint8)])
