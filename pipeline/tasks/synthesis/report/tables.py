"""The tables of the photo-sketch report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.report import tables
from pipeline.report.blocks import Table
from pipeline.report.words import between, listed
from pipeline.tasks.synthesis.report import words
from pipeline.tasks.synthesis.report.data import Data
from pipeline.tasks.synthesis.report.numbers import TESTED, Numbers, controls, weakest
from pipeline.tasks.synthesis.report.reading import COSTS, DIRECTIONS, NLDA
from pipeline.tasks.synthesis.report.words import KNOW, MEASURED

FEW = 30  # test pictures: fewer make a bootstrap over them too narrow
FEATURES = {"recognition_teacher": "the teacher of the recognition task"}


def quality(data: Data, numbers: Numbers, direction: str) -> Table:
    """Every measure of one direction: floor, then the variants."""
    inputs = data.inputs
    verified = numbers.at(direction, inputs.floor, "accuracy") is not None
    columns = {"ssim": ("SSIM", 3), "fsim": ("FSIM", 3), "difference": ("Grey levels apart", 1)}
    columns["frechet"] = (f"Frechet, N\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{data.test}", 3)
    if data.nlda:
        columns |= {NLDA[0]: ("NLDA rank-1, %", 1), NLDA[1]: ("NLDA best, %", 1)}
    columns |= {"accuracy": ("Verified, %", 1)} if verified else {}
    rows = []
    for variant in inputs.all:
        failed = "" if data.judged[direction, variant].sound.all() else f"\n{words.kept(data, direction, variant)}"
        row: dict[str, Any] = {"Made by": f"{variant}\n{words.taught(inputs, variant)}{failed}"}
        for measure, (column, digits) in columns.items():
            row[column] = _estimate(numbers.at(direction, variant, measure), digits)
        rows.append(row)
    return Table(pd.DataFrame(rows), words.caption(data, _quality_caption(data, direction, verified)), rules=(1,))


def compared(data: Data, numbers: Numbers, direction: str) -> Table | None:
    """Each variant against each control, by SSIM and FSIM; None without variants."""
    rows = []
    order = controls(data)
    for variant in data.inputs.variants:
        row: dict[str, Any] = {"Variant": f"{variant}\n{words.taught(data.inputs, variant)}"}
        for measure in TESTED:
            for control in order:
                row[f"{MEASURED[measure]} against {control}"] = numbers.gain(direction, measure, control, variant)
        rows.append(row)
    if not rows or not numbers.tests(direction):
        return None
    text = (
        f"{DIRECTIONS[direction].capitalize()}, SSIM and FSIM against those of each control: difference, verdict, 95 %"
        f" interval over pictures, and p adjusted after Holm for the {numbers.tests(direction)} comparisons of this"
        " direction, those of the next table included. The test is paired: the signs of the differences, picture by"
        f" picture and averaged over seeds, are flipped. {_cannot(data, numbers, direction)}"
    )
    return _differences(data, rows, text)


def contrasted(data: Data, numbers: Numbers, direction: str) -> Table | None:
    """Variants that are equal but for one thing; None where no two are."""
    rows = []
    for one in numbers.contrasts:
        row: dict[str, Any] = {"What is asked": f"{one.question}\n{one.more} against {one.less}"}
        for measure in TESTED:
            row[MEASURED[measure]] = numbers.gain(direction, measure, one.less, one.more)
        rows.append(row)
    if not rows or not numbers.tests(direction):
        return None
    text = (
        f"{DIRECTIONS[direction].capitalize()}, variants whose settings are equal but for what is named: difference,"
        " verdict, 95 % interval over pictures, and p adjusted together with the table above"
        f" ({numbers.tests(direction)} comparisons)."
    )
    return _differences(data, rows, text)


def health(data: Data) -> Table | None:
    """How many runs are sound, and how much what they make varies; None without variants."""
    rows = []
    for variant in data.inputs.variants:
        row: dict[str, Any] = {"Variant": f"{variant}\n{words.taught(data.inputs, variant)}"}
        for direction, said in DIRECTIONS.items():
            one = data.judged[direction, variant]
            row[f"{said}: seeds"] = words.kept(data, direction, variant)
            shares = [f"{100 * share:.0f}" for share in one.variety if not np.isnan(share)]
            row[f"{said}: variety, %"] = ", ".join(shares) or None
        rows.append(row)
    if not rows:
        return None
    text = (
        "How far the pictures that a network makes of different people differ from each other, as a share of how far"
        " the true ones do, seed by seed: little means that it makes everybody alike, as collapsed adversarial training"
        " does. Seeds with symptoms are in no mean and no test. That flatters a variant that fails now and then, so the"
        " seeds left are said in every table."
    )
    return Table(pd.DataFrame(rows), words.caption(data, text))


def cost(data: Data) -> Table | None:
    """Size, work and time of the two networks, which all variants share; None without variants."""
    if not data.cost:
        return None
    rows = []
    for place, (direction, said) in enumerate(DIRECTIONS.items()):
        parameters, operations = (data.cost[direction, metric] for metric in COSTS)
        row: dict[str, Any] = {"Network": said, "Parameters": f"{parameters / 1e6:.3f} M"}
        row["Multiply-adds"] = f"{operations / 1e6:.1f} M" if operations < 1e9 else f"{operations / 1e9:.2f} G"
        times = tables.latencies(data.latency, "student")
        rows.append(row | (times if place == 0 else dict.fromkeys(times)))
    side, devices = data.image_size, listed(dict.fromkeys(data.latency["device"]))
    text = (
        f"Size, multiply-adds for one picture of {side} x {side} pixels, and time. All variants have these two"
        " networks: teachers, adaptors and discriminators are there in training alone. Time is the median for a whole"
        f" batch of such pictures, below it the 10th and 90th percentile, measured on {devices} for photo to sketch;"
        " the other way was not measured. It varies from run to run."
    )
    return Table(pd.DataFrame(rows), words.caption(data, text))


def provenance(data: Data) -> Table:
    """Software, devices, precision, data, architectures."""
    inputs = data.inputs
    runs = [run for per_seed in data.runs.values() for run in per_seed]
    sets = data.runs[inputs.floor][0]["data"]["sets"].values()
    shown = [f"{one['label']} ({one['train']} train, {one['test']} test)" for one in sets]
    trained = [data.runs[variant][0] for variant in inputs.variants]
    made = [run["trained_with"] or {} for run in trained]
    judges = [one["discriminator"] for one in made if one.get("discriminator")]
    people = data.nlda
    analysis = f"{people['train']} people train a split, {people['tested']} are tested" if people else "not done"
    rows = [
        ("Pairs", f"{words.pairs_name(data)}, {data.train} to train and {data.test} to test on"),
        *([("Sets", listed(shown))] if shown else []),
        ("Teachers", _teachers(data)),
        *([("Seeds", listed(map(str, inputs.seeds)))] if inputs.variants else []),
        *([("Epochs of the students", _epochs(data))] if data.losses else []),
        *tables.devices(runs),
        *tables.software(runs),
        *tables.architectures({"the students": trained[0]["network"]} if trained else {}),
        *tables.architectures({"discriminators": judges[0]} if judges else {}),
        *tables.architectures({"the teachers": dict(inputs.teacher)}),
        *tables.architectures({"the recogniser": runs[0]["recogniser"]}),
        ("NLDA", analysis),
    ]
    frame = pd.DataFrame(rows, columns=["What", "Value"])
    return Table(frame, words.caption(data, "What these results were made with."), words=("Value",))


def _quality_caption(data: Data, direction: str, verified: bool) -> str:
    several = "mean ± standard deviation over seeds; " if len(data.inputs.seeds) > 1 else ""
    narrow = " (rather too narrow with so few)" if data.test < FEW else ""
    over = [name for name, there in (("pictures", True), ("people", data.nlda), ("pairs of faces", verified)) if there]
    text = (
        f"{DIRECTIONS[direction].capitalize()}, likeness to the true {words.OUTPUT[direction]} and recognition:"
        f" {several}below it the 95 % interval over {listed(over)}{narrow}; {words.seeds(data)}."
        " SSIM and FSIM: higher is better; grey levels apart, the mean absolute difference, and Frechet distance:"
        f" lower. The Frechet distance is that of embeddings by {FEATURES.get(data.features, data.features)}, of"
        f" {data.test} made and {data.test} true pictures; it has no interval, since drawing pictures again makes it"
        " larger, and cannot be compared with one of other features or another N."
    )
    if data.nlda:
        text += (
            " NLDA rank-1 uses all dimensions, so nothing is chosen; NLDA best, in the dimension that is best for the"
            " people tested, is what papers report, and flatters."
        )
    if verified:
        text += (
            f" Verified: whether the teacher of the recognition task calls {data.pairs} pairs of a made and a true"
            " photo rightly the same person or two, 50 % is chance."
        )
    return text + " Runs with symptoms are left out; a row without a sound run is empty."


def _cannot(data: Data, numbers: Numbers, direction: str) -> str:
    """What the test cannot tell: it draws other pictures, not other trainings."""
    text = (
        "It speaks of these trained networks on other people; the spread over seeds stands in the table above"
        if len(data.inputs.seeds) > 1
        else "With one seed it cannot tell a method from a lucky start"
    )
    least = weakest(data, numbers, direction)
    cannot = (
        f" With so few pictures the test cannot give less than p = {least:.2g} here, so a difference could not come out"
        " however large; the intervals, too, are rather too narrow."
        if least >= 0.05
        else ""
    )
    return f"{text} ({words.seeds(data)}).{cannot}"


def _differences(data: Data, rows: list[dict[str, Any]], text: str) -> Table:
    """Rows of a name and of comparisons, or None for one that was not made."""
    marks, shown = {}, []
    for number, row in enumerate(rows):
        cells = {}
        for column, value in row.items():
            cells[column] = tables.difference(value, digits=3) if isinstance(value, pd.Series) else value
            if isinstance(value, pd.Series) and value["verdict"] in ("better", "worse"):
                marks[number, column] = value["verdict"]
        shown.append(cells)
    return Table(pd.DataFrame(shown), words.caption(data, text), marks=marks)


def _estimate(row: pd.Series | None, digits: int) -> str | None:
    if row is None:
        return None
    spread = "" if np.isnan(row["spread"]) else f" ± {row['spread']:.{digits}f}"
    if np.isnan(row["low"]):
        return f"{row['mean']:.{digits}f}" + spread.replace(" ", "\n", 1)
    return f"{row['mean']:.{digits}f}{spread}\n{between(row['low'], row['high'], digits=digits)}"


def _teachers(data: Data) -> str:
    if not data.inputs.domains:
        return "none"
    said = []
    for domain in data.inputs.domains:
        table = data.teacher_losses.get(domain)
        learned = "as published, not trained here" if table is None else f"{len(table)} epochs"
        said.append(f"of {KNOW.get(domain, domain)} ({learned})")
    return listed(said)


def _epochs(data: Data) -> str:
    found = sorted({len(table) for each in data.losses.values() for table in each})
    return listed(map(str, found))
