"""Intervals, paired tests and corrections against analytic, hand-computed and enumerated values."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom, kstest, permutation_test

from pipeline.errors import InputError
from pipeline.metrics.statistics import (
    bootstrap_interval,
    holm,
    paired_difference,
    seed_spread,
    smallest_p_value,
    verdict,
    wilson_interval,
)


def test_the_bootstrap_has_the_analytic_width():
    correct = np.arange(2000) < 1600  # rate 0.8, standard error sqrt(0.8 * 0.2 / 2000)
    low, high = bootstrap_interval(correct, draws=20_000)
    error = math.sqrt(0.8 * 0.2 / 2000)
    assert low == pytest.approx(0.8 - 1.96 * error, abs=0.05 * error + 1 / 2000)
    assert high == pytest.approx(0.8 + 1.96 * error, abs=0.05 * error + 1 / 2000)


def test_seeds_of_a_pair_are_drawn_together():
    generator = np.random.default_rng(0)
    correct = generator.random((3, 1500)) < generator.random(1500)  # seeds agree on hard and easy pairs
    low, high = bootstrap_interval(correct, draws=20_000)
    error = correct.mean(axis=0).std() / math.sqrt(1500)
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.04)
    # Three equal seeds say no more than one.
    assert bootstrap_interval(np.stack([correct[0]] * 3)) == pytest.approx(bootstrap_interval(correct[0]))


def test_the_bootstrap_of_real_scores_equals_drawing_indices():
    values = np.random.default_rng(1).normal(30, 2, size=80)  # such as PSNR: every value distinct
    drawn = np.random.default_rng(2).integers(0, 80, size=(20_000, 80))
    expected = np.quantile(values[drawn].mean(axis=1), [0.05, 0.95])
    assert bootstrap_interval(values, level=0.9, draws=20_000) == pytest.approx(expected, abs=0.02)


def test_the_bootstrap_interval_is_repeatable_and_handles_the_ends():
    correct = np.random.default_rng(3).random((2, 300)) < 0.7
    assert bootstrap_interval(correct, seed=4) == bootstrap_interval(correct, seed=4)
    assert bootstrap_interval(correct, seed=4) != bootstrap_interval(correct, seed=5)
    assert bootstrap_interval(np.ones((2, 300))) == (1.0, 1.0)


def test_the_bootstrap_interval_covers():
    generator = np.random.default_rng(6)
    inside = 0
    for trial in range(300):
        low, high = bootstrap_interval(generator.random(400) < 0.8, draws=400, seed=trial)
        inside += low <= 0.8 <= high
    assert 0.91 <= inside / 300 <= 0.98  # 0.95 within about three standard errors


def test_wilson_by_hand():
    # 8 of 10 at 95%: (0.8 + 0.19207) / 1.38415 -+ 1.95996 / 1.38415 * sqrt(0.016 + 0.0096037)
    assert wilson_interval(8, 10) == pytest.approx((0.49016, 0.94331), abs=1e-4)
    low, high = wilson_interval(0, 20)
    assert low == 0 and high == pytest.approx(3.8414588 / 23.8414588)
    assert wilson_interval(20, 20) == pytest.approx((1 - high, 1))


def calls(both, only_a, only_b, neither):
    a = [True] * (both + only_a) + [False] * (only_b + neither)
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return a, b


@pytest.mark.parametrize(("only_a", "only_b"), [(10, 2), (2, 10), (5, 5), (1, 0), (30, 12)])
def test_mcnemar_by_hand(only_a, only_b):
    result = paired_difference(*calls(50, only_a, only_b, 20))
    n = only_a + only_b
    tail = sum(math.comb(n, k) for k in range(max(only_a, only_b), n + 1)) / 2**n
    assert result.p_value == pytest.approx(min(1.0, 2 * tail))
    assert result.difference == pytest.approx((only_a - only_b) / (70 + n)) and result.n == 70 + n


def test_no_difference():
    a, _ = calls(50, 10, 0, 20)
    result = paired_difference(a, a)
    assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1)
    result = paired_difference([a, a], [a, a, a])
    assert (result.difference, result.p_value) == (0, 1)


def test_the_interval_of_a_difference_uses_the_pairing():
    a, b = calls(700, 90, 30, 180)
    result = paired_difference(a, b, draws=20_000)
    error = math.sqrt((120 / 1000 - 0.06**2) / 1000)
    assert result.difference == pytest.approx(0.06)
    assert result.low == pytest.approx(0.06 - 1.96 * error, abs=0.05 * error + 1e-3)
    assert result.high == pytest.approx(0.06 + 1.96 * error, abs=0.05 * error + 1e-3)
    reverse = paired_difference(b, a)
    assert reverse.difference == pytest.approx(-0.06) and reverse.p_value == result.p_value


def test_the_sign_flip_equals_the_full_enumeration():
    generator = np.random.default_rng(7)
    a, b = generator.random((2, 12)) < 0.8, generator.random((3, 12)) < 0.5
    differences = a.mean(axis=0) - b.mean(axis=0)
    observed = abs(differences.sum())
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
            for signs in itertools.product((-1, 1), repeat=12)]  # fmt: skip
    expected = sum(total >= observed - 1e-9 for total in sums) / len(sums)
    result = paired_difference(a, b)
    assert result.difference == pytest.approx(differences.mean())
    assert result.p_value == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 19_999))
    # Real scores take the same road: the differences themselves, as one seed each.
    assert paired_difference(a.mean(axis=0), b.mean(axis=0)).p_value == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_few_differences_are_tested_exactly(n):
    generator = np.random.default_rng(n)
    a, b = generator.normal(30.2, 2, (3, n)), generator.normal(30, 2, (2, n))
    reference = permutation_test(
        (a.mean(axis=0) - b.mean(axis=0),),
        lambda differences, axis: differences.mean(axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
    )
    assert paired_difference(a, b).p_value == pytest.approx(reference.pvalue, rel=1e-12)
    # What five pictures can show at the very best, ties and equal pictures among them.
    assert paired_difference(a.mean(axis=0), a.mean(axis=0) - 0.1).p_value == smallest_p_value(n) == 2 / 2**n
    with_equal = np.append(a.mean(axis=0), 7.0), np.append(a.mean(axis=0) - 0.1, 7.0)
    assert paired_difference(*with_equal).p_value == 2 / 2**n
    assert smallest_p_value(400) == 1 / 20_000 and smallest_p_value(400, 99) == 0.01


def test_enumeration_goes_as_far_as_the_permutations():
    a, b = [[1.0] * 6], [[0.5] * 6]
    assert paired_difference(a, b, permutations=63).p_value == 2 / 64
    # One fewer: signs are drawn, and the observed ones count as a draw.
    drawn = paired_difference(a, b, permutations=62).p_value
    assert (drawn * 63) % 1 == pytest.approx(0, abs=1e-9) and drawn != 2 / 64


def test_the_sign_flip_extends_mcnemar():
    a, b = calls(100, 14, 4, 30)
    exact = paired_difference(a, b).p_value
    assert exact == pytest.approx(2 * binom.sf(13, 18, 0.5))
    assert paired_difference([a, a], [b]).p_value == pytest.approx(exact, abs=0.006)


def test_the_smallest_p_value_counts_the_observed_one():
    a, b = calls(0, 200, 0, 0)
    assert paired_difference([a, a], [b, b], permutations=999).p_value == 1 / 1000


def test_the_p_value_is_uniform_without_a_difference():
    generator = np.random.default_rng(8)
    p_values = []
    for trial in range(300):
        easy = generator.random(200)
        a, b = generator.random((2, 3, 200)) < easy
        p_values.append(paired_difference(a, b, draws=10, permutations=499, seed=trial).p_value)
    assert kstest(p_values, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.09


def test_holm_by_hand():
    # Sorted: 0.01 * 4, 0.02 * 3, 0.03 * 2 (not below 0.06), 0.04 * 1 (not below 0.06).
    assert holm([0.04, 0.01, 0.03, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.001, 0.4, 0.6]).tolist() == pytest.approx([0.003, 0.8, 0.8])
    assert holm([0.5, 0.5]).tolist() == [1.0, 1.0]
    assert holm([0.03]).tolist() == [0.03] and holm([]).tolist() == []


def test_verdicts():
    assert verdict(0.02, 0.01) == "better"
    assert verdict(-0.02, 0.01) == "worse"
    assert verdict(0.02, 0.05) == "not distinguishable"
    assert verdict(0.02, 0.05, alpha=0.1) == "better"
    assert verdict(0.0, 0.01) == "not distinguishable"


def test_seed_spread():
    assert seed_spread([0.8]) == (0.8, None)
    mean, spread = seed_spread([1.0, 2.0, 4.0])
    assert mean == pytest.approx(7 / 3) and spread == pytest.approx(math.sqrt(7 / 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval([]), "correct: shape"),
        (lambda: bootstrap_interval([1.0, math.nan]), "1 values are not finite"),
        (lambda: bootstrap_interval([1, 0], level=95), "level: 95"),
        (lambda: bootstrap_interval([1, 0], draws=0), "draws: 0"),
        (lambda: paired_difference([1, 0], [1, 0, 1]), "2 and 3 pairs"),
        (lambda: wilson_interval(3, 2), "3 successes in 2"),
        (lambda: wilson_interval(0, 0), "at least one"),
        (lambda: holm([0.1, 1.2]), "numbers in \\[0, 1\\]"),
        (lambda: holm([math.nan]), "numbers in \\[0, 1\\]"),
        (lambda: verdict(math.nan, 0.1), "difference nan"),
        (lambda: smallest_p_value(0), "n is 0"),
        (lambda: seed_spread([]), "at least one"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(InputError, match=message):
        call()
