"""What the numbers of one direction say, a null result included."""

from __future__ import annotations

import pandas as pd

from pipeline.metrics import statistics
from pipeline.report.words import NULL, between, count, listed, points, tested
from pipeline.tasks.synthesis.report.contrasts import Contrast
from pipeline.tasks.synthesis.report.data import Data
from pipeline.tasks.synthesis.report.health import fates
from pipeline.tasks.synthesis.report.numbers import TESTED, Numbers, weakest
from pipeline.tasks.synthesis.report.words import MEASURED

VERDICTS = ("better", "worse", NULL)
DIGITS = 3


def findings(data: Data, numbers: Numbers, direction: str) -> list[str]:
    """Sentences for one direction: levels, against the control, each contrast, recognition, what failed."""
    inputs = data.inputs
    sound = [variant for variant in inputs.variants if data.judged[direction, variant].sound.any()]
    result = [_levels(data, numbers, direction, sound)]
    if inputs.variants and not sound:
        result.append("No variant has a sound run left, so nothing can be compared.")
    if sound:
        result.append(_against(data, numbers, direction, inputs.floor, sound))
    if inputs.control in sound:
        others = [variant for variant in sound if variant != inputs.control]
        result += [_against(data, numbers, direction, inputs.control, others)] if others else []
    elif inputs.control is not None and sound:
        failed = fates(data.judged[direction, inputs.control].symptoms)
        result.append(
            f"{inputs.control}, the control, has no sound run here ({failed}): what a teacher adds to it cannot be"
            " said."
        )
    result += [text for one in numbers.contrasts if (text := _contrast(numbers, direction, one))]
    if sound:
        result.append(_leaders(data, numbers, direction, sound))
    for variant in inputs.all:
        one = data.judged[direction, variant]
        if not one.sound.all():
            left = "its row is empty" if not one.sound.any() else "means and tests leave out what failed"
            result.append(f"Of {count(len(one.seeds), 'seed')} of {variant}, {fates(one.symptoms)}: {left}.")
    if numbers.tests(direction) and (least := weakest(data, numbers, direction)) >= 0.05:
        result.append(
            f"With {count(data.test, 'test pair')} no difference could have come out: the smallest possible p of the"
            f" test is {statistics.smallest_p_value(data.test):.2g}, after correction {least:.2g}."
        )
    return result


def gain(row: pd.Series) -> str:
    """+0.012 (95 % interval +0.010 to +0.014; p < 0.001), better."""
    return f"{_number(row)}, {row['verdict']}"


def _levels(data: Data, numbers: Numbers, direction: str, sound: list[str]) -> str:
    parts = []
    for measure, name in MEASURED.items():
        floor = numbers.at(direction, data.inputs.floor, measure)["mean"]
        reached = [numbers.at(direction, variant, measure)["mean"] for variant in sound]
        span = f", variants {_range(reached)}" if reached else ""
        parts.append(f"{name} {floor:.{DIGITS}f}{span}")
    return f"{data.inputs.floor}, the given picture itself, reaches {'; '.join(parts)}."


def _against(data: Data, numbers: Numbers, direction: str, control: str, variants: list[str]) -> str:
    """How the variants came out against one control, by each measure."""
    is_floor = control == data.inputs.floor
    what = "the floor" if is_floor else "which has no teacher"
    parts, gained = [], False
    for measure in TESTED:
        rows = {name: numbers.gain(direction, measure, control, name) for name in variants if name != control}
        groups = []
        for verdict in VERDICTS:
            names = [name for name, row in rows.items() if row["verdict"] == verdict]
            groups += [f"{_all(names, len(rows))} {verdict}"] if names else []
        best = max(rows, key=lambda name: rows[name]["difference"])
        parts.append(f"by {MEASURED[measure]}, {'; '.join(groups)}; highest {best} {_number(rows[best])}")
        gained |= any(row["verdict"] == "better" for row in rows.values())
    text = f"Against {control}, {what}: {'. '.join(part[0].upper() + part[1:] for part in parts)}."
    if gained:
        return text
    return f"{text} That any variant beats {control} could not be shown here."


def _contrast(numbers: Numbers, direction: str, contrast: Contrast) -> str:
    rows = {measure: numbers.gain(direction, measure, contrast.less, contrast.more) for measure in TESTED}
    if any(row is None for row in rows.values()):
        return ""
    said = "; ".join(f"{MEASURED[measure]} {gain(row)}" for measure, row in rows.items())
    text = f"{contrast.question}, {contrast.more} against {contrast.less}: {said}."
    if not any(row["verdict"] == "better" for row in rows.values()):
        text += " No gain could be shown."
    return text


def _leaders(data: Data, numbers: Numbers, direction: str, sound: list[str]) -> str:
    """Who leads by which measure, and whether measures agree; not tested."""
    measures = {"ssim": "SSIM", "fsim": "FSIM", "nlda_all_dimensions": "NLDA rank-1 in all dimensions"}
    measures |= {"accuracy": "verification"}
    ranked = {name: numbers.ranked(direction, measure, sound) for measure, name in measures.items()}
    leading = {name: order[0] for name, order in ranked.items() if order}
    if len(set(leading.values())) == 1:
        text = f"{next(iter(leading.values()))} leads by {listed(leading)}"
    else:
        text = f"Measures name different leaders: {listed(f'{who} by {name}' for name, who in leading.items())}"
    row = None
    if ranked[measures["nlda_all_dimensions"]]:
        best = leading[measures["nlda_all_dimensions"]]
        row = numbers.at(direction, best, "nlda_all_dimensions")
        floor = numbers.at(direction, data.inputs.floor, "nlda_all_dimensions")["mean"]
        text += f". {best} recognises {row['mean']:.1f} % by NLDA, {data.inputs.floor} {floor:.1f} %"
    return f"{text}. Who leads was read off the means, not tested."


def _number(row: pd.Series) -> str:
    interval = between(row["low"], row["high"], sign=True, digits=DIGITS)
    return f"{points(row['difference'], DIGITS)} (95 % interval {interval}; {tested(row)})"


def _all(names: list[str], total: int) -> str:
    return f"all {total}" if len(names) == total and total > 2 else listed(names)


def _range(values: list[float]) -> str:
    low, high = (f"{value:.{DIGITS}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
