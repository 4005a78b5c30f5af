"""Pairs of a sharp and a poor face: the protocol of verification with another embedding for each side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.data.faceset import paired_faces
from pipeline.face_measures import validated
from pipeline.metrics.verification import verify
from pipeline.tasks.recognition.judging import SCORE_COLUMNS, judge_pairs, sharp_to_poor

MEASURES = validated({"auc": {}})


def made(people: int = 12):
    """A table of pairs among three photos of each person, who they are, and embeddings at two qualities."""
    generator = np.random.default_rng(0)
    person = np.repeat(np.arange(people), 3)
    rows = []
    for one in range(people):
        rows += [("age", 2 * one, one % 3, 3 * one, 3 * one + 1, True)]
        rows += [("age", 2 * one + 1, one % 3, 3 * one, (3 * one + 5) % (3 * people), False)]
    table = pd.DataFrame(rows, columns=["protocol", "pair", "fold", "a", "b", "same"])
    centres = generator.normal(size=(people, 8))
    sharp = centres[person] + 0.5 * generator.normal(size=(len(person), 8))
    poor = centres[person] + 1.5 * generator.normal(size=(len(person), 8))
    return table, person, sharp, poor


def test_the_first_is_sharp_and_the_second_poor():
    """Against each fold done by hand: the mean of the other folds' sharp first and poor second faces is taken off."""
    table, person, sharp, poor = made()
    faces = paired_faces(table)
    rows, scores = judge_pairs(*sharp_to_poor(table, person, faces, sharp[faces], poor[faces]), "x4", MEASURES)
    wanted = np.empty((3, len(table)))
    for fold in range(3):
        others = table[table["fold"] != fold]
        mean = np.concatenate([sharp[others["a"]], poor[others["b"]]]).mean(axis=0)
        x, y = sharp[table["a"]] - mean, poor[table["b"]] - mean
        wanted[fold] = (x * y).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    result = verify(wanted, table["same"].to_numpy(), table["fold"].to_numpy())
    np.testing.assert_allclose(scores["score"], result.scores, atol=1e-12)
    assert scores["correct"].tolist() == result.correct.astype(int).tolist()
    assert list(scores) == SCORE_COLUMNS and set(scores["protocol"]) == {"age, sharp to poor"}
    assert scores["person_a"].tolist() == (table["a"] // 3).tolist()
    assert scores["person_b"].tolist() == (table["b"] // 3).tolist()
    measured = {row["metric"]: row["value"] for row in rows}
    assert measured["accuracy"] == result.accuracy and {row["condition"] for row in rows} == {"x4"}


def test_of_equal_qualities_it_is_the_plain_protocol():
    table, person, sharp, _ = made()
    faces = paired_faces(table)
    crossed = judge_pairs(*sharp_to_poor(table, person, faces, sharp[faces], sharp[faces]), "x1", MEASURES)[1]
    plain = judge_pairs(table, person, sharp[faces], faces, "x1", MEASURES)[1]
    pd.testing.assert_frame_equal(crossed.drop(columns="protocol"), plain.drop(columns="protocol"))
