"""Estimates and families of comparisons are those of pipeline.metrics.statistics, in the units that are shown."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pipeline.metrics import statistics
from pipeline.report import comparing, numbers, sentences
from pipeline.report.comparing import Outcomes
from pipeline.report.numbers import Comparison, Measure, Place

POINTS, DECIBELS = Measure("accuracy"), Measure("PSNR", "dB", 2, scale=1)
MEASURES = {"accuracy": POINTS, "psnr": DECIBELS}
RIGHT, PSNR = Place("accuracy", "pairs", "x8"), Place("psnr", "set5", "x4")


def called(share: float, seeds: int = 2, items: int = 60) -> Outcomes:
    values = np.random.default_rng([seeds, int(100 * share)]).random((seeds, items)) < share
    return Outcomes(values, items=np.arange(items))


@pytest.fixture
def outcomes() -> dict:
    sharp = np.random.default_rng(0).normal(30, 1, (2, 20))
    return {
        (RIGHT, "plain"): called(0.5),
        (RIGHT, "kd"): called(0.95),
        (RIGHT, "dull"): called(0.55),
        (PSNR, "plain"): Outcomes(sharp),
        (PSNR, "kd"): Outcomes(sharp + 0.25, means=np.array([30.5, 30.75])),
    }


@pytest.fixture
def found(outcomes) -> numbers.Numbers:
    families = [
        [Comparison(RIGHT, "kd", "plain"), Comparison(RIGHT, "dull", "plain", "what it is of")],
        [],
        [Comparison(PSNR, "kd", "plain")],
    ]
    return numbers.compute(outcomes, families, MEASURES)


def test_an_estimate_is_of_runs_and_its_interval_of_items(outcomes, found):
    row, values = found.at(RIGHT, "kd"), outcomes[RIGHT, "kd"].values
    assert (row["mean"], row["seeds"], row["items"]) == (pytest.approx(100 * values.mean()), 2, 60)
    assert row["spread"] == pytest.approx(100 * values.mean(axis=1).std(ddof=1))
    assert (row["low"], row["high"]) == tuple(100 * end for end in statistics.bootstrap_interval(values))
    assert found.mean(PSNR, "kd") == 30.625, "a run's own figure, not the mean of its pictures"
    assert found.at(PSNR, "nobody") is None


def test_a_single_run_has_the_interval_of_its_evaluation_and_no_spread():
    alone = dataclasses.replace(called(0.8, seeds=1), interval=(0.7, 0.9))
    row = comparing.estimate(alone, scale=100)
    assert (row["low"], row["high"]) == (70, 90) and np.isnan(row["spread"])
    none = comparing.estimate(Outcomes(None, means=np.array([0.25, 0.75])))
    assert none["mean"] == 0.5 and np.isnan([none["low"], none["high"]]).all() and none["items"] == 0


def test_comparisons_are_corrected_within_their_family(outcomes, found):
    pairs = [(outcomes[RIGHT, name].values, outcomes[RIGHT, "plain"].values) for name in ("kd", "dull")]
    raw = [statistics.paired_difference(*pair) for pair in pairs]
    table = found.compared(protocol="pairs")
    assert table["adjusted"].tolist() == statistics.holm([one.p_value for one in raw]).tolist()
    assert table["difference"].tolist() == [100 * one.difference for one in raw]
    assert table["verdict"].tolist() == ["better", "not distinguishable"] and found.tests(protocol="pairs") == 2
    alone = found.gain(PSNR, "kd", "plain")
    assert alone["adjusted"] == alone["p_value"] and alone["family"] == 1 and found.tests(protocol="set5") == 1
    assert (
        found.gain(RIGHT, "dull", "plain")["question"] == "what it is of" and found.gain(PSNR, "dull", "plain") is None
    )
    assert found.tests(protocol="nothing") == 0


def test_what_is_not_of_the_same_items_cannot_be_compared():
    other = dataclasses.replace(called(0.5), items=np.arange(1, 61))
    with pytest.raises(ValueError, match="other items"):
        comparing.change(called(0.9), other)
    with pytest.raises(ValueError, match="without items"):
        comparing.change(called(0.9), Outcomes(None, means=np.ones(2)))


def test_sentences_say_the_row(found):
    row = found.gain(PSNR, "kd", "plain")
    assert sentences.gain(row, DECIBELS) == "+0.25 dB (95 % interval +0.25 to +0.25; p < 0.001 after correction)"
    table = found.compared(protocol="pairs")
    assert sentences.tally(table) == "1 better, 0 worse and 1 not distinguishable"
    assert sentences.each(table, ["kd", "dull"], POINTS).endswith("after correction), not distinguishable")
    many = table.iloc[[0, 1, 1, 1, 1]]
    said = sentences.each(many, list("abcde"), POINTS)
    assert said.startswith("of 5, 1 better, 0 worse and 4 not distinguishable; highest a +")


def test_with_few_items_it_is_said_that_nothing_could_come_out():
    assert comparing.least_p(5) == 0.0625 and comparing.least_p(5, tests=6) == 0.375 and comparing.least_p(5, 99) == 1
    (said,) = sentences.too_few(5, "picture", tests=6)
    assert said.startswith("With 5 pictures no difference could have come out") and said.endswith("0.38.")
    assert sentences.too_few(5, "picture", tests=0) == sentences.too_few(500, "picture", tests=6) == []
    how = {"tests": 6, "items": 5, "noun": "picture", "called": False}
    assert "it cannot give less than p = 0.38" in sentences.how_tested(DECIBELS, **how, seeds=3)
    one, several = (sentences.how_tested(POINTS, tests=2, items=600, noun="pair", seeds=seeds) for seeds in (1, 2))
    assert "McNemar's test, exact" in one and "cannot tell a method from a lucky start" in one
    assert "speaks of these trained networks" in several and "McNemar" not in several
