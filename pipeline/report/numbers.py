"""The numbers of a section, computed once: a row for each figure of its tables, and for each comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.report import comparing
from pipeline.report.comparing import Outcomes


class Place(NamedTuple):
    """What was measured, and where: columns of the tidy table."""

    metric: str
    protocol: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Measure:
    """How a metric is shown: its name, the unit of a difference and its digits; values are shown times ``scale``."""

    name: str
    unit: str = "points"
    digits: int = 1
    scale: float = 100


class Comparison(NamedTuple):
    """``variant`` against ``control``, which may be measured elsewhere; ``question`` says what the difference is of.

    ``primary``: named before results are seen, against the control without a teacher where it counts most; all other
    comparisons are exploratory.
    """

    place: Place
    variant: str
    control: str
    question: str = ""
    control_place: Place | None = None
    primary: bool = False


ESTIMATED = (*Place._fields, "variant", "mean", "low", "high", "spread", "seeds", "items")
COMPARED = (*Place._fields, "variant", "control", "question", "family", "tests", *comparing.COLUMNS)
All = Mapping[tuple[Place, str], Outcomes]  # by place and variant


@dataclass(frozen=True)
class Numbers:
    """Two tables, in the units that measures are shown in: ``estimates`` with ESTIMATED, ``comparisons`` with COMPARED.

    Comparisons of one ``family`` (counted from 0) are corrected together, for the number of them, ``tests``.
    """

    estimates: pd.DataFrame
    comparisons: pd.DataFrame

    def at(self, place: Place, variant: str) -> dict[str, Any] | None:
        """One row of ``estimates``; None where that was not measured."""
        return _first(chosen(self.estimates, **place._asdict(), variant=variant))

    def mean(self, place: Place, variant: str) -> float:
        """The mean in one row of ``estimates``."""
        return self.at(place, variant)["mean"]

    def gain(self, place: Place, variant: str, control: str) -> dict[str, Any] | None:
        """One row of ``comparisons``; None where these two were not compared."""
        return _first(chosen(self.comparisons, **place._asdict(), variant=variant, control=control))

    def compared(self, **where: str) -> pd.DataFrame:
        """The comparisons whose columns have these values."""
        return chosen(self.comparisons, **where)

    def tests(self, **where: str) -> int:
        """How many comparisons are corrected together with those whose columns have these values."""
        rows = self.compared(**where)
        return 0 if rows.empty else int(rows["tests"].iloc[0])


Margins = Mapping[str, float | None]


def compute(
    outcomes: All,
    families: Iterable[Sequence[Comparison]],
    measures: Mapping[str, Measure],
    margins: Margins | None = None,
) -> Numbers:
    """An estimate of each outcome; the comparisons of each family, corrected together.

    ``margins``: by metric, a difference that does not matter, in the unit of the metric's measure.
    """
    found = comparing.estimates(outcomes, [measures[place.metric].scale for place, _ in outcomes])
    estimates = [
        place._asdict() | {"variant": variant} | figures
        for (place, variant), figures in zip(outcomes, found, strict=True)
    ]
    filled = [list(dict.fromkeys(family)) for family in families]
    tables = [
        _family(number, family, outcomes, measures, margins or {}) for number, family in enumerate(filter(None, filled))
    ]
    compared = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COMPARED))
    return Numbers(pd.DataFrame(estimates, columns=list(ESTIMATED)), compared)


def chosen(table: pd.DataFrame, **where: str) -> pd.DataFrame:
    """The rows whose columns have these values."""
    rows = np.ones(len(table), dtype=bool)
    for column, value in where.items():
        rows &= table[column].to_numpy() == value
    return table[rows]  # once: a report asks some thousand times, and each table on the way takes a third of a ms


def _family(
    number: int, family: Sequence[Comparison], outcomes: All, measures: Mapping[str, Measure], margins: Margins
) -> pd.DataFrame:
    pairs = [((each.place, each.variant), (each.control_place or each.place, each.control)) for each in family]
    scales = [measures[each.place.metric].scale for each in family]
    shown = [margins.get(each.place.metric) for each in family]
    compared = comparing.family(outcomes, pairs, scales, [each.primary for each in family], shown)
    keys = [
        each.place._asdict() | {"variant": each.variant, "control": each.control, "question": each.question}
        for each in family
    ]
    return pd.concat([pd.DataFrame(keys).assign(family=number, tests=len(family)), compared], axis=1)


def _first(rows: pd.DataFrame) -> dict[str, Any] | None:
    return None if rows.empty else rows.iloc[0].to_dict()
