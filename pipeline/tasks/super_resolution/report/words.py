"""How the super-resolution report says things: captions, and findings that follow from the numbers."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from pipeline.data.remarks import sentence
from pipeline.metrics import statistics
from pipeline.report import words
from pipeline.report.words import NULL, between, count, listed, points, tested, than
from pipeline.tasks.super_resolution.report.data import Data, Inputs
from pipeline.tasks.super_resolution.report.numbers import Numbers, agreement, best_reader, controls, faces_set
from pipeline.tasks.super_resolution.report.recognition import DIRECT, RECOGNISER, SHARP, THROUGH, Reader

MANY = 4  # comparisons that one sentence can hold


def set_name(data: Data, name: str) -> str:
    """What tables call the set, "rendered" included where its pictures are."""
    return words.named(data.sets[name].label, data.sets[name].rendered)


def caption(data: Data, text: str, sets: Iterable[str] = ()) -> str:
    """A caption that says what the data are: no table or figure can be taken out of this context."""
    parts = [f"{set_name(data, name)} ({count(len(data.sets[name].pictures), 'picture')})" for name in sets]
    judged = f"{', '.join(parts)}; trained" if parts else "trained"
    return f"{text} Data: {judged} on {data.inputs.train}."


def faces(data: Data) -> str:
    """What tables call the faces that were verified."""
    return words.named(data.verification.dataset, data.verification.rendered)


def faces_caption(data: Data, protocol: str, text: str) -> str:
    """A caption of a table or figure about verification."""
    basis = f"{count(data.verification.pairs[protocol], 'pair')}, {seeds(data)}"
    return f"{text} Data: {faces(data)}, {protocol}: {basis}; enlargement trained on {data.inputs.train}."


def seeds(data: Data) -> str:
    """How many networks of each kind, for a caption."""
    return f"{count(len(data.inputs.seeds), 'seed')} a student, one teacher"


def taught(inputs: Inputs, variant: str) -> str:
    """What a variant is, in a few words."""
    if variant == inputs.floor:
        return "no network"
    if variant == inputs.teacher:
        return "the large network"
    settings = inputs.variants[variant]
    text = str(settings.get("description") or " + ".join(settings.get("distill") or ()) or "no teacher")
    network = inputs.networks.get(variant, "student")
    return text if network == "student" else f"{text}; network {network}"


def reader_name(data: Data, reader: Reader) -> str:
    """Who reads the face, in a table's first column."""
    how, name = reader
    if how == THROUGH:
        return f"{name}\n{taught(data.inputs, name)}"
    if how == DIRECT:
        return f"{name}\nreads the {data.inputs.scale} face itself"
    return "sharp faces\nnothing was lost"


def short(reader: Reader) -> str:
    """Who reads the face, in a sentence or a figure."""
    return "sharp faces" if reader[0] == SHARP else reader[1]


def introduction(data: Data) -> list[str]:
    """What was run, in a few sentences, and for rendered pictures what it does not say."""
    inputs = data.inputs
    students = len(inputs.variants)
    judged = listed(f"{set_name(data, n)} ({count(len(s.pictures), 'picture')})" for n, s in data.sets.items())
    text = (
        f"A teacher and {count(students, 'smaller student')} ({count(len(inputs.seeds), 'seed')}"
        f"{' each' if students > 1 else ''}), trained on {inputs.train}, had to enlarge pictures"
        f" {inputs.factor} times that had been made that many times smaller by antialiased bicubic resampling. They are"
        f" judged on {judged} by PSNR and SSIM of the luma, rounded to 8 bits and without a border of"
        f" {count(inputs.factor, 'pixel')}. Bicubic enlargement is the floor; every network is that of its last epoch."
    )
    result = [text]
    if about := data.verification:
        protocols = listed(f"{name} ({count(number, 'pair')})" for name, number in about.pairs.items())
        result.append(
            f"Whether enlarged faces are still recognised was tested on {faces(data)}:"
            f" {protocols}. One recogniser, the teacher of the recognition task, which knows sharp faces only, reads"
            " every enlargement."
        )
    if any(one.rendered for one in data.sets.values()) or (about and about.rendered):
        result.append(
            "The rendered faces are drawn by a program so that the whole comparison can be run anywhere: they are"
            " simpler than photographs, so nothing measured on them says anything about photographs or real faces."
        )
    return result + sentence(inputs.remarks)


