"""Rates, curves and areas with people drawn again, against plain loops and many draws of people."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from pipeline.errors import InputError
from pipeline.metrics.auc import placements
from pipeline.metrics.error_rates import fmr_variance, fnmr_variance
from pipeline.metrics.persons import Kept, roc_band
from pipeline.metrics.verdicts.difference import differences
from pipeline.metrics.verdicts.mean import means, rate_interval
from pipeline.metrics.verdicts.sharing import sharing
from pipeline.metrics.verification import area_under_roc, tar_at_far


def test_fogliatos_variances_by_plain_loops():
    draw = np.random.default_rng(0)
    persons = 9
    for positive in (True, False):
        who = np.sort(np.array([draw.choice(persons, 2, replace=False) for _ in range(60)]), axis=1)
        errors = draw.random(60) < 0.3
        if positive:
            errors |= (who == 2).any(axis=1)  # a person that many are taken for
        rate, y = errors.mean(), np.zeros((persons, persons))
        for (i, j), error in zip(who.tolist(), errors, strict=True):
            y[i, j] += error - rate
            y[j, i] += error - rate
        squares = sum(y[i, j] ** 2 for i in range(persons) for j in range(persons))
        cross = sum(y[i, j] * y[i, k] for i in range(persons) for j in range(persons) for k in range(persons) if j != k)
        expected = (2 * squares + 4 * max(0.0, cross)) / 120**2
        assert fmr_variance(errors, draw.permutation(100)[who]) == pytest.approx(expected)
        if cross > 0:
            shared = sharing(60, who)
            assert shared.variance(errors[:, None])[0] == pytest.approx(expected * shared.correction)

    person, errors = draw.integers(7, size=50), draw.random(50) < 0.4
    expected = sum(sum(errors[k] - errors.mean() for k in range(50) if person[k] == i) ** 2 for i in range(7)) / 50**2
    assert fnmr_variance(errors, person) == pytest.approx(expected)


def wilson(successes: float, n: int) -> tuple[float, float]:
    return proportion_confint(successes, n, method="wilson")


def test_wilson_with_an_effective_number():
    error = math.sqrt(0.2 * 0.8 / 37)
    assert rate_interval(0.2, error, norm.ppf(0.975), 1000) == pytest.approx(wilson(7.4, 37))
    # No error among 50: as independent ones, 0 below.
    assert rate_interval(0.0, 0.0, norm.ppf(0.975), 50) == pytest.approx(wilson(0, 50))
    assert rate_interval(1.0, 0.0, norm.ppf(0.975), 50)[1] == 1
    # Never more than the items that there are.
    assert rate_interval(0.2, 1e-9, norm.ppf(0.975), 40) == pytest.approx(wilson(8, 40))


def test_means_of_a_table_hold_the_truth():
    draw = np.random.default_rng(1)
    inside = []
    for _ in range(300):
        people = draw.integers(40, size=120)
        easy = draw.normal(size=40)[people] * 0.5 + draw.normal(size=120)
        noise = 0.1 * draw.normal(size=(4, 3, 1)) + 0.7 * draw.normal(size=(4, 3, 120))
        found = means(dict(enumerate((easy + noise > -0.8).astype(float))), people=people, rates=True)
        truth = norm.cdf(0.8 / np.sqrt(1 + 0.25 + 0.49 + 0.01))
        inside += [one.low <= truth <= one.high for one in found.values()]
    assert 0.92 <= np.mean(inside) <= 0.985


def test_one_network_has_an_interval_over_items():
    values = np.random.default_rng(2).normal(size=30)
    found = means({"teacher": values})["teacher"]
    assert (
        found.trainings == 1 and math.isnan(found.spread) and found.error == pytest.approx(values.std(ddof=1) / 30**0.5)
    )


def test_placements_are_delongs():
    draw = np.random.default_rng(3)
    same = draw.random(80) < 0.4
    scores = np.round(draw.normal(size=80) + same, 1)  # with ties
    found = placements(scores, same)
    assert found.mean() == pytest.approx(roc_auc_score(same, scores))
    wins = np.array([[(a > b) + 0.5 * (a == b) for b in scores[~same]] for a in scores[same]])
    n, m = wins.shape
    expected = wins.mean(axis=1).var() / n + wins.mean(axis=0).var() / m
    assert found.var() / 80 == pytest.approx(expected)
    with pytest.raises(InputError, match="expected both kinds"):
        placements([0.1, 0.2], [True, True])


def test_areas_are_compared_as_accuracies_are():
    draw = np.random.default_rng(4)
    same, people = np.arange(200) % 2 == 0, draw.integers(150, size=(200, 2))
    scores = draw.normal(size=(2, 3, 200)) + same * np.array([1.0, 2.5])[:, None, None]
    tables = [[placements(one, same) for one in method] for method in scores]
    [found] = differences(dict(enumerate(tables)), [(1, 0)], people=people)
    area = [np.mean([area_under_roc(one, same) for one in method]) for method in scores]
    assert found.estimate == pytest.approx(area[1] - area[0]) and found.low > 0


def test_a_band_by_plain_draws():
    draw = np.random.default_rng(5)
    people = draw.integers(30, size=(150, 2))
    same = people[:, 0] % 2 == people[:, 1] % 2
    scores = np.round(draw.normal(size=150) + same, 1)
    far = np.array([0.02, 0.2, 1.0])
    band = roc_band(scores, same, people, far, draws=60, seed=6)
    assert band.tar == pytest.approx([tar_at_far(scores, same, rate) for rate in far])
    assert band.auc == pytest.approx(roc_auc_score(same, scores))
    # The variance of AUC: each person kept or not, a pair where both are.
    labels, place = np.unique(people, return_inverse=True)
    kept = Kept.drawn(len(labels), 60, 6).people
    areas = [
        roc_auc_score(same[both], scores[both])
        for both in (some[place.reshape(people.shape)].all(axis=1) for some in kept)
    ]
    error = np.sqrt(np.mean((np.array(areas) - band.auc) ** 2))
    shares = np.bincount(place.reshape(people.shape)[same, 0])
    from scipy.stats import t as student

    quantile = student.ppf(0.975, shares.sum() ** 2 / (shares**2).sum() - 1)
    assert (band.auc_low, band.auc_high) == pytest.approx(
        rate_interval(band.auc, error, quantile, min(same.sum(), (~same).sum()))
    )
    assert band.tar[-1] == 1 and (band.low <= band.tar).all() and (band.tar <= band.high).all()


def test_kept_people_repeat():
    assert (Kept.drawn(50, 4, 1).people == Kept.drawn(50, 4, 1).people).all()
    assert Kept.drawn(2000, 10, 1).people.mean() == pytest.approx(0.5, abs=0.02)
    with pytest.raises(InputError, match="draws: 1"):
        Kept.drawn(5, 1, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fmr_variance([1, 0], [[1, 1], [1, 2]]), "same person twice"),
        (lambda: fnmr_variance([1, 0], [1]), "shapes \\(2,\\) and \\(1,\\)"),
        (lambda: rate_interval(1.2, 0.1, 2, 5), "rate 1.2"),
        (lambda: roc_band([1.0, np.nan], [1, 0], [1, 2], [0.1]), "expected finite scores"),
        (lambda: roc_band([1.0, 2.0], [1, 0], [1, 2], [-1.0]), "rates in .0, 1."),
        (lambda: roc_band([1.0, 2.0], [1, 1], [1, 2], [0.1]), "expected both kinds"),
        (lambda: roc_band([1.0, 2.0], [1, 0], [1], [0.1]), "as many pairs in each"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(InputError, match=message):
        call()
