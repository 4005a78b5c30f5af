"""A method against something that is not trained: bicubic enlargement, the given picture itself, itself elsewhere.

What is not trained has no seeds to vary, so its outcomes are numbers that belong to the items. The difference of every training from
them, item by item, is then the outcome of one method, and its mean is tested against zero: items and the method's seeds
are sampled as in difference.py. The same holds for one set of trainings judged at two places: each is its own baseline.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

from numpy.typing import ArrayLike

from pipeline.errors import InputError
from pipeline.metrics.verdicts.difference import Difference, t_test
from pipeline.metrics.verdicts.mean import Mean, means
from pipeline.metrics.verdicts.sharing import Sharing


def over_baseline(
    outcomes: Mapping[Hashable, ArrayLike],
    variants: Sequence[Hashable],
    baseline: Hashable,
    *,
    people: ArrayLike | Sharing | None = None,
    level: float = 0.95,
) -> list[Difference]:
    """One Difference for each of ``variants``, in order.

    Args:
        outcomes: by variant (S, n), outcomes of each seed less the baseline's on the same items. All variants enter the
            pooled spread over seeds, so give the whole table.
        variants: keys of ``outcomes``. baseline: the name that ``Difference.control`` gets.
        people, level: as ``difference.differences`` takes them.

    ``trainings`` counts the variant's seeds for both sides: "one seed" is said where the variant was trained once.
    """
    if unknown := [variant for variant in variants if variant not in outcomes]:
        raise InputError(f"variants: no outcomes of {unknown[0]}, expected some of {list(outcomes)}")
    found = means(outcomes, people=people, level=level)
    return [_difference(variant, baseline, found[variant], level) for variant in variants]


def _difference(variant: Hashable, baseline: Hashable, mean: Mean, level: float) -> Difference:
    p_value = t_test(mean.estimate, mean.error, mean.df, level)[2]
    return Difference(
        variant=variant,
        control=baseline,
        estimate=mean.estimate,
        low=mean.low,
        high=mean.high,
        p_value=p_value,
        df=float(mean.df),
        error=mean.error,
        items=math.nan,
        seeds=math.nan,
        both=math.nan,
        pooled=False,
        trainings=(mean.trainings, mean.trainings),
    )