def findings(data: Data, numbers: Numbers, name: str) -> list[str]:
    """What the numbers of one set say, a null result included."""
    inputs = data.inputs
    levels = {variant: numbers.at(name, variant)["mean"] for variant in inputs.all}
    reached = [levels[variant] for variant in inputs.variants]
    span = f", students {_range(reached)} dB" if reached else ""
    result = [
        f"Bicubic enlargement reaches {levels[inputs.floor]:.2f} dB{span}, the teacher {levels[inputs.teacher]:.2f} dB."
    ]
    if inputs.variants:
        result.append(_floor(data, numbers, name))
    control = f"{inputs.control}, the same student without one,"
    teacherless = f"No gain from the teacher over {control} could be shown here."
    students = _taught(inputs)
    result += _added(data, numbers, name, inputs.control, students, "What learning from the teacher adds", teacherless)
    beyond = [variant for variant in students if set(inputs.variants[variant]["distill"]) != {"output"}]
    featureless = f"No gain over imitating only the teacher's pictures ({inputs.output}) could be shown here."
    result += _added(data, numbers, name, inputs.output, beyond, "What the teacher's features add", featureless)
    if (least := weakest(data, numbers, name)) >= 0.05:
        pictures = len(data.sets[name].pictures)
        result.append(
            f"With {count(pictures, 'picture')} no difference could have come out: the smallest possible p of the test"
            f" is {statistics.smallest_p_value(pictures):.2g}, after correction {least:.2g}."
        )
    return result


def weakest(data: Data, numbers: Numbers, name: str) -> float:
    """The least adjusted p that the set's comparisons can reach, were all to agree on every picture."""
    tests = int((numbers.gains["set"] == name).sum())
    return min(1.0, statistics.smallest_p_value(len(data.sets[name].pictures)) * max(tests, 1))


def recognised(data: Data, numbers: Numbers, protocol: str) -> list[str]:
    """What the numbers of one protocol say about recognition, a null result included."""
    inputs = data.inputs
    at = {reader: numbers.read_by(protocol, reader)["mean"] for reader in data.verification.readers}
    floor = THROUGH, inputs.floor
    enlarged = [(THROUGH, variant) for variant in inputs.trained]
    best = numbers.best(protocol, enlarged)
    sharp = f", {at[SHARP, RECOGNISER]:.1f} % on sharp faces" if (SHARP, RECOGNISER) in at else ""
    result = [
        f"The recogniser reaches {at[floor]:.1f} % on faces enlarged by {inputs.floor}, {at[best]:.1f} % through"
        f" {best[1]}, the best of the networks{sharp}."
    ]
    table = numbers.reading_against(protocol, floor).loc[enlarged]
    text = f"Against {inputs.floor}, on the same pairs: {_each(table, table.index, digits=1, unit='points')}."
    if not (table["verdict"] == "better").any():
        text += " That super-resolution helps the recogniser could not be shown here."
    result.append(text)
    agree, oppose = agreement(data, numbers, protocol)
    total = len(inputs.all) * (len(inputs.all) - 1) // 2
    result.append(
        f"Does a higher PSNR mean better recognition? Of {count(total, 'pair')} of enlargements, the one with the"
        f" higher PSNR on {set_name(data, faces_set(data))} also verifies better in {agree} and worse in {oppose}"
        f"{_leaders(data, numbers, protocol, best)}."
    )
    if reader := best_reader(data, protocol):
        row = numbers.reading_against(protocol, reader).loc[[best]].iloc[0]
        result.append(
            f"{reader[1]}, the best student of recognition that reads the {inputs.scale} face itself, reaches"
            f" {at[reader]:.1f} %: {best[1]} and then the recogniser is {than(row['verdict'], reader[1])}"
            f" ({points(row['difference'])} points, 95 % interval {between(row['low'], row['high'], sign=True)};"
            f" {tested(row)})."
        )
    else:
        result.append(f"No student that reads the small face itself stands beside it: {data.verification.missing}.")
    return result


