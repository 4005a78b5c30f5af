"""Whole sentences that every section says alike: what was compared and how, what it cannot tell, what data are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.remarks import Remark, sentence
from pipeline.report import comparing
from pipeline.report.numbers import Measure
from pipeline.report.words import EQUAL, NULL, ONE_SEED, VERDICTS, between, count, listed, points, tested, than

MANY = 4  # comparisons that one sentence can hold
POWER = "would have been found in 80 of 100 repetitions"


def amount(value: float, measure: Measure) -> str:
    """2.4 points; without a sign."""
    return f"{value:.{measure.digits}f}{f' {measure.unit}' if measure.unit else ''}"


def gain(row: Mapping[str, Any], measure: Measure) -> str:
    """+1.2 points (95 % interval +0.3 to +2.0; p = 0.012 after correction)."""
    interval = between(row["low"], row["high"], sign=True, digits=measure.digits)
    unit = f" {measure.unit}" if measure.unit else ""
    return f"{points(row['difference'], measure.digits)}{unit} (95 % interval {interval}; {tested(row)})"


def outcome(row: Mapping[str, Any], measure: Measure) -> str:
    """A gain and its verdict: +1.2 points (...), better."""
    return f"{gain(row, measure)}, {verdict(row, measure)}"


def verdict(row: Mapping[str, Any], measure: Measure) -> str:
    """better; what could have been seen beside a null result, the margin beside equality."""
    word = row["verdict"]
    if word == EQUAL:
        return f"{word} within {amount(row['margin'], measure)}"
    return f"{word}, no verdict on methods" if word == ONE_SEED else f"{word}{power(row, measure)}"


def verdict_than(row: Mapping[str, Any], control: str, measure: Measure) -> str:
    """better than scratch; not distinguishable from scratch (...)."""
    return f"{than(row['verdict'], control)}{power(row, measure)}"


def power(row: Mapping[str, Any], measure: Measure) -> str:
    """Beside a null result what could have been seen, in brackets; nothing beside another."""
    if row["verdict"] != NULL or np.isnan(row["visible"]):
        return ""
    return f" (a difference of {amount(row['visible'], measure)} {POWER})"


def adds(row: Mapping[str, Any], measure: Measure, where: str = "") -> str:
    """What a teacher adds to one variant; ``where`` is such as "at x8, "."""
    return f"What the teacher adds: {where}{row['variant']} differs from {row['control']} by {outcome(row, measure)}."


def tally(table: pd.DataFrame) -> str:
    """How the comparisons of a table came out: 3 better, 0 worse and 1 not distinguishable."""
    counts = {word: int((table["verdict"] == word).sum()) for word in VERDICTS}
    said = {ONE_SEED: "of one seed, without a verdict"}
    judged = len(table) > counts[ONE_SEED]
    shown = [word for word in VERDICTS if counts[word] or judged and word not in (EQUAL, ONE_SEED)]
    return listed(f"{counts[word]} {said.get(word, word)}" for word in shown)


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


def over(noun: str, seeds: Iterable[object]) -> str:
    """What an interval of a cell samples: over pairs and seeds; over pairs of one network."""
    several = len(list(seeds)) > 1
    return (
        f"over {noun}s and seeds (with one seed: over {noun}s, of this network)"
        if several
        else f"over {noun}s, of this network"
    )


def how_tested(
    measure: Measure,
    table: pd.DataFrame,
    *,
    items: int,
    noun: str,
    seeds: int,
    people: str = "",
    primary: str = "",
    each: str = "each",
    where: str = "in this table",
) -> str:
    """The sentences below a table of comparisons: what a cell says, how it was tested, and what that can tell.

    ``table``: all comparisons that are corrected together. ``items``: of how many items, each a ``noun``. ``each``: of
    which networks so many seeds are. ``where``: which comparisons are corrected together. ``people``: what is done
    about people that items share. ``primary``: which comparisons were named beforehand.
    """
    unit = f" in {'percentage points' if measure.unit == 'points' else measure.unit}" if measure.unit else ""
    basis = f"the same {count(items, noun)}, {count(seeds, 'seed')} {each}"
    people = f" {people}" if people else ""
    alone = (table["verdict"] == ONE_SEED).any()
    networks = (
        f"One seed: the interval samples {noun}s alone and is of these two networks, so there is no verdict on methods."
    )
    if (table["verdict"] == ONE_SEED).all():
        return f"difference{unit}, verdict, and 95 % interval over {noun}s ({basis}). {networks}{people}"
    text = (
        f"difference{unit}, verdict, 95 % interval, and p corrected after Holm for the {int((table['verdict'] != ONE_SEED).sum())} comparisons"
        f" {where} ({basis}). Both {noun}s and seeds are sampled: intervals and tests say what other {noun}s and other"
        f" trainings would give.{people} Student's t, degrees of freedom after Satterthwaite."
    )
    if table["primary"].any():
        text += f" Primary, named beforehand: {primary}, corrected among themselves; all others are exploratory."
    else:
        text += " All are exploratory."
    if (table["verdict"] == NULL).any():
        text += f" Not distinguishable is not equal: below it stands the difference that {POWER}."
    margins = table["margin"].dropna()
    if len(margins):
        text += f" Equivalent: the difference is shown to be smaller than {amount(margins.iloc[0], measure)}, a margin named beforehand."
    return f"{text} {networks}" if alone else text


def shared_people(known: bool, noun: str = "pair") -> str:
    """What is done about people that pairs, or searches, share."""
    if known:
        return f"{noun[0].upper()}{noun[1:]}s that share a person are not counted as independent."
    return (
        f"Whom the pictures show is not known: {noun}s that share an identical picture are not counted as independent,"
        " those that share a person in other pictures are."
    )


def no_better_than_guessing(
    who: str, right: np.ndarray, chance: float, noun: str, where: str = "", people: np.ndarray | None = None
) -> list[str]:
    """A finding where a teacher's accuracy is not above guessing, its 95 % interval (Wilson) not above ``chance``.

    ``right``: (n,) bool, of n items, each a ``noun``; ``people``: on each, as Outcomes has them; ``chance``: the percent
    that guessing gives. Few answers show little: then a network cannot be told from guessing, which is all that is known.
    """
    low, high = comparing.share(right, people)
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
