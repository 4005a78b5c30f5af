"""How every section of the report says things: names, numbers with their signs, intervals, verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

RENDERED = "rendered faces"
NULL = "not distinguishable"  # the word of pipeline.metrics.verdicts for a null result
EQUAL = "equivalent"  # within the margin of params.yaml
ONE_SEED = "one seed"  # two networks were compared, not two methods
VERDICTS = ("better", "worse", EQUAL, NULL, ONE_SEED)


def named(dataset: str, rendered: bool) -> str:
    """The data set's name, with the words "rendered faces" if that is what it holds."""
    return dataset if not rendered or RENDERED in dataset.lower() else f"{RENDERED} ({dataset})"


def listed(names: Iterable[str]) -> str:
    """a, b and c."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def count(number: int, noun: str) -> str:
    """1 seed, 2 seeds; thousands apart."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def p_value(p: float) -> str:
    """p with two digits that mean something."""
    if p < 0.001:
        return "p < 0.001"
    # Rounding must not put a p on the other side of, or onto, the line at 0.05.
    digits = 4 if 0.0495 <= p < 0.0505 else 3 if p < 0.1 else 2
    return f"p = {p:.{digits}f}"


def tested(row: Mapping[str, Any]) -> str:
    """The p of one of several comparisons, corrected for their number; ``row``: adjusted, verdict, low, high, primary.

    The interval beside it is not corrected: that is said where the two would seem to contradict each other. With one
    seed there is no p: networks were compared, not methods.
    """
    if row["verdict"] == ONE_SEED:
        return "of these two networks"
    text = f"{p_value(row['adjusted'])} after correction{', primary' if row['primary'] else ''}"
    if row["verdict"] == NULL and not row["low"] <= 0 <= row["high"]:
        text += "; the interval is of this comparison alone"
    return text


def points(value: float, digits: int = 1) -> str:
    """A difference with its sign; a true minus, and no minus before a zero."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def between(low: float, high: float, sign: bool = False, digits: int = 1) -> str:
    """An interval; without ends where items say nothing of their own variance."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "unknown"
    if sign:
        return f"{points(low, digits)} to {points(high, digits)}"
    return f"{low:.{digits}f} to {high:.{digits}f}"


def than(verdict: str, control: str) -> str:
    """better than scratch, not distinguishable from scratch, equivalent to scratch."""
    if verdict == ONE_SEED:
        return f"beside {control} in one seed, which gives no verdict"
    return f"{verdict} {'from' if verdict == NULL else 'to' if verdict == EQUAL else 'than'} {control}"
