"""What super-resolution compares, and what the numbers say, null results included."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from pipeline.report import sentences
from pipeline.report.blocks import Bullets
from pipeline.report.numbers import Comparison, Measure, Numbers
from pipeline.report.words import count, listed
from pipeline.tasks.super_resolution.report.results import SHARP, Data

MEASURES = {
    "psnr": Measure("PSNR", "dB", 2, scale=1),
    "ssim": Measure("SSIM", "", 4, scale=1),
    "accuracy": Measure("accuracy"),
}
PSNR, ACCURACY = MEASURES["psnr"], MEASURES["accuracy"]


def controls(data: Data) -> list[str]:
    """What students are compared with: no network, no teacher, the teacher's output alone; each if it is there."""
    inputs = data.inputs
    return [inputs.floor, *(name for name in (inputs.control, inputs.output) if name in inputs.variants)]


def families(data: Data) -> Iterator[list[Comparison]]:
    """Of each set, PSNR against each control; of each protocol, accuracy against bicubic and the best reader."""
    inputs, order = data.inputs, controls(data)
    for name in data.sets:
        # A control is compared with those before it, not the other way round as well.
        yield [
            Comparison(data.place("psnr", name), variant, control, primary=is_primary(data, name, variant, control))
            for place, control in enumerate(order)
            for variant in inputs.variants
            if variant not in order[: place + 1]
        ]
    for protocol in data.verification.pairs if data.verification else ():
        place, through = data.place("accuracy", protocol), list(inputs.trained)
        family = [Comparison(place, reader, inputs.floor) for reader in (*through, *data.verification.beside)]
        if best := best_reader(data, protocol):
            family += [Comparison(place, variant, best) for variant in through]
        yield family


def is_primary(data: Data, name: str, variant: str, control: str) -> bool:
    """Whether it says what a teacher adds to the same training without one, on the first set that settings name."""
    inputs = data.inputs
    return name == inputs.sets[0] and control == inputs.control and bool(inputs.variants[variant].get("distill"))


def best_reader(data: Data, protocol: str) -> str | None:
    """The student of recognition that reads small faces best, None where there is none."""
    place = data.place("accuracy", protocol)
    direct = data.verification.direct if data.verification else ()
    return max(direct, key=lambda reader: data.outcomes[place, reader].per_seed.mean(), default=None)


def agreement(data: Data, numbers: Numbers, protocol: str) -> tuple[int, int]:
    """How many pairs of enlargements PSNR and accuracy put in the same order, and in opposite ones; ties in neither."""
    places = data.place("psnr", data.faces_set), data.place("accuracy", protocol)
    points = [[numbers.mean(place, variant) for place in places] for variant in data.inputs.all]
    signs = [np.sign((a[0] - b[0]) * (a[1] - b[1])) for a, b in itertools.combinations(points, 2)]
    return sum(sign > 0 for sign in signs), sum(sign < 0 for sign in signs)


def introduction(data: Data) -> list[str]:
    """What was run, in a few sentences, and for rendered pictures what it does not say."""
    inputs, students = data.inputs, len(data.inputs.variants)
    judged = listed(f"{data.set_name(name)} ({count(each.count, 'picture')})" for name, each in data.sets.items())
    result = [
        f"A teacher and {count(students, 'smaller student')} ({count(len(inputs.seeds), 'seed')}"
        f"{' each' if students > 1 else ''}), trained on {inputs.train}, had to enlarge pictures"
        f" {inputs.factor} times that had been made that many times smaller by antialiased bicubic resampling. They are"
        f" judged on {judged} by PSNR and SSIM of the luma, rounded to 8 bits and without a border of"
        f" {count(inputs.factor, 'pixel')}. Bicubic enlargement is the floor; every network is that of its last epoch."
    ]
    if about := data.verification:
        protocols = listed(f"{name} ({count(number, 'pair')})" for name, number in about.pairs.items())
        result.append(
            f"Whether enlarged faces are still recognised was tested on {about.dataset}: {protocols}. One recogniser,"
            " the teacher of the recognition task, which knows sharp faces only, reads every enlargement."
        )
    return [*result, *sentences.about_data(data.remarks, data.drawn)]


def findings(data: Data, numbers: Numbers) -> list[Bullets]:
    """What the numbers say, set by set, then protocol by protocol."""
    found = [Bullets(tuple(enlarged(data, numbers, name)), lead=data.set_name(name)) for name in data.sets]
    for protocol in data.verification.pairs if data.verification else ():
        lead = f"Is the face still recognised? {protocol}"
        found.append(Bullets(tuple(recognised(data, numbers, protocol)), lead=lead))
    return found


