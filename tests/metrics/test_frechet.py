"""The Frechet distance against closed forms, a root of matrices, and what few pictures do to it."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from pipeline.errors import InputError
from pipeline.metrics.frechet import frechet


def squared(first, second):
    return frechet(first, second, features="test").squared


def normal(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def exactly(n, mean, deviations, seed=0):
    """(n, D) whose sample mean and covariance are ``mean`` and diag(deviations^2) to the last digits."""
    x = normal(n, len(mean), seed)
    white = np.linalg.qr(x - x.mean(axis=0))[0] * np.sqrt(n - 1)
    return white * deviations + mean


def test_gaussians_with_diagonal_covariance():
    """|m - n|^2 + sum (s - t)^2."""
    m, s = np.array([1.0, -2.0, 0.5]), np.array([1.0, 3.0, 0.2])
    n, t = np.array([0.0, 4.0, 0.5]), np.array([2.0, 0.5, 0.0])
    expected = ((m - n) ** 2).sum() + ((s - t) ** 2).sum()
    assert squared(exactly(40, m, s), exactly(25, n, t, seed=1)) == pytest.approx(expected, rel=1e-12)


def test_one_dimension_and_two_pictures_by_hand():
    # Means 1 and 5; variances 2 and 8 with N - 1 below the line.
    assert squared([[0.0], [2.0]], [[3.0], [7.0]]) == pytest.approx(16 + (np.sqrt(2) - np.sqrt(8)) ** 2)


@pytest.mark.parametrize("shape", [(50, 8), (8, 50), (8, 8), (2, 300)])
def test_equal_and_shifted_sets(shape):
    x, shift = normal(*shape), normal(1, shape[1], seed=1)
    assert 0 <= squared(x, x) < 1e-9
    assert 0 <= squared(x, x[::-1]) < 1e-9  # order does not matter
    assert squared(x, x + shift) == pytest.approx((shift**2).sum(), abs=1e-9)
    # Far from the origin as near it.
    assert squared(x + 1e4, x + shift + 1e4) == pytest.approx((shift**2).sum(), abs=1e-6)


def mixed(n, d, seed):
    return normal(n, d, seed) @ normal(d, d, seed + 1) + normal(1, d, seed + 2)


def test_rounding_leaves_no_distance_below_nothing():
    sets = [100 * normal(8, 50, seed) for seed in range(30)]
    assert all(0 <= squared(x, x[::-1]) < 1e-8 for x in sets)


@pytest.mark.parametrize(("n", "m", "d"), [(60, 45, 10), (400, 30, 10), (12, 11, 10)])
def test_as_with_the_root_of_the_product(n, m, d):
    first, second = mixed(n, d, 0), mixed(m, d, 5)
    s, t = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    apart = first.mean(axis=0) - second.mean(axis=0)
    expected = apart @ apart + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert squared(first, second) == pytest.approx(expected, rel=1e-9)
    assert squared(second, first) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(6, 9), (6, 200), (200, 6)])
def test_fewer_pictures_than_dimensions(n, m):
    """Against (S^(1/2) T S^(1/2))^(1/2) by eigenvalues, which holds for singular ones too, though less exactly."""
    first, second = mixed(n, 40, 0), mixed(m, 40, 5)

    def root(matrix):
        values, vectors = np.linalg.eigh(matrix)
        return vectors * np.sqrt(values.clip(0)) @ vectors.T

    s, t = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    apart = first.mean(axis=0) - second.mean(axis=0)
    expected = apart @ apart + np.trace(s + t - 2 * root(root(s) @ t @ root(s)))
    assert squared(first, second) == pytest.approx(expected, rel=1e-6)
    # A turn of the space and empty dimensions change nothing.
    turn = np.linalg.qr(normal(40, 40, 9))[0]
    assert squared(first @ turn, second @ turn) == pytest.approx(squared(first, second), rel=1e-12)
    wider = [np.pad(x, ((0, 0), (0, 500))) for x in (first, second)]
    assert squared(*wider) == pytest.approx(squared(first, second), rel=1e-12)


def test_few_pictures_make_it_larger():
    """As the docstring warns: of one population, and less so with more pictures."""
    result = [squared(normal(n, 20, 1), normal(n, 20, 2)) for n in (10, 40, 160, 640)]
    assert result == sorted(result, reverse=True) and result[0] > 5 > 0.5 > result[-1]


def test_single_precision_is_summed_up_in_double():
    first, second = mixed(30, 10, 0).astype(np.float32), mixed(20, 10, 5).astype(np.float32)
    assert squared(first, second) == squared(first.astype(float), second.astype(float))


def test_the_figure_carries_its_features_and_numbers():
    distance = frechet(normal(5, 3), normal(7, 3), features="recognition_teacher")
    assert distance.name == "frechet_recognition_teacher"
    assert (distance.n, distance.m, distance.dimensions) == (5, 7, 3)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (normal(5, 3), normal(5, 4), "3 and 4 dimensions"),
        (normal(1, 3), normal(5, 3), "first: shape (1, 3), expected (pictures, dimensions) with at least two"),
        (normal(5, 3), normal(5, 3)[0], "second: shape (3,)"),
        (normal(5, 3), np.ones((5, 3), int), "second: type int64, expected floats"),
        (normal(5, 3), np.where(np.arange(5)[:, None] == 3, np.inf, 1.0) * np.ones(3), "1 of 5 pictures"),
    ],
)
def test_features_that_cannot_be_compared(first, second, expected):
    with pytest.raises(InputError) as caught:
        squared(first, second)
    assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["", "Inception", "vgg 19", "../x", "1a"])
def test_names_that_are_no_part_of_a_column(name):
    with pytest.raises(InputError, match="expected a name in lower case"):
        frechet(normal(5, 3), normal(5, 3), features=name)
