"""Estimates and families of comparisons are those of the plain formulas, in the units that are shown."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from pipeline.report import comparing, numbers, sentences, tables, words
from pipeline.report.comparing import Outcomes
from pipeline.report.numbers import Comparison, Measure, Place
from tests.helpers import plain_verdicts

POINTS, DECIBELS = Measure("accuracy"), Measure("PSNR", "dB", 2, scale=1)
MEASURES = {"accuracy": POINTS, "psnr": DECIBELS}
RIGHT, SHARP, PSNR = Place("accuracy", "pairs", "x8"), Place("accuracy", "pairs", "x1"), Place("psnr", "set5", "x4")
PEOPLE = np.random.default_rng(9).integers(0, 40, (60, 2))


def called(share: float, seeds: int = 3, items: int = 60) -> Outcomes:
    values = np.random.default_rng([seeds, int(100 * share)]).random((seeds, items)) < share
    return Outcomes(values, items=np.arange(items), people=PEOPLE[:items])


@pytest.fixture
def outcomes() -> dict:
    drawn = np.random.default_rng(0)
    sharp, offset = drawn.normal(30, 1, 20), drawn.normal(0, 0.01, (2, 3, 1))
    return {
        (RIGHT, "plain"): called(0.5),
        (RIGHT, "kd"): called(0.95),
        (RIGHT, "dull"): called(0.55),
        (RIGHT, "teacher"): called(0.97, seeds=1),
        (SHARP, "plain"): called(0.8),
        (SHARP, "kd"): called(0.93),
        (PSNR, "copy"): Outcomes(sharp[None] - 0.5, trained=False),
        (PSNR, "plain"): Outcomes(sharp + offset[0]),
        (PSNR, "kd"): Outcomes(
            sharp + 0.25 + offset[1] + drawn.normal(0, 0.05, (3, 20)), means=np.array([30.5, 30.75, 31])
        ),
    }


@pytest.fixture
def found(outcomes) -> numbers.Numbers:
    families = [
        [
            Comparison(RIGHT, "kd", "plain", primary=True),
            Comparison(RIGHT, "dull", "plain", "what it is of"),
            Comparison(RIGHT, "kd", "teacher"),
        ],
        [],
        [Comparison(PSNR, "kd", "plain"), Comparison(PSNR, "kd", "copy")],
    ]
    return numbers.compute(outcomes, families, MEASURES)


def table_at(outcomes: dict, place: Place, trained: bool = True) -> dict[str, np.ndarray]:
    return {name: one.values for (at, name), one in outcomes.items() if at == place and (one.trained or not trained)}


def test_an_estimate_is_of_runs_and_its_interval_of_items_and_seeds(outcomes, found):
    row, values = found.at(RIGHT, "kd"), outcomes[RIGHT, "kd"].values
    assert (row["mean"], row["seeds"], row["items"]) == (pytest.approx(100 * values.mean()), 3, 60)
    assert row["spread"] == pytest.approx(100 * values.mean(axis=1).std(ddof=1))
    expected = plain_verdicts.interval(table_at(outcomes, RIGHT), "kd", PEOPLE)
    assert (row["low"], row["high"]) == pytest.approx(tuple(100 * end for end in expected))
    psnr = found.at(PSNR, "plain")
    expected = plain_verdicts.interval(table_at(outcomes, PSNR, trained=False), "plain")
    assert (psnr["low"], psnr["high"]) == pytest.approx(expected)
    assert found.mean(PSNR, "kd") == 30.75, "a run's own figure, not the mean of its pictures"
    assert found.at(PSNR, "nobody") is None


def test_a_single_run_has_an_interval_over_items_and_no_spread(outcomes, found):
    row = found.at(RIGHT, "teacher")
    expected = plain_verdicts.interval(table_at(outcomes, RIGHT), "teacher", PEOPLE)
    assert (row["low"], row["high"]) == pytest.approx(tuple(100 * end for end in expected)) and np.isnan(row["spread"])
    (none,) = comparing.estimates({(PSNR, "kd"): Outcomes(None, means=np.array([0.25, 0.75]))}, [1])
    assert none["mean"] == 0.5 and np.isnan([none["low"], none["high"]]).all() and none["items"] == 0


def test_comparisons_are_corrected_within_their_family(outcomes, found):
    at = table_at(outcomes, RIGHT)
    raw = [
        plain_verdicts.difference(at, *pair, PEOPLE) for pair in (("kd", "plain"), ("dull", "plain"), ("kd", "teacher"))
    ]
    adjusted, verdicts = plain_verdicts.judged(raw, [True, False, False])
    table = found.compared(protocol="pairs")
    assert table["adjusted"].tolist() == pytest.approx(adjusted, nan_ok=True)
    assert table["p_value"].tolist() == pytest.approx([one.p_value for one in raw])
    assert table["difference"].tolist() == pytest.approx([100 * one.difference for one in raw])
    assert table["low"].tolist() == pytest.approx([100 * one.low for one in raw])
    assert table["verdict"].tolist() == verdicts == ["better", "not distinguishable", "one seed"]
    assert table["primary"].tolist() == [True, False, False] and found.tests(protocol="pairs") == 3
    assert found.gain(RIGHT, "dull", "plain")["question"] == "what it is of"
    assert found.gain(PSNR, "dull", "plain") is None and found.tests(protocol="nothing") == 0


def test_what_needs_no_training_has_no_seeds_to_lack(outcomes, found):
    row = found.gain(PSNR, "kd", "copy")
    expected = plain_verdicts.over_floor(table_at(outcomes, PSNR), "kd", outcomes[PSNR, "copy"].values[0])
    assert (row["difference"], row["low"], row["p_value"]) == pytest.approx(
        (expected.difference, expected.low, expected.p_value)
    )
    assert row["verdict"] == "better" and row["family"] == 1


def test_a_change_is_of_the_very_same_networks(outcomes):
    found = comparing.change(outcomes, "plain", (RIGHT, SHARP), 100)
    moved = {n: outcomes[RIGHT, n].values.astype(float) - outcomes[SHARP, n].values for n in ("plain", "kd")}
    expected = plain_verdicts.over_floor(moved, "plain", np.zeros(60), PEOPLE)
    shown = (expected.difference, expected.low, expected.high)
    assert (found.difference, found.low, found.high) == pytest.approx(tuple(100 * each for each in shown))
    assert (found.items, found.seeds) == (60, 3)


def test_seeds_that_scatter_hide_an_effect_and_steady_ones_show_it():
    """Three points of 600 pairs, once in one lucky seed of three, once in all of them."""
    base = np.random.default_rng(1).random(600) < 0.8
    wrong = np.flatnonzero(~base)
    raised = np.tile(base, (3, 1))
    lucky, sound = raised.copy(), raised.copy()
    lucky[0, wrong[:72]] = True
    for seed in range(3):
        sound[seed, wrong[seed : seed + 24]] = True
    for values, expected in ((lucky, "not distinguishable"), (sound, "better")):
        table = {(RIGHT, "kd"): Outcomes(values), (RIGHT, "plain"): Outcomes(raised)}
        (row,) = comparing.family(table, [((RIGHT, "kd"), (RIGHT, "plain"))], [100]).to_dict("records")
        assert row["difference"] == pytest.approx(4, abs=0.01) and row["verdict"] == expected
        assert (row["visible"] > row["difference"]) == (expected != "better")


def test_items_that_tell_nothing_of_their_variance_give_no_interval_and_no_verdict():
    """One picture, or pairs that all show one person."""
    for values, people in ((np.array([[30.0], [31.0]]), None), (np.ones((2, 5)), np.zeros((5, 2), int))):
        one, other = Outcomes(values, people=people), Outcomes(values - 1, people=people)
        table = {(PSNR, "kd"): one, (PSNR, "plain"): other, (PSNR, "copy"): dataclasses.replace(other, trained=False)}
        pairs = [((PSNR, "kd"), (PSNR, name)) for name in ("plain", "copy")]
        for row in comparing.family(table, pairs, [1, 1]).to_dict("records"):
            assert (row["difference"], row["verdict"], row["low"]) == (1, "not distinguishable", -math.inf)
            assert "unknown" in sentences.outcome(row, DECIBELS) and "unknown" in tables.difference(row)
        assert np.isnan(comparing.estimates(table, [1, 1, 1])[0]["low"])
    assert comparing.share(np.ones(1, bool)) == (0, 100)


def test_what_is_not_of_the_same_items_cannot_be_compared():
    table = {(RIGHT, "kd"): called(0.9), (RIGHT, "plain"): dataclasses.replace(called(0.5), items=np.arange(1, 61))}
    with pytest.raises(ValueError, match="other items"):
        comparing.family(table, [((RIGHT, "kd"), (RIGHT, "plain"))], [1])
    table[RIGHT, "plain"] = Outcomes(None, means=np.ones(2))
    with pytest.raises(ValueError, match="without items"):
        comparing.family(table, [((RIGHT, "kd"), (RIGHT, "plain"))], [1])


def test_equal_methods_are_equivalent_within_a_margin_and_never_without_one():
    draw = np.random.default_rng(4)
    base = draw.normal(30, 1, 40)
    values = {name: base + draw.normal(0, 0.002, (4, 1)) + draw.normal(0, 0.01, (4, 40)) for name in ("kd", "plain")}
    table = {(PSNR, name): Outcomes(each) for name, each in values.items()}
    families = [[Comparison(PSNR, "kd", "plain")]]
    for margin, expected in ((0.05, "equivalent"), (0.0005, words.NULL), (None, words.NULL)):
        row = numbers.compute(table, families, MEASURES, {"psnr": margin}).gain(PSNR, "kd", "plain")
        assert row["verdict"] == expected and (row["margin"] == margin or margin is None and np.isnan(row["margin"]))
    # A margin is in the unit that is shown: points of accuracy, not shares.
    right = np.tile(np.arange(4000) % 5 > 0, (3, 1))
    other = right.copy()
    for seed in range(3):
        other[seed, 5 * (20 * seed + np.arange(20))] = True
        other[seed, 5 * (20 * seed + np.arange(20)) + 1] = False
    table = {(RIGHT, "kd"): Outcomes(right), (RIGHT, "plain"): Outcomes(other)}
    for margin, expected in ((1.0, "equivalent"), (0.1, words.NULL)):
        found = numbers.compute(table, [[Comparison(RIGHT, "kd", "plain")]], MEASURES, {"accuracy": margin})
        assert found.gain(RIGHT, "kd", "plain")["verdict"] == expected


ROW = {
    "difference": 0.25, "low": 0.125, "high": 0.375, "adjusted": 0.0004, "verdict": "better", "visible": 0.5,
    "primary": True, "margin": 0.75,
}  # fmt: skip


@pytest.mark.parametrize(("changes", "said", "shown"), [
    (
        {},
        "+0.25 dB (95 % interval +0.12 to +0.38; p < 0.001 after correction, primary), better",
        "+0.25\nbetter\n+0.12 to +0.38\np < 0.001, primary",
    ),
    (
        {"verdict": words.NULL, "low": -0.25, "adjusted": 0.2, "primary": False},
        "+0.25 dB (95 % interval −0.25 to +0.38; p = 0.20 after correction), not distinguishable (a difference of 0.50 dB"
        " would have been found in 80 of 100 repetitions)",
        "+0.25\nnot distinguishable\n−0.25 to +0.38\np = 0.20\n0.50 would be found",
    ),
    (
        {"verdict": words.EQUAL, "low": -0.25, "adjusted": 0.2},
        "+0.25 dB (95 % interval −0.25 to +0.38; p = 0.20 after correction, primary), equivalent within 0.75 dB",
        "+0.25\nequivalent within 0.75\n−0.25 to +0.38\np = 0.20, primary",
    ),
    (
        {"verdict": words.ONE_SEED, "adjusted": math.nan},
        "+0.25 dB (95 % interval +0.12 to +0.38; of these two networks), one seed, no verdict on methods",
        "+0.25\none seed\n+0.12 to +0.38",
    ),
])  # fmt: skip
def test_sentences_and_cells_say_the_row(changes, said, shown):
    assert sentences.outcome(ROW | changes, DECIBELS) == said
    assert tables.difference(ROW | changes, 2) == shown


def test_many_comparisons_are_counted(found):
    table = found.compared(protocol="pairs")
    assert sentences.tally(table) == "1 better, 0 worse, 1 not distinguishable and 1 of one seed, without a verdict"
    assert sentences.tally(table.iloc[:2]) == "1 better, 0 worse and 1 not distinguishable"
    assert sentences.tally(table.iloc[2:]) == "1 of one seed, without a verdict"
    assert sentences.each(table, ["kd", "dull", "on"], POINTS).endswith(
        "of these two networks), one seed, no verdict on methods"
    )
    many = table.iloc[[0, 1, 1, 1, 1]]
    said = sentences.each(many, list("abcde"), POINTS)
    assert said.startswith("of 5, 1 better, 0 worse and 4 not distinguishable; highest a +")


def test_captions_say_what_was_sampled(found):
    table = found.compared(protocol="pairs")
    basis = {"items": 60, "noun": "pair", "seeds": 3, "people": sentences.shared_people(True), "primary": "those at x8"}
    text = sentences.how_tested(POINTS, table.iloc[:2], **basis)
    for words_ in (
        "p corrected after Holm for the 2 comparisons in this table (the same 60 pairs, 3 seeds each)",
        "Both pairs and seeds are sampled",
        "Pairs that share a person are not counted as independent.",
        "degrees of freedom after Satterthwaite",
        "Primary, named beforehand: those at x8, corrected among themselves; all others are exploratory.",
        "the difference that would have been found in 80 of 100 repetitions",
    ):
        assert words_ in text
    assert "One seed" not in text and "Equivalent" not in text
    assert "One seed: the interval samples pairs alone" in sentences.how_tested(POINTS, table, **basis)
    alone = sentences.how_tested(POINTS, table.iloc[2:], **basis)
    assert "no verdict on methods" in alone and "Holm" not in alone and "Satterthwaite" not in alone
    margin = table.iloc[:2].assign(margin=[1.0, math.nan], primary=False)
    text = sentences.how_tested(POINTS, margin, **basis)
    assert "smaller than 1.0 points, a margin named beforehand" in text and "All are exploratory." in text
    assert "Whom the pictures show is not known" in sentences.shared_people(False)


def test_where_the_verdict_stands_in_a_sentence():
    assert [words.than(word, "plain") for word in words.VERDICTS] == [
        "better than plain",
        "worse than plain",
        "equivalent to plain",
        "not distinguishable from plain",
        "beside plain in one seed, which gives no verdict",
    ]
    assert pd.Series(words.VERDICTS).is_unique
    null = ROW | {"verdict": words.NULL}
    assert sentences.verdict_than(ROW, "plain", DECIBELS) == "better than plain"
    assert sentences.verdict_than(null, "plain", DECIBELS).startswith(
        "not distinguishable from plain (a difference of 0.50 dB"
    )
    assert words.between(math.nan, math.nan) == words.between(-math.inf, math.inf, sign=True) == "unknown"
