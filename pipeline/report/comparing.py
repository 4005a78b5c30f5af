"""Means with intervals, and comparisons: every test and every verdict of the report comes from here.

Tasks hand over outcomes, item by item and seed by seed; nothing else of the report asks pipeline.metrics.verdicts, where
items and seeds are both sampled.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.metrics.verdicts.baseline import over_baseline
from pipeline.metrics.verdicts.difference import Difference, differences
from pipeline.metrics.verdicts.families import verdicts
from pipeline.metrics.verdicts.mean import Mean, means, of_one_network
from pipeline.metrics.verdicts.sharing import NoVariance, Sharing, sharing

Key = tuple[Hashable, str]  # where something was measured, and of which variant
COLUMNS = ("difference", "low", "high", "p_value", "adjusted", "verdict", "visible", "primary", "margin")


@dataclass(frozen=True)
class Outcomes:
    """How one variant did by one measure.

    ``values`` (seeds, items): a score for each pair, probe, picture or image, booleans where these are rightly called
    or not; None where the measure has no items, such as a distance between two sets. ``items`` (items, ...): which they
    are, in rows: two variants can be compared where theirs are equal. ``people`` (items,) or (items, 2) integers: who
    is on each item; None where no two share anybody. ``means`` (seeds,): each run's own figure, where that is not the
    mean of its values: the mean over folds. ``trained``: False for what needs no training and has no seeds to vary.
    """

    values: np.ndarray | None
    items: np.ndarray | None = None
    means: np.ndarray | None = None
    people: np.ndarray | None = None
    trained: bool = True

    @property
    def per_seed(self) -> np.ndarray:
        """(seeds,): each run's figure."""
        return self.values.mean(axis=1) if self.means is None else self.means


def estimates(outcomes: Mapping[Key, Outcomes], scales: Sequence[float]) -> list[dict[str, float]]:
    """A figure of a table for each of ``outcomes``, times its scale: mean, low, high, spread over seeds; seeds and items.

    Variants of one place share one estimate of the spread over seeds where theirs are alike. low and high are NaN where
    the measure has no items, or these say nothing of their own variance; spread is NaN with one seed, where the interval
    is over items alone.
    """
    found: dict[Key, Mean] = {}
    for place in dict.fromkeys(place for place, _ in outcomes):
        table = _of(outcomes, place)
        shared = _shared(table)
        if shared is not None:
            rates = all(one.values.dtype == bool for one in table.values())
            found |= means({key: one.values for key, one in table.items()}, people=shared, rates=rates)
    return [_estimate(one, found.get(key), scale) for (key, one), scale in zip(outcomes.items(), scales, strict=True)]


@dataclass(frozen=True)
class Change:
    """How much higher a variant's figure is at one place than at another, with a 95 % interval."""

    difference: float
    low: float
    high: float
    items: int
    seeds: int


def change(
    outcomes: Mapping[Key, Outcomes], variant: str, places: tuple[Hashable, Hashable], scale: float = 1
) -> Change:
    """``variant`` at the first of ``places`` against the second, times ``scale``; part of no table, so not corrected.

    The very same networks are judged at both places: each is its own baseline. All variants share one estimate of how
    much the change differs from seed to seed, where theirs are alike.
    """
    at, elsewhere = places
    moved = {}
    for (place, name), one in outcomes.items():
        other = outcomes.get((elsewhere, name))
        if place == at and one.trained and other is not None and one.values is not None:
            _same_items(one, other)
            moved[name] = Outcomes(one.values.astype(float) - other.values, one.items, people=one.people)
    (found,) = _over(moved, [variant], elsewhere)
    ends = (scale * value for value in (found.estimate, found.low, found.high))
    return Change(*ends, items=moved[variant].values.shape[1], seeds=len(moved[variant].values))


