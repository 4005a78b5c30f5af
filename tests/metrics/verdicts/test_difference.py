"""Items and seeds both sampled: by hand, by loops, and by many draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_1samp, ttest_ind, ttest_rel

from pipeline.errors import InputError
from pipeline.metrics.verdicts.baseline import over_baseline
from pipeline.metrics.verdicts.difference import differences
from pipeline.metrics.verdicts.seeds import LARGER, residual, seed_variance


@pytest.mark.parametrize("n", [49, 51, 100, 600])
def test_equal_outcomes_give_nothing_to_test_with_whatever_their_last_digits(n):
    outcomes = {"a": np.full((3, n), 0.1), "b": np.full((3, n), 0.7)}
    (found,) = differences(outcomes, [("a", "b")])
    assert found.estimate == pytest.approx(-0.6) and (found.p_value, found.error) == (1, 0)
    (found,) = over_baseline({"a": np.full((3, n), 0.6)}, ["a"], "floor")
    assert (found.p_value, found.error) == (1, 0) and found.low == found.high == found.estimate


def test_by_hand():
    # Two seeds by four items. z = (1, 0, .5, .5), D = .5, V_items = .5 / 3 / 4 = 1/24.
    a = [[2.0, 1.0, 2.0, 1.0], [2.0, 1.0, 1.0, 2.0]]
    b = [[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 2.0]]
    # Means of A by seed 1.5, 1.5; of B 0.75, 1.25: V_seeds = 0 + 0.125 / 2, all of it with one degree.
    # Left of A's first seed: (0, 0, .5, -.5), of B's: (.25, .25, .25, -.75); of the second: their negatives.
    # V_both: 2 V(r) / 2 = (.5 / 12) + (.75 / 12).
    [found] = differences({"a": a, "b": b}, [("a", "b")])
    assert found.estimate == pytest.approx(0.5)
    assert (found.items, found.seeds, found.both) == pytest.approx((1 / 24, 1 / 16, 1.25 / 12))
    # 1/24 + 1/16 - 5/48 = 0 is below the larger of the two: 1/16.
    assert found.error == pytest.approx(0.25)
    assert found.df == pytest.approx((1 / 16) ** 2 / ((1 / 24) ** 2 / 3 + (1 / 16) ** 2 / 1))
    assert found.p_value == pytest.approx(2 * student.sf(2, found.df))
    half = 0.25 * student.ppf(0.975, found.df)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half))
    assert found.trainings == (2, 2) and not found.one_seed and not found.pooled


def test_a_spread_of_two_seeds_counts_twice_in_the_degrees_of_freedom():
    # Two seeds each with equal spreads have 2 degrees; nothing belongs to seed and item together.
    items = np.tile([-1.0, 1.0], 200)
    a, b = items + 0.02 * np.array([[1.0], [-1.0]]), np.array([[0.02], [-0.02]]) + np.zeros((1, 400))
    [found] = differences({0: a, 1: b}, [(0, 1)])
    assert (found.items, found.seeds, found.both) == pytest.approx((1 / 399, 0.0008, 0))
    assert found.error**2 == pytest.approx(1 / 399 + 0.0008)
    assert found.df == pytest.approx((1 / 399 + 0.0016) ** 2 / ((1 / 399) ** 2 / 399 + 0.0016**2 / 2))


def test_the_parts_by_loops():
    draw = np.random.default_rng(0)
    tables = {
        name: draw.normal(size=(seeds, 1, 1))[..., 0] + draw.normal(size=(seeds, 30))
        for name, seeds in (("a", 4), ("b", 3))
    }
    who = draw.integers(25, size=(30, 2))
    [found] = differences(tables, [("a", "b")], people=who)
    shares = [[bool(set(p) & set(q)) for q in who.tolist()] for p in who.tolist()]
    trace = 30 - np.sum(shares) / 30

    def variance(e: np.ndarray) -> float:
        total = sum(e[i] * e[j] for i in range(30) for j in range(30) if shares[i][j])
        return max(total, (e**2).sum()) / 900 * 30 / trace

    z = tables["a"].mean(axis=0) - tables["b"].mean(axis=0)
    assert found.items == pytest.approx(variance(z - z.mean()))
    v_seeds = v_both = 0.0
    for table in tables.values():
        s = len(table)
        v_seeds += table.mean(axis=1).var(ddof=1) / s
        rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
        v_both += sum(variance(row) for row in rest) / (s * (s - 1))
    assert (found.seeds, found.both) == pytest.approx((v_seeds, v_both))
    assert found.error**2 == pytest.approx(max(found.items + v_seeds - v_both, found.items, v_seeds))


def test_where_only_seeds_scatter_it_is_welchs_test():
    draw = np.random.default_rng(1)
    a, b = draw.normal(size=(4, 1)), draw.normal(size=(6, 1))
    [found] = differences({0: a + np.zeros((1, 50)), 1: b + np.zeros((1, 50))}, [(0, 1)])
    reference = ttest_ind(a[:, 0], b[:, 0], equal_var=False)
    assert found.p_value == pytest.approx(reference.pvalue) and found.df == pytest.approx(reference.df)


def test_where_only_items_scatter_it_is_the_paired_t_test():
    a, b = np.random.default_rng(2).normal(size=(2, 20))
    [found] = differences({0: np.stack([a, a, a]), 1: np.stack([b, b])}, [(0, 1)])
    assert found.p_value == pytest.approx(ttest_rel(a, b).pvalue)


def test_paired_seeds_are_compared_by_their_differences():
    draw = np.random.default_rng(3)
    together = 5 * draw.normal(size=(5, 1))
    a, b = (together + draw.normal(size=(5, 1)) + np.zeros((1, 40)) for _ in range(2))
    [paired] = differences({0: a, 1: b}, [(0, 1)], paired=True)
    assert paired.p_value == pytest.approx(ttest_1samp((a - b).mean(axis=1), 0).pvalue)
    [unpaired] = differences({0: a, 1: b}, [(0, 1)])
    assert unpaired.error > 3 * paired.error


def test_two_paired_seeds_are_no_surer_than_their_own_t_test():
    # Nearly the same difference twice, as chance has it at times: V_seeds is small, and has one degree of freedom.
    draw = np.random.default_rng(4)
    a = draw.normal(size=(2, 40))
    b = a - np.array([[1.0], [1.1]]) + draw.normal(size=40)
    [found] = differences({0: a, 1: b}, [(0, 1)], paired=True)
    assert found.df == 1 and found.p_value == pytest.approx(ttest_1samp((a - b).mean(axis=1), 0).pvalue)


def test_a_table_shares_its_spread_over_seeds():
    draw = np.random.default_rng(5)
    means = {key: draw.normal(size=4) for key in range(6)}
    found = seed_variance(means, 1, 0, paired=False)
    assert found.pooled and found.larger_p >= LARGER and found.df == 18
    assert found.variance == pytest.approx(np.mean([one.var(ddof=1) for one in means.values()]) / 2)
    # One that scatters far more speaks for itself, and does not lend its spread to the test of others.
    means[1] = 30 * means[1]
    own = seed_variance(means, 1, 0, paired=False)
    assert not own.pooled and own.variance == pytest.approx((means[1].var(ddof=1) + means[0].var(ddof=1)) / 4)
    assert seed_variance({0: means[0], 1: means[1]}, 1, 0, paired=False).pooled is False


def test_the_spread_with_the_same_seeds_is_that_of_a_layout_in_blocks():
    from statsmodels.regression.linear_model import OLS

    draw = np.random.default_rng(6)
    table = draw.normal(size=(5, 4)) + 3 * draw.normal(size=4)
    variant, seed = np.meshgrid(np.arange(5), np.arange(4), indexing="ij")
    design = np.concatenate([np.eye(5)[variant.ravel()], np.eye(4)[seed.ravel()][:, 1:]], axis=1)
    fit = OLS(table.ravel(), design).fit()
    found, df = residual(dict(enumerate(table)), paired=True)
    assert (found, df) == pytest.approx((fit.mse_resid, fit.df_resid)) and df == 12


def test_one_seed_speaks_of_two_networks():
    draw = np.random.default_rng(7)
    a, b = draw.normal(size=(1, 60)), draw.normal(size=(3, 60))
    [found] = differences({"teacher": a, "student": b}, [("student", "teacher")])
    assert found.one_seed and math.isnan(found.seeds) and math.isnan(found.both) and not found.pooled
    assert found.p_value == pytest.approx(ttest_rel(b.mean(axis=0), a[0]).pvalue)


def test_nothing_varies():
    same = np.ones((3, 10))
    [equal, higher] = differences({0: same, 1: same, 2: same + 1}, [(1, 0), (2, 0)])
    assert (equal.estimate, equal.p_value, equal.error) == (0, 1, 0)
    assert (higher.estimate, higher.low, higher.high, higher.p_value) == (1, 1, 1, 1)


@pytest.mark.parametrize("paired", [False, True])
def test_false_verdicts_and_intervals(paired):
    """Five methods without a difference, seeds and items of like weight; benchmarks/coverage.py has the whole table."""
    draw = np.random.default_rng(8)
    p_values, inside = [], []
    for _ in range(250):
        y = draw.normal(size=(6, 1, 60)) + 0.1 * draw.normal(size=(6, 4, 1)) + draw.normal(size=(6, 4, 60))
        found = differences(dict(enumerate(y)), [(method, 0) for method in range(1, 6)], paired=paired)
        p_values += [one.p_value for one in found]
        inside += [one.low <= 0 <= one.high for one in found]
    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.07
    assert np.mean(inside) == pytest.approx(1 - np.mean(np.array(p_values) < 0.05))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: differences({0: [[1, 0]], 1: [[1, 0, 1]]}, [(0, 1)]), "numbers of items differ \\(2 of 0, 3 of 1\\)"),
        (lambda: differences({0: np.eye(3), 1: np.eye(3)[:2]}, [(0, 1)], paired=True), "numbers of seeds differ"),
        (lambda: differences({0: [[1, math.nan]]}, []), "outcomes of 0: 1 values are not finite"),
        (lambda: differences({0: np.zeros((0, 3))}, []), "outcomes of 0: shape \\(0, 3\\)"),
        (lambda: differences({0: np.eye(3)}, [(0, "b")]), "no outcomes of b"),
        (lambda: differences({0: np.eye(3)}, [], level=95), "level: 95"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(InputError, match=message):
        call()