def enlarged(data: Data, numbers: Numbers, name: str) -> list[str]:
    """What the numbers of one set say."""
    inputs, place = data.inputs, data.place("psnr", name)
    levels = {variant: numbers.mean(place, variant) for variant in inputs.all}
    reached = sentences.span([levels[variant] for variant in inputs.variants], 2) if inputs.variants else ""
    result = [
        f"Bicubic enlargement reaches {levels[inputs.floor]:.2f} dB{reached and f', students {reached} dB'}, the"
        f" teacher {levels[inputs.teacher]:.2f} dB."
    ]
    floor = numbers.compared(**place._asdict(), control=inputs.floor)
    if not floor.empty:
        best = floor.loc[floor["difference"].idxmax()]
        came_out = sentences.tally(floor).replace(" better", f" came out better than {inputs.floor}", 1)
        text = (
            f"Of {count(len(floor), 'student')}, {came_out}; {best['variant']} has the highest PSNR,"
            f" {sentences.gain(best, PSNR)}."
        )
        lost = f" That any student beats {inputs.floor} could not be shown here."
        result.append(text if sentences.any_better(floor) else text + lost)
    students = [name for name, own in inputs.variants.items() if own.get("distill") and name != inputs.control]
    beyond = [variant for variant in students if set(inputs.variants[variant]["distill"]) != {"output"}]
    alone = f"over {inputs.control}, the same student without one,"
    pictures = f"over imitating only the teacher's pictures ({inputs.output})"
    for control, variants, lead, null in (
        (inputs.control, students, "What learning from the teacher adds", f"from the teacher {alone}"),
        (inputs.output, beyond, "What the teacher's features add", pictures),
    ):
        # What a larger network gains is not put down to the teacher.
        table = numbers.compared(**place._asdict(), control=control)
        alike = [variant for variant in variants if inputs.network(variant) == inputs.network(control)]
        table = table[table["variant"].isin(alike)]
        if not table.empty:
            text = f"{lead} to {control}: {sentences.each(table, list(table['variant']), PSNR)}."
            null = f" No gain {null} could be shown here."
            result.append(text if sentences.any_better(table) else text + null)
    return result


def recognised(data: Data, numbers: Numbers, protocol: str) -> list[str]:
    """What the numbers of one protocol say about recognition."""
    inputs, about, place = data.inputs, data.verification, data.place("accuracy", protocol)
    at = {reader: numbers.mean(place, reader) for reader in (*inputs.all, *about.beside)}
    best = max(inputs.trained, key=lambda variant: at[variant])
    sharp = f", {at[SHARP]:.1f} % on sharp faces" if about.sharp else ""
    result = [
        f"The recogniser reaches {at[inputs.floor]:.1f} % on faces enlarged by {inputs.floor}, {at[best]:.1f} % through"
        f" {best}, the best of the networks{sharp}."
    ]
    table = numbers.compared(**place._asdict(), control=inputs.floor)
    table = table[table["variant"].isin(list(inputs.trained))]
    text = f"Against {inputs.floor}, on the same pairs: {sentences.each(table, list(table['variant']), ACCURACY)}."
    if not sentences.any_better(table):
        text += " That super-resolution helps the recogniser could not be shown here."
    agree, oppose = agreement(data, numbers, protocol)
    pairs = count(len(inputs.all) * (len(inputs.all) - 1) // 2, "pair")
    sharpest = max(inputs.trained, key=lambda variant: numbers.mean(data.place("psnr", data.faces_set), variant))
    leads = f"{sharpest} has the highest PSNR, {best} the highest accuracy"
    leads = f"{sharpest} leads in both" if sharpest == best else leads
    result += [
        text,
        f"Does a higher PSNR mean better recognition? Of {pairs} of enlargements, the one with the"
        f" higher PSNR on {data.set_name(data.faces_set)} also verifies better in {agree} and worse in {oppose};"
        f" {leads}.",
    ]
    if not (reader := best_reader(data, protocol)):
        return [*result, f"No student that reads the small face itself stands beside it: {about.missing}."]
    row, name = numbers.gain(place, best, reader), about.direct[reader]
    return [
        *result,
        f"{name}, the best student of recognition that reads the {inputs.scale} face itself, reaches"
        f" {at[reader]:.1f} %: {best} and then the recogniser is {sentences.verdict_than(row, name, ACCURACY)}:"
        f" {sentences.gain(row, ACCURACY)}.",
    ]
