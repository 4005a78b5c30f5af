"""Whole sentences that every section says alike: what was compared and how, what it cannot tell, what data are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.remarks import Remark, sentence
from pipeline.report import comparing
from pipeline.report.numbers import Measure
from pipeline.report.words import VERDICTS, between, count, listed, points, tested

MANY = 4  # comparisons that one sentence can hold
INTERVALS = "the intervals draw pairs or pictures again and take the networks as given"
FEW = 30  # items: fewer make an interval drawn from them too narrow


def gain(row: Mapping[str, Any], measure: Measure) -> str:
    """+1.2 points (95 % interval +0.3 to +2.0; p = 0.012 after correction)."""
    interval = between(row["low"], row["high"], sign=True, digits=measure.digits)
    unit = f" {measure.unit}" if measure.unit else ""
    return f"{points(row['difference'], measure.digits)}{unit} (95 % interval {interval}; {tested(row)})"


def outcome(row: Mapping[str, Any], measure: Measure) -> str:
    """A gain and its verdict: +1.2 points (...), better."""
    return f"{gain(row, measure)}, {row['verdict']}"


def adds(row: Mapping[str, Any], measure: Measure, where: str = "") -> str:
    """What a teacher adds to one variant; ``where`` is such as "at x8, "."""
    return f"What the teacher adds: {where}{row['variant']} differs from {row['control']} by {outcome(row, measure)}."


def tally(table: pd.DataFrame) -> str:
    """How the comparisons of a table came out: 3 better, 0 worse and 1 not distinguishable."""
    return listed(f"{int((table['verdict'] == verdict).sum())} {verdict}" for verdict in VERDICTS)


def each(table: pd.DataFrame, names: Sequence[str], measure: Measure) -> str:
    """Every comparison in words, under ``names``; of many only how they came out and the highest."""
    if len(table) > MANY:
        place = int(table["difference"].argmax())
        highest = each(table.iloc[[place]], [names[place]], measure)
        return f"of {len(table)}, {tally(table)}; highest {highest}"
    rows = table.to_dict("records")
    return "; ".join(f"{name} {outcome(row, measure)}" for name, row in zip(names, rows, strict=True))


def any_better(table: pd.DataFrame) -> bool:
    """Whether a comparison came out better."""
    return bool((table["verdict"] == "better").any())


def spread(seeds: Iterable[object], after: str = "; ") -> str:
    """What stands behind the ± of a cell; nothing with one seed."""
    return f"mean ± standard deviation over seeds{after}" if len(list(seeds)) > 1 else ""


def narrow(items: int) -> str:
    """What to think of an interval over few items."""
    return " (rather too narrow with so few)" if items < FEW else ""


def how_tested(
    measure: Measure,
    *,
    tests: int,
    items: int,
    noun: str,
    seeds: int,
    called: bool = True,
    each: str = "each",
    where: str = "in this table",
) -> str:
    """The sentences below a table of comparisons: what a cell says, how it was tested, and what that cannot tell.

    ``items``: of how many items, each a ``noun``. ``called``: whether these are called rightly or not, or have a
    score. ``each``: of which networks so many seeds are. ``where``: which comparisons are corrected together.
    """
    unit = f" in {'percentage points' if measure.unit == 'points' else measure.unit}" if measure.unit else ""
    if called:
        test = "signs of the differences of seed means are flipped" if seeds > 1 else "McNemar's test, exact"
    else:
        test = f"signs of the differences, {noun} by {noun} and averaged over seeds, are flipped"
    # The test draws other items, not other trainings: the reader must know what it cannot tell.
    text = (
        f"difference{unit}, verdict, 95 % interval over {noun}s, and p adjusted after Holm for the {tests} comparisons"
        f" {where}. The test is paired, the same {count(items, noun)}, {count(seeds, 'seed')} {each}: {test}."
    )
    if seeds > 1:
        text += (
            f" It speaks of these trained networks on other {noun}s; the spread over seeds stands in the table above."
        )
    else:
        text += " With one seed it cannot tell a method from a lucky start."
    if (least := comparing.least_p(items, tests)) >= 0.05:
        text += (
            f" With so few {noun}s it cannot give less than p = {least:.2g} here, so a difference could not come out"
            " however large; the intervals, too, are rather too narrow."
        )
    return text


def too_few(items: int, noun: str, tests: int) -> list[str]:
    """A finding where so few items were compared that no difference could have come out; mostly none."""
    least = comparing.least_p(items, tests)
    if not tests or least < 0.05:
        return []
    return [
        f"With {count(items, noun)} no difference could have come out: the smallest possible p of the test is"
        f" {comparing.least_p(items):.2g}, after correction {least:.2g}."
    ]


def no_better_than_guessing(who: str, right: np.ndarray, chance: float, noun: str, where: str = "") -> list[str]:
    """A finding where a teacher's accuracy is not above guessing, its 95 % interval (Wilson) not above ``chance``.

    ``right``: (n,) bool, of n items, each a ``noun``; ``chance``: the percent that guessing gives. Few answers show
    little: then a network cannot be told from guessing, which is all that is known.
    """
    low, high = comparing.share(right)
    if low > chance:
        return []
    return [
        f"{who} cannot be told from guessing{where}: right on {100 * right.mean():.1f} % of"
        f" {count(len(right), noun)} (95 % interval {between(low, high)}), where guessing gives"
        f" {chance:.{0 if float(chance).is_integer() else 1}f} %. What students take over from it is no knowledge, and"
        " the comparisons below say nothing about distillation."
    ]


def rendered(what: str = "rendered faces", than: str = "photographs") -> str:
    """What results on data that a program drew do not say."""
    return (
        f"The {what} are drawn by a program so that the whole comparison can be run anywhere: they are simpler than"
        f" {than}, so nothing measured on them says anything about real faces or {than}."
    )


def about_data(remarks: Sequence[Remark], drawn: bool, **said: str) -> list[str]:
    """The end of an introduction: that data are ``drawn`` by a program, with rendered's ``said``; what was left out."""
    return [*([rendered(**said)] if drawn else []), *sentence(remarks)]


def span(values: Iterable[float], digits: int) -> str:
    """The least and the highest of some values; the one where they are equal."""
    low, high = (f"{pick(values):.{digits}f}" for pick in (min, max))
    return low if low == high else f"{low} to {high}"