def family(
    outcomes: Mapping[Key, Outcomes],
    pairs: Sequence[tuple[Key, Key]],
    scales: Sequence[float],
    primary: Sequence[bool] | None = None,
    margins: Sequence[float | None] | None = None,
) -> pd.DataFrame:
    """Compare the first of each pair with the second, its control; p-values are corrected for all of them together.

    ``outcomes`` has every variant of the section, those of one place being of the same items. ``primary``: which
    comparisons were named before results were seen; they are corrected among themselves. ``margins``: differences that
    do not matter, as shown. A row per pair, with COLUMNS, numbers times the pair's scale.

    All trained variants of a place tell together how far a training moves from seed to seed, and seeds of variant and
    control are not paired: pairing would leave S - 1 degrees of freedom, and methods that learn from equal seeds share
    little of a seed's luck. A control that needs no training has no seeds: values less its own are tested against zero.
    """
    found: list[Difference | None] = [None] * len(pairs)
    groups: dict[Hashable, list[int]] = {}
    for number, ((place, _), control) in enumerate(pairs):
        groups.setdefault((place, control[0], None if outcomes[control].trained else control), []).append(number)
    for (place, _, floor), numbers in groups.items():
        table = {key: one for key, one in _of(outcomes, place).items() if one.trained}
        asked = [pairs[number] for number in numbers]
        for of, control in asked:
            _same_items(outcomes[of], outcomes[control])
        if floor is None:
            table |= {control: outcomes[control] for _, control in asked}
            each = _differences(table, asked)
        else:
            base = outcomes[floor].values.mean(axis=0)
            over = {key: Outcomes(one.values - base, people=one.people) for key, one in table.items()}
            each = _over(over, [of for of, _ in asked], floor)
        for number, one in zip(numbers, each, strict=True):
            found[number] = one
    margins = [None] * len(pairs) if margins is None else margins
    own = [None if margin is None else margin / scale for margin, scale in zip(margins, scales, strict=True)]
    judged = verdicts(found, primary=primary, margin=own)
    rows = []
    for one, scale, margin in zip(judged, scales, margins, strict=True):
        of = one.difference
        shown = [scale * value for value in (of.estimate, of.low, of.high)]
        margin = math.nan if margin is None else margin
        rows.append((*shown, of.p_value, one.corrected, one.word, scale * one.visible, one.primary, margin))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def share(right: np.ndarray, people: np.ndarray | None = None) -> tuple[float, float]:
    """The 95 % interval (Wilson) of a share of right answers, (n,) bool, in percent; ``people`` as Outcomes has them.

    0 to 100 where answers say nothing of their own variance.
    """
    ends = of_one_network(right, people=people, rates=True)
    return (0.0, 100.0) if ends is None else (100 * ends[0], 100 * ends[1])


def _estimate(of: Outcomes, found: Mean | None, scale: float) -> dict[str, float]:
    per_seed = of.per_seed
    spread = float(per_seed.std(ddof=1)) if len(per_seed) > 1 else math.nan
    low, high = (math.nan, math.nan) if found is None else (found.low, found.high)
    figures = {"mean": float(per_seed.mean()), "low": low, "high": high, "spread": spread}
    items = 0 if of.values is None else of.values.shape[1]
    return {key: scale * value for key, value in figures.items()} | {"seeds": len(per_seed), "items": items}


def _of(outcomes: Mapping[Key, Outcomes], place: Hashable) -> dict[Key, Outcomes]:
    """What has items at a place."""
    return {key: one for key, one in outcomes.items() if key[0] == place and one.values is not None}


def _shared(table: Mapping[Hashable, Outcomes]) -> Sharing | None:
    """Who shares whom among the items that all of a table have.

    None where items say nothing of their own variance: fewer than two, or each shares somebody with every other.
    """
    one = next(iter(table.values()), None)
    if one is None:
        return None
    try:
        return sharing(one.values.shape[1], one.people)
    except NoVariance:
        return None


def _differences(table: Mapping[Key, Outcomes], pairs: Sequence[tuple[Key, Key]]) -> list[Difference]:
    shared, values = _shared(table), {key: one.values for key, one in table.items()}
    if shared is not None:
        return differences(values, pairs, people=shared)
    return [
        _untested(*pair, values[pair[0]].mean() - values[pair[1]].mean(), [len(values[key]) for key in pair])
        for pair in pairs
    ]


def _over(table: Mapping[Hashable, Outcomes], variants: Sequence[Hashable], floor: Hashable) -> list[Difference]:
    shared, values = _shared(table), {key: one.values for key, one in table.items()}
    if shared is not None:
        return over_baseline(values, variants, floor, people=shared)
    return [_untested(variant, floor, values[variant].mean(), [len(values[variant])] * 2) for variant in variants]


def _untested(variant: Hashable, control: Hashable, estimate: float, trainings: Sequence[int]) -> Difference:
    """A difference whose items say nothing of its error: it may be any other."""
    unknown = dict.fromkeys(("items", "seeds", "both"), math.nan)
    first, second = trainings
    return Difference(
        variant, control, float(estimate), -math.inf, math.inf, 1.0, 1.0, 0.0, **unknown, pooled=False,
        trainings=(first, second),
    )  # fmt: skip


def _same_items(of: Outcomes, control: Outcomes) -> None:
    """Raise ValueError where the values of both are of other items, or there are none."""
    if of.values is None or control.values is None:
        raise ValueError("a measure without items cannot be compared item by item")
    known = of.items is not None and control.items is not None
    if known and not np.array_equal(of.items, control.items):
        raise ValueError("outcomes of other items cannot be compared")
