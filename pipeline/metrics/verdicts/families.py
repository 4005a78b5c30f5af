"""Verdicts on a family of comparisons: any false one among them is as rare as one test alone promises.

Holm's step-down (Scandinavian Journal of Statistics 6, 1979) holds for comparisons of any kind. Where all of a family
are with one control, Dunnett's test (Journal of the American Statistical Association 50, 1955) knows that they have
the control in common and asks a little less of the largest difference.

Primary comparisons are named before the results are seen: against the control, at the worst quality. They are a
family of their own. All others are exploratory: each is corrected for every comparison of the table, primary ones
among them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError
from pipeline.metrics.verdicts.difference import Difference
from pipeline.metrics.verdicts.equivalence import equivalence, smallest_difference

Floats = NDArray[np.float64]
Word = Literal["better", "worse", "equivalent", "not distinguishable", "one seed"]
How = Literal["holm", "dunnett"]


@dataclass(frozen=True)
class Verdict:
    """What may be said of a variant against its control, larger outcomes being better."""

    difference: Difference
    corrected: float
    """P-value corrected for the family; NaN with one seed, where no method is judged."""
    word: Word
    """"better" and "worse": the methods differ. "equivalent": they differ by less than the margin. "not
    distinguishable": neither was shown. "one seed": two networks were compared, not two methods."""
    primary: bool
    """Named beforehand; otherwise exploratory."""
    visible: float
    """The smallest true difference, in the outcome's unit, that this comparison finds in 80 of 100 repetitions, at
    alpha over the family's number of comparisons; NaN where nothing varies."""
    equivalence_p: float
    """Of the equivalence test, corrected after Holm; NaN without a margin or with one seed."""


def verdicts(
    differences: Sequence[Difference],
    *,
    primary: Sequence[bool] | None = None,
    how: How = "holm",
    margin: float | Sequence[float | None] | None = None,
    alpha: float = 0.05,
) -> list[Verdict]:
    """Judge the comparisons of a table together, in the order given.

    Args:
        differences: of ``difference.differences``; several calls may be joined, such as one for each quality.
        primary: whether each was named beforehand; None: all were.
        how: "dunnett" where all have one control and stand in one table (one call of ``differences``), else "holm".
        margin: the largest difference that does not matter, in the outcome's unit, named beforehand, of all comparisons
            or of each; None: nothing is called equivalent.
        alpha: how often a family without any true difference may hold a false verdict.

    A comparison with one seed is no test on methods: it is not counted.
    """
    primary = [True] * len(differences) if primary is None else [bool(one) for one in primary]
    if len(primary) != len(differences):
        raise InputError(f"primary: {len(primary)} for {len(differences)} comparisons, expected as many")
    margins = [margin] * len(differences) if margin is None or isinstance(margin, float | int) else list(margin)
    if len(margins) != len(differences):
        raise InputError(f"margin: {len(margins)} for {len(differences)} comparisons, expected as many, or one for all")
    tested = [place for place, one in enumerate(differences) if not one.one_seed]
    named = [place for place in tested if primary[place]]
    corrected = np.full(len(differences), np.nan)
    equal = np.full(len(differences), np.nan)
    # The larger family first: what is primary then takes its corrections from the primary ones alone.
    for members in (tested, named):
        some = [differences[place] for place in members]
        corrected[members] = dunnett(some) if how == "dunnett" else holm([one.p_value for one in some])
        sure = [place for place in members if margins[place] is not None]
        asked = [(differences[place], margins[place]) for place in sure]
        equal[sure] = holm([equivalence(one.estimate, one.error, one.df, limit) for one, limit in asked])

    found = []
    for place, one in enumerate(differences):
        size = len(named) if primary[place] else len(tested)
        visible = math.nan
        if one.error > 0:
            visible = smallest_difference(one.error, one.df, alpha=alpha / max(1, 1 if one.one_seed else size))
        word = _word(one, corrected[place], equal[place], alpha)
        found.append(Verdict(one, float(corrected[place]), word, primary[place], visible, float(equal[place])))
    return found


def holm(p_values: ArrayLike) -> Floats:
    """(M,) p-values corrected so that any false finding among the M is as rare as one test alone promises.

    Step-down: the i-th smallest times M - i (i from 0), not below those before it, at most 1. In the order given.
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    if p_values.ndim != 1 or not ((p_values >= 0) & (p_values <= 1)).all():
        raise InputError(f"p_values: {p_values.tolist()}, expected a list of numbers in [0, 1]")
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty_like(p_values)
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def dunnett(differences: Sequence[Difference]) -> Floats:
    """(M,) p-values of Dunnett's two-sided test: the chance that the largest of M statistics is as large.

    Two statistics correlate by sqrt(S_i / (S_i + S_0)) sqrt(S_j / (S_j + S_0)), S_0 being the control's trainings: 1/2
    where all methods were trained equally often. Each takes its own degrees of freedom. The multivariate t
    distribution is scipy's, an integration with fixed random points: equal differences give equal p-values.

    Raises InputError where the controls are not one and the same.
    """
    if len({one.control for one in differences}) > 1:
        raise InputError(f"dunnett: controls {sorted({str(one.control) for one in differences})}, expected one")
    shares = np.sqrt([one.trainings[0] / sum(one.trainings) for one in differences])
    shape = np.outer(shares, shares)
    np.fill_diagonal(shape, 1.0)
    return np.array([_largest(one, shape) for one in differences])


def _largest(one: Difference, shape: Floats) -> float:
    from scipy.stats import multivariate_t  # costs more to import than the rest of this file

    if one.error == 0 or one.p_value == 1:
        return 1.0
    if len(shape) == 1:
        return one.p_value
    # The statistic that gives this comparison its own p, so that both tests agree on a family of one.
    from scipy.special import stdtrit

    edge = np.full(len(shape), -float(stdtrit(one.df, one.p_value / 2)))
    inside = multivariate_t(shape=shape, df=one.df, seed=0).cdf(edge, lower_limit=-edge, maxpts=20_000, random_state=0)
    return float(min(1.0, max(one.p_value, 1 - inside)))


def _word(one: Difference, corrected: float, equal: float, alpha: float) -> Word:
    if one.one_seed:
        return "one seed"
    if corrected < alpha and one.estimate != 0:
        return "better" if one.estimate > 0 else "worse"
    return "equivalent" if equal < alpha else "not distinguishable"
