"""The tables of the classification report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report import tables
from pipeline.report.blocks import MISSING, Table
from pipeline.report.words import listed
from pipeline.tasks.classification.report import words
from pipeline.tasks.classification.report.data import AFTER, ITSELF, Data
from pipeline.tasks.classification.report.numbers import Numbers, supervised


def quality(data: Data, numbers: Numbers) -> Table:
    """Accuracy, likelihood, calibration and agreement with the teacher."""
    inputs = data.inputs
    rows = []
    for variant in inputs.all:
        row = {
            "Variant": f"{variant}\n{words.taught(data, variant)}",
            "top-1, %": tables.estimate(numbers.at(variant), "mean", digits=1),
            "top-5, %": tables.mean(100 * data.value("top5", variant)),
            "NLL, nats": _mean(data.value("nll", variant), 3),
            "ECE, points": tables.mean(100 * data.value("ece", variant)),
            "agreement, %": tables.mean(100 * data.value("agreement", variant)),
            "KL, nats": _mean(data.value("kl", variant), 3),
        }
        rows.append(row)
    several = "mean ± standard deviation over seeds; " if len(inputs.seeds) > 1 else ""
    frame = pd.DataFrame(rows)
    explained = ""
    if len(data.classes) <= 5:
        frame = frame.drop(columns="top-5, %")
    else:
        explained = " top-5: the true class is among the five likeliest."
    text = (
        f"Test images classified rightly: {several}below top-1 the 95 % interval over images.{explained} NLL: negative"
        " log-likelihood of the true class; ECE: expected calibration error in 15 bins; agreement: images that get the"
        " same class from the student and the pretrained teacher, and KL the divergence of the student's probabilities"
        " from the teacher's."
    )
    return Table(frame, words.caption(data, text), rules=(len(rows) - 1,) if len(rows) > 1 else ())


def compared(data: Data, numbers: Numbers) -> Table | None:
    """Every student against its controls; None where there are none."""
    rows, marks = [], {}
    for line in numbers.gains.to_dict("records"):
        if line["verdict"] in ("better", "worse"):
            marks[len(rows), "top-1, points"] = line["verdict"]
        who = {"Student": line["variant"], "against": line["control"], "what it adds": line["question"]}
        rows.append(who | {"top-1, points": tables.difference(line)})
    if not rows:
        return None
    training = (
        "It speaks of these trained networks on other images; the spread over seeds stands in the table above"
        if len(data.inputs.seeds) > 1
        else "With one seed it cannot tell a method from a lucky start"
    )
    text = (
        f"Top-1 against that of controls with the same network, image by image: difference, verdict, 95 % interval, and"
        f" p adjusted after Holm for the {len(rows)} comparisons in this table. With one seed the test is McNemar's,"
        " exact; with several, signs of the differences of seed means are flipped."
        f" {training}."
    )
    return Table(pd.DataFrame(rows), words.caption(data, text), words=("against", "what it adds"), marks=marks)


def teachers(data: Data, numbers: Numbers) -> Table | None:
    """The teacher as pretrained, and as each training left it; None where none has learned."""
    if not data.changed:
        return None
    rows, marks = [_teacher(data, numbers, data.inputs.teacher, ITSELF, "before")], {}
    for line in numbers.teachers.to_dict("records"):
        if line["verdict"] in ("better", "worse"):
            marks[len(rows), "top-1 against before"] = line["verdict"]
        row = _teacher(data, numbers, line["variant"], AFTER, f"after {line['variant']}")
        rows.append(row | {"top-1 against before": tables.difference(line)})
    several = "mean ± standard deviation over seeds of the students; " if len(data.inputs.seeds) > 1 else ""
    text = (
        f"The teacher as it was pretrained, and as it is after it learned too: {several}below top-1 the 95 % interval"
        " over images. Differences are against before, paired image by image, p adjusted after Holm for the"
        f" {len(rows) - 1} in this table. Agreement is with itself before."
    )
    return Table(pd.DataFrame(rows), words.caption(data, text), rules=(1,), marks=marks)


def cost(data: Data, numbers: Numbers) -> Table:
    """Work of the training, size, work and time of the network beside its accuracy."""
    inputs = data.inputs
    rows = []
    for variant in inputs.all:
        row = {
            "Variant": variant,
            "training": _training(data, variant),
            "Parameters": f"{data.value('parameters', variant)[0] / 1e6:.3f} M",
            "Multiply-adds": _operations(data.value("multiply_adds", variant)[0]),
        }
        rows.append(row | tables.latencies(data.latency, variant) | {"top-1, %": f"{numbers.at(variant)['mean']:.1f}"})
    devices = listed(dict.fromkeys(data.latency["device"]))
    text = (
        "Training: multiply-adds of all networks that took part in it, peers and teachers that were only asked"
        " included, as multiples of learning the same network from labels alone, or as such; what pretrained the"
        " teacher is not in those of its students. Then size and multiply-adds of the network for one image, and time:"
        " the median for a whole batch, below it the 10th and 90th percentile, measured on"
        f" {devices}: it varies from run to run."
    )
    return Table(pd.DataFrame(rows), words.caption(data, text), rules=(len(rows) - 1,) if len(rows) > 1 else ())


def provenance(data: Data) -> Table:
    """Software, devices, precision, data, architectures."""
    inputs = data.inputs
    runs = [run for per_seed in data.runs.values() for run in per_seed]
    students = f"students {listed(map(str, inputs.seeds))}; " if inputs.variants else ""
    about = data.about
    parts = about["images"]
    rows = [
        ("Images", f"{words.set_name(data)}: {parts['train']:,} to learn from, {parts['test']:,} to test"),
        ("Classes", listed(data.classes) if len(data.classes) <= 20 else str(len(data.classes))),
        *tables.devices(runs),
        ("Seeds", f"{students}teacher {inputs.teacher_seed}"),
        ("Epochs", tables.epochs(data.losses, inputs.teacher)),
        *tables.software(runs),
        *tables.architectures({variant: data.runs[variant][0]["network"] for variant in inputs.all}),
    ]
    frame = pd.DataFrame(rows, columns=["What", "Value"])
    return Table(frame, words.caption(data, "What these results were made with."), words=("Value",))


def _teacher(data: Data, numbers: Numbers, variant: str, condition: str, name: str) -> dict[str, str]:
    return {
        "Teacher": name,
        "top-1, %": tables.estimate(numbers.at(variant, condition), "mean", digits=1),
        "NLL, nats": _mean(data.value("nll", variant, condition), 3),
        "ECE, points": tables.mean(100 * data.value("ece", variant, condition)),
        "agreement, %": tables.mean(100 * data.value("agreement", variant, condition)),
    }


def _training(data: Data, variant: str) -> str:
    """Multiples of the same network's training from labels; multiply-adds where there is none."""
    work = data.work(variant)
    control = None if variant == data.inputs.teacher else supervised(data.inputs, variant)
    return _operations(work) if control is None else f"{work / data.work(control):.2f} ×"


def _operations(number: float) -> str:
    for size, unit in ((1e15, "P"), (1e12, "T"), (1e9, "G")):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number / 1e6:.1f} M"


def _mean(values: np.ndarray, digits: int) -> str:
    """Mean over seeds and, where there are several, their standard deviation."""
    if not len(values):
        return MISSING
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"
