"""Corrections against scipy and statsmodels; the words of a verdict."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import dunnett as scipy_dunnett
from scipy.stats import t as student

from pipeline.errors import InputError
from pipeline.metrics.verdicts.difference import Difference, differences
from pipeline.metrics.verdicts.equivalence import equivalence, smallest_difference
from pipeline.metrics.verdicts.families import dunnett, holm, verdicts


def difference(estimate: float, error: float = 1.0, df: float = 20.0, seeds: int = 3, control: str = "c") -> Difference:
    half = error * student.ppf(0.975, df)
    return Difference(
        "v", control, estimate, estimate - half, estimate + half, float(2 * student.sf(abs(estimate) / error, df)),
        df, error, error**2, error**2, 0.0, False, (seeds, seeds),
    )  # fmt: skip


def test_holm_by_hand():
    # Sorted: 0.01 * 4, 0.02 * 3, 0.03 * 2 (not below 0.06), 0.04 * 1 (not below 0.06).
    assert holm([0.04, 0.01, 0.03, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.5]).tolist() == [1.0, 1.0]
    assert holm([0.03]).tolist() == [0.03] and holm([]).tolist() == []
    for bad in ([0.1, 1.2], [math.nan]):
        with pytest.raises(InputError, match=r"numbers in \[0, 1\]"):
            holm(bad)


def test_holm_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p_values = np.random.default_rng(0).random(12) ** 3
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


@pytest.mark.parametrize(("methods", "seeds"), [(3, 5), (6, 4)])
def test_dunnett_is_that_of_scipy_on_balanced_data(methods, seeds):
    """Only seeds scatter, one spread for all: Dunnett's own case."""
    draw = np.random.default_rng(methods)
    means = draw.normal(size=(methods + 1, seeds)) + np.linspace(0, 2, methods + 1)[:, None]
    reference = scipy_dunnett(*means[1:], control=means[0], rng=np.random.default_rng(0)).pvalue
    table = {key: one[:, None] + np.zeros((1, 30)) for key, one in enumerate(means)}
    found = differences(table, [(key, 0) for key in range(1, methods + 1)])
    # Give all the pooled spread that scipy's test has, also where one scatters more than the rest allows.
    spread = np.sqrt(2 * means.var(axis=1, ddof=1).mean() / seeds)
    df = (methods + 1) * (seeds - 1.0)
    found = [
        replace(one, error=spread, df=df, p_value=float(2 * student.sf(abs(one.estimate) / spread, df)))
        for one in found
    ]
    corrected = dunnett(found)
    assert corrected == pytest.approx(reference, abs=2e-3)
    assert (corrected <= methods * np.array([one.p_value for one in found]) + 1e-3).all()
    assert dunnett(found[:1])[0] == found[0].p_value


def test_dunnett_needs_one_control():
    with pytest.raises(InputError, match="dunnett: controls \\['a', 'b'\\], expected one"):
        dunnett([difference(1, control="a"), difference(1, control="b")])


def test_words():
    found = verdicts(
        [difference(5), difference(-5), difference(0.5), difference(0.1, error=0.1), difference(9, seeds=1)], margin=1.0
    )
    assert [one.word for one in found] == ["better", "worse", "not distinguishable", "equivalent", "one seed"]
    assert math.isnan(found[4].corrected) and math.isnan(found[4].equivalence_p)
    # Four are tested; the fifth compares two networks.
    assert found[0].corrected == pytest.approx(4 * found[0].difference.p_value)
    assert found[2].visible == pytest.approx(smallest_difference(1.0, 20.0, alpha=0.05 / 4))
    assert found[4].visible == pytest.approx(smallest_difference(1.0, 20.0))


def test_a_margin_may_be_that_of_some_comparisons_alone():
    ones = [difference(0.1, error=0.1), difference(0.1, error=0.1), difference(0.1, error=0.1)]
    found = verdicts(ones, margin=[1.0, None, 0.05])
    assert [one.word for one in found] == ["equivalent", "not distinguishable", "not distinguishable"]
    assert found[0].equivalence_p == pytest.approx(2 * equivalence(0.1, 0.1, 20.0, 1.0))
    assert math.isnan(found[1].equivalence_p) and found[2].equivalence_p == pytest.approx(
        equivalence(0.1, 0.1, 20.0, 0.05)
    )
    with pytest.raises(InputError, match="margin: 1 for 3 comparisons"):
        verdicts(ones, margin=[1.0])


def test_primary_comparisons_are_a_family_of_their_own():
    ones = [difference(2.5), difference(2.5), difference(2.5), difference(0)]
    found = verdicts(ones, primary=[True, False, False, False])
    p = ones[0].p_value
    assert found[0].corrected == pytest.approx(p) and found[0].word == "better"
    assert found[1].corrected == pytest.approx(4 * p) and found[1].word == "not distinguishable"
    with pytest.raises(InputError, match="primary: 1 for 4 comparisons"):
        verdicts(ones, primary=[True])


def test_equivalence_is_two_plain_t_tests():
    draw = np.random.default_rng(1)
    values = draw.normal(0.1, 1, size=40)
    error, df = values.std(ddof=1) / np.sqrt(40), 39.0
    from scipy.stats import ttest_1samp

    above = ttest_1samp(values, -0.5, alternative="greater").pvalue
    below = ttest_1samp(values, 0.5, alternative="less").pvalue
    assert equivalence(values.mean(), error, df, 0.5) == pytest.approx(max(above, below))
    assert equivalence(0.0, 0.0, df, 0.5) == 1


def test_equivalence_is_that_of_statsmodels():
    from statsmodels.stats.weightstats import DescrStatsW

    values = np.random.default_rng(2).normal(0.1, 1, size=25)
    expected = DescrStatsW(values).ttost_mean(-0.4, 0.4)[0]
    assert equivalence(values.mean(), values.std(ddof=1) / 5, 24.0, 0.4) == pytest.approx(expected)


def test_the_smallest_difference_is_found_in_four_of_five():
    visible = smallest_difference(0.5, 6.0, alpha=0.05)
    draw = np.random.default_rng(3)
    t = (visible / 0.5 + draw.normal(size=200_000)) / np.sqrt(draw.chisquare(6, size=200_000) / 6)
    assert np.mean(t > student.ppf(0.975, 6)) == pytest.approx(0.8, abs=0.004)
    # With many degrees of freedom: 1.960 + 0.842 standard errors.
    assert smallest_difference(1.0, 1e5) == pytest.approx(2.8016, abs=1e-3)
    assert smallest_difference(0.0, 5.0) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: equivalence(0, 1, 5, 0), "margin 0, expected a positive number"),
        (lambda: smallest_difference(1, 0), "df 0"),
        (lambda: smallest_difference(1, 5, alpha=0.9), "alpha below power"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(InputError, match=message):
        call()
