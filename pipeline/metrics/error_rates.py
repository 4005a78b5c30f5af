"""Variances of false non-match and false match rates at a fixed threshold, in the terms of 1:1 matching.

Fogliato, Patil and Perona, "Confidence intervals for error rates in 1:1 matching tasks: critical statistical analysis
and recommendations" (IJCV 2024, arXiv 2306.01198). With n_ij pairs of persons i and j of which e_ij are errors, and
y_ij = e_ij - n_ij rate,

    Var(FNMR) = sum_i y_ii^2 / n^2
    Var(FMR)  = (2 sum_ij y_ij^2 + 4 max(0, sum_i sum_{j != k} y_ij y_ik)) / n^2       ij ordered, n = sum_ij n_ij

Intervals are verdicts.mean.rate_interval's, Wilson's with n_eff = rate (1 - rate) / Var. verdicts/sharing.py has the
same variances for pairs of both kinds together, but for its factor for few people and where it cuts off negative
sums: there pair by pair, here persons by persons.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pipeline.errors import InputError


def fnmr_variance(errors: ArrayLike, people: ArrayLike) -> float:
    """Of the mean of ``errors`` (P,), booleans or fractions over seeds, of genuine pairs of ``people`` (P,)."""
    errors, people = _checked(errors, people, 1)
    _, person = np.unique(people, return_inverse=True)
    sums = np.bincount(person, weights=errors - errors.mean())
    return float((sums**2).sum()) / len(errors) ** 2


def fmr_variance(errors: ArrayLike, people: ArrayLike) -> float:
    """Of the mean of ``errors`` (P,), booleans or fractions over seeds, of impostor pairs of ``people`` (P, 2)."""
    errors, people = _checked(errors, people, 2)
    labels, person = np.unique(people, return_inverse=True)
    person = np.sort(person.reshape(people.shape), axis=1)
    if (person[:, 0] == person[:, 1]).any():
        raise InputError("people: an impostor pair with the same person twice")
    deviations = errors - errors.mean()
    code = person[:, 0].astype(np.int64) * len(labels) + person[:, 1]
    codes, twosome = np.unique(code, return_inverse=True)
    sums = np.bincount(twosome, weights=deviations)  # y_ij, i < j
    squares = float((sums**2).sum())
    by_person = np.bincount(codes // len(labels), sums, len(labels)) + np.bincount(
        codes % len(labels), sums, len(labels)
    )
    cross = float((by_person**2).sum()) - 2 * squares  # over i and j != k
    # Each of both orders: sum_ij has every y twice, n every pair twice.
    return (4 * squares + 4 * max(0.0, cross)) / (2 * len(errors)) ** 2


def _checked(errors: ArrayLike, people: ArrayLike, each: int) -> tuple[np.ndarray, np.ndarray]:
    errors, people = np.asarray(errors, dtype=np.float64), np.asarray(people)
    expected = (len(errors),) if each == 1 else (len(errors), 2)
    if errors.ndim != 1 or not len(errors) or people.shape != expected:
        raise InputError(f"errors and people: shapes {errors.shape} and {people.shape}, expected (P,) and {expected}")
    return errors, people
