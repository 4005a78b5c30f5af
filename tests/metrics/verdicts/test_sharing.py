"""The dyadic variance against plain double loops and statsmodels' cluster-robust covariance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.metrics.verdicts.sharing import sharing


def neighbours(people: np.ndarray) -> np.ndarray:
    """(n, n) whether two items share a person, by comparing everybody with everybody."""
    people = people[:, None] if people.ndim == 1 else people
    return np.array([[bool(set(a) & set(b)) for b in people.tolist()] for a in people.tolist()])


def pairs(n: int, people: int, seed: int) -> np.ndarray:
    """(n, 2) people of n pairs, a third of them with one person twice; labels that are neither dense nor sorted."""
    draw = np.random.default_rng(seed)
    found = draw.integers(people, size=(n, 2))
    found[::3, 1] = found[::3, 0]
    return draw.permutation(1000)[:people][found] - 300


@pytest.mark.parametrize(("n", "people"), [(12, 20), (40, 25), (60, 200), (30, 9)])
def test_pairs_against_a_double_loop(n, people):
    who = pairs(n, people, seed=n)
    values = np.random.default_rng(1).normal(3, 2, size=(n, 4))
    shares = neighbours(who)
    centring = np.eye(n) - 1 / n
    trace = np.trace(centring @ shares)
    shared = sharing(n, who)
    assert shared.correction == pytest.approx(n / trace)
    assert shared.df == pytest.approx(trace**2 / np.trace(centring @ shares @ centring @ shares))
    for column, found in zip(values.T, shared.variance(values), strict=True):
        total = 0.0
        for i, j in itertools.product(range(n), repeat=2):
            if shares[i, j]:
                total += (column[i] - column.mean()) * (column[j] - column.mean())
        independent = ((column - column.mean()) ** 2).sum()
        assert found == pytest.approx(max(total, independent) * n / trace / n**2)


def test_a_negative_sum_over_neighbours_counts_as_none():
    # Two items of each person, one high and one low.
    values = np.tile([1.0, -1.0], 6)[:, None]
    assert sharing(12, np.repeat(np.arange(6), 2)).neighbours(values)[0] == 0
    assert sharing(12, np.repeat(np.arange(6), 2)).variance(values)[0] == pytest.approx(12 / 144 * 12 / 10)


def test_nobody_shared_is_the_usual_variance_of_a_mean():
    values = np.random.default_rng(2).normal(size=(15, 3))
    for people in (None, np.arange(15) * 7):
        shared = sharing(15, people)
        assert shared.variance(values) == pytest.approx(values.var(axis=0, ddof=1) / 15)
        assert shared.df == pytest.approx(14)


def test_groups_are_the_clusters_of_statsmodels():
    from statsmodels.regression.linear_model import OLS

    draw = np.random.default_rng(3)
    group = np.repeat(np.arange(12), 5)
    values = draw.normal(size=60) + draw.normal(size=12)[group]
    fit = OLS(values, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": group, "use_correction": False})
    shared = sharing(60, draw.permutation(12)[group])
    assert shared.correction == pytest.approx(12 / 11) and shared.df == pytest.approx(11)
    assert shared.variance(values[:, None])[0] == pytest.approx(fit.cov_params()[0, 0] * 12 / 11)


def test_two_ways_are_the_two_groups_of_statsmodels():
    """First and second people from different sets: sharing either is clustering both ways."""
    from statsmodels.regression.linear_model import OLS
    from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

    draw = np.random.default_rng(4)
    first, second = draw.integers(8, size=50), draw.integers(9, size=50)
    values = draw.normal(size=50) + draw.normal(size=8)[first] + draw.normal(size=9)[second]
    fit = OLS(values, np.ones(50)).fit()
    expected = cov_cluster_2groups(fit, first, second, use_correction=False)[0][0, 0]
    shared = sharing(50, np.stack([first, 100 + second], axis=1))
    found = shared.neighbours((values - values.mean())[:, None])[0] / 50**2
    assert found > ((values - values.mean()) ** 2).sum() / 50**2  # nothing is cut off here
    assert found == pytest.approx(expected)


def test_the_variance_is_that_of_many_draws():
    """Right on average where half of the variance belongs to people."""
    draw = np.random.default_rng(5)
    who = draw.integers(120, size=(300, 2))
    shared = sharing(300, who)
    values = draw.normal(size=(300, 1500)) + draw.normal(size=(120, 1500))[who].sum(axis=1)
    assert shared.variance(values).mean() == pytest.approx(values.mean(axis=0).var(), rel=0.12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sharing(1), "items: 1, expected at least two"),
        (lambda: sharing(3, np.arange(4)), "people: shape \\(4, 1\\), expected \\(3,\\)"),
        (lambda: sharing(2, np.zeros((2, 3), int)), "people: shape \\(2, 3\\)"),
        (lambda: sharing(2, np.array([0.5, 1])), "people: type float64"),
        (lambda: sharing(4, np.zeros(4, int)), "each of the 4 items shares a person with every other"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(InputError, match=message):
        call()