def _floor(data: Data, numbers: Numbers, name: str) -> str:
    inputs = data.inputs
    table = numbers.against(inputs.floor, name)
    tally = {verdict: int((table["verdict"] == verdict).sum()) for verdict in ("better", "worse", NULL)}
    best = table.loc[table["difference"].idxmax()]
    text = (
        f"Of {count(len(table), 'student')}, {tally['better']} came out better than {inputs.floor}, {tally['worse']}"
        f" worse and {tally[NULL]} not distinguishable; {best['variant']} has the highest PSNR,"
        f" {points(best['difference'], 2)} dB (95 % interval {_interval(best, 2)}; {tested(best)})."
    )
    return text if tally["better"] else f"{text} That any student beats {inputs.floor} could not be shown here."


def _added(
    data: Data, numbers: Numbers, name: str, control: str, variants: list[str], lead: str, null: str
) -> list[str]:
    """What each of ``variants`` with the control's network has over it; nothing where either was not trained."""
    table = numbers.against(control, name).set_index("variant") if control in controls(data) else pd.DataFrame()
    same = data.inputs.networks.get(control, "student")
    alike = [variant for variant in variants if data.inputs.networks.get(variant, "student") == same]
    names = [variant for variant in alike if variant in table.index]
    if not names:
        return []
    chosen = table.loc[names]
    text = f"{lead} to {control}: {_each(chosen, names, digits=2, unit='dB')}."
    return [text if (chosen["verdict"] == "better").any() else f"{text} {null}"]


def _each(table: pd.DataFrame, names: Iterable, digits: int, unit: str) -> str:
    """Every comparison in words; of many only the highest, and how the others came out."""
    names, parts = list(names), []
    if len(names) > MANY:
        tally = [f"{int((table['verdict'] == verdict).sum())} {verdict}" for verdict in ("better", "worse", NULL)]
        highest = table.index[table["difference"].argmax()]
        return f"of {len(names)}, {listed(tally)}; highest {_each(table.loc[[highest]], [highest], digits, unit)}"
    for name in names:
        row = table.loc[[name]].iloc[0]
        shown = short(name) if isinstance(name, tuple) else name
        parts.append(
            f"{shown} {points(row['difference'], digits)} {unit} (95 % interval {_interval(row, digits)};"
            f" {tested(row)}), {row['verdict']}"
        )
    return "; ".join(parts)


def _interval(row: pd.Series, digits: int) -> str:
    return between(row["low"], row["high"], sign=True, digits=digits)


def _leaders(data: Data, numbers: Numbers, protocol: str, best: Reader) -> str:
    """Whether the sharpest pictures are those read best, among the networks."""
    name = faces_set(data)
    sharpest = max(data.inputs.trained, key=lambda variant: numbers.at(name, variant)["mean"])
    if sharpest == best[1]:
        return f"; {sharpest} leads in both"
    return f"; {sharpest} has the highest PSNR, {best[1]} the highest accuracy"


def _taught(inputs: Inputs) -> list[str]:
    return [name for name, settings in inputs.variants.items() if settings.get("distill") and name != inputs.control]


def _range(values: list[float]) -> str:
    return f"{min(values):.2f}" if len(values) == 1 else f"{min(values):.2f} to {max(values):.2f}"
