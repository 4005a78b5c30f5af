"""The tables of the super-resolution report."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.report import tables
from pipeline.report.blocks import Paragraph, Table
from pipeline.report.words import listed, points
from pipeline.tasks.super_resolution.report import words
from pipeline.tasks.super_resolution.report.data import Data
from pipeline.tasks.super_resolution.report.numbers import Numbers, best_reader, controls, faces_set
from pipeline.tasks.super_resolution.report.published import context
from pipeline.tasks.super_resolution.report.recognition import DIRECT, SHARP, THROUGH

FEW = 30  # test pictures: fewer make a bootstrap over them too narrow


def quality(data: Data, numbers: Numbers, name: str) -> Table:
    """PSNR and SSIM on one set: floor, students, teacher."""
    inputs = data.inputs
    rows = []
    for variant in inputs.all:
        found = {measure: numbers.at(name, variant, measure) for measure in ("psnr", "ssim")}
        above = found["psnr"]["mean"] - numbers.at(name, inputs.floor)["mean"]
        rows.append(
            {
                "Enlarged by": f"{variant}\n{words.taught(inputs, variant)}",
                "PSNR, dB": tables.estimate(found["psnr"], "mean"),
                "SSIM": tables.estimate(found["ssim"], "mean", digits=4),
                f"over {inputs.floor}, dB": None if variant == inputs.floor else points(above, 2),
            }
        )
    several = "mean ± standard deviation over seeds; " if len(inputs.seeds) > 1 else ""
    few = len(data.sets[name].pictures) < FEW
    narrow = " (rather too narrow with so few)" if few else ""
    text = (
        f"PSNR and SSIM of the luma at {inputs.scale}, the mean over pictures: {several}below it the 95 % interval over"
        f" pictures{narrow}; {words.seeds(data)}."
    )
    return Table(pd.DataFrame(rows), words.caption(data, text, [name]), rules=(1, len(rows) - 1))


def published(data: Data, name: str) -> tuple[Paragraph, ...]:
    """What the paper reports for this set, as context."""
    students = [data.runs[variant][0]["network"] for variant in data.inputs.variants]
    kinds = {network.get("architecture") for network in students if isinstance(network, dict)}
    text = context(data.sets[name].label, data.inputs.factor, kinds)
    return (Paragraph(text),) if text else ()


def compared(data: Data, numbers: Numbers, name: str) -> Table | None:
    """Each student against each control on one set; None without students."""
    inputs = data.inputs
    order = controls(data)
    rows, marks = [], {}
    for variant in inputs.variants:
        row: dict[str, Any] = {"Student": f"{variant}\n{words.taught(inputs, variant)}"}
        for control in order:
            lines = numbers.against(control, name)
            lines = lines[lines["variant"] == variant].to_dict("records")
            column = f"against {control}"
            row[column] = tables.difference(lines[0], digits=2) if lines else None
            if lines and lines[0]["verdict"] in ("better", "worse"):
                marks[len(rows), column] = lines[0]["verdict"]
        rows.append(row)
    tests = int((numbers.gains["set"] == name).sum())
    if not tests:
        return None
    # The test draws other pictures, not other trainings: the reader must know what it cannot tell.
    training = (
        "It speaks of these trained networks on other pictures; the spread over seeds stands in the table above"
        if len(inputs.seeds) > 1
        else "With one seed it cannot tell a method from a lucky start"
    )
    least = words.weakest(data, numbers, name)
    cannot = (
        f" With so few pictures a test by signs cannot give less than p = {least:.2g} here, so a difference could not"
        " come out however large; the intervals, too, are rather too narrow."
        if least >= 0.05
        else ""
    )
    text = (
        f"PSNR against that of each control at {inputs.scale}: difference in dB, verdict, 95 % interval over pictures,"
        f" and p adjusted after Holm for the {tests} comparisons in this table. The test is paired: the signs of the"
        f" differences, picture by picture and averaged over seeds, are flipped. {training} ({words.seeds(data)})."
        f"{cannot}"
    )
    return Table(pd.DataFrame(rows), words.caption(data, text, [name]), marks=marks)


def verified(data: Data, numbers: Numbers, protocol: str) -> Table:
    """Accuracy of the recogniser by what enlarged the face, beside students that read the small face."""
    inputs, about = data.inputs, data.verification
    name = faces_set(data)
    floor = THROUGH, inputs.floor
    against = {f"against {inputs.floor}": floor}
    if best := best_reader(data, protocol):
        against[f"against {best[1]}, direct"] = best
    rows, marks = [], {}
    for reader in about.readers:
        through = reader[0] == THROUGH
        row: dict[str, Any] = {
            "Read through": words.reader_name(data, reader),
            "PSNR, dB": f"{numbers.at(name, reader[1])['mean']:.2f}" if through else None,
            "Accuracy, %": tables.estimate(numbers.read_by(protocol, reader), "mean"),
        }
        for column, control in against.items():
            found = numbers.reading_against(protocol, control)
            line = found.loc[[reader]].to_dict("records")[0] if reader in found.index else None
            row[column] = tables.difference(line) if line else None
            if line and line["verdict"] in ("better", "worse"):
                marks[len(rows), column] = line["verdict"]
        rows.append(row)
    several = "mean ± standard deviation over seeds, " if len(inputs.seeds) > 1 else ""
    direct = (
        " Students of recognition that read the small face themselves have learned from such faces, the recogniser has"
        f" not. {best[1]} is the best of them on these very pairs."
        if best
        else f" Nobody reads the small face itself: {about.missing}."
    )
    tests = int((numbers.readings["protocol"] == protocol).sum())
    text = (
        f"Verification accuracy at {inputs.scale} in percent: {several}below it the 95 % interval over pairs. PSNR is"
        f" that on {words.set_name(data, name)} ({len(data.sets[name].pictures)} pictures). Comparisons are paired, by"
        " whether a pair was called rightly: difference in percentage points, verdict, interval, and p adjusted after"
        f" Holm for the {tests} in this table.{direct}"
    )
    count = [len(about.of(how)) for how in (THROUGH, DIRECT, SHARP)]
    rules = {1, count[0], count[0] + count[1]} & set(range(1, len(rows)))
    frame = pd.DataFrame(rows)
    return Table(frame, words.faces_caption(data, protocol, text), rules=tuple(sorted(rules)), marks=marks)


def cost(data: Data, numbers: Numbers) -> Table:
    """Size, work and time beside the PSNR on each set."""
    inputs = data.inputs
    rows = []
    for variant in inputs.all:
        row: dict[str, Any] = {"Enlarged by": variant}
        trained = variant in inputs.trained
        row["Parameters"] = f"{data.cost('parameters', variant) / 1e6:.3f} M" if trained else None
        row["Multiply-adds"] = _operations(data.cost("multiply_adds", variant)) if trained else None
        times = tables.latencies(data.latency, variant)
        row |= times if trained else dict.fromkeys(times)
        for name in data.sets:
            row[f"{data.sets[name].label}, dB"] = f"{numbers.at(name, variant)['mean']:.2f}"
        rows.append(row)
    height, width = data.cost_for
    devices = listed(dict.fromkeys(data.latency["device"]))
    text = (
        f"Size, multiply-adds for one small picture of {width} x {height} pixels, time, and PSNR at {inputs.scale}"
        f" ({words.seeds(data)}). Time is the median for a whole batch of such pictures, below it the 10th and 90th"
        f" percentile, measured on {devices}: it varies from run to run. What {inputs.floor} costs was not measured."
    )
    return Table(pd.DataFrame(rows), words.caption(data, text, data.sets), rules=(1, len(rows) - 1))


def provenance(data: Data) -> Table:
    """Software, devices, precision, data, architectures."""
    inputs = data.inputs
    runs = [run for per_seed in data.runs.values() for run in per_seed]
    sets = listed(f"{words.set_name(data, name)} ({len(one.pictures)})" for name, one in data.sets.items())
    about = data.verification
    students = f"students {listed(map(str, inputs.seeds))}; " if inputs.variants else ""
    rows = [
        ("Trained on", inputs.train),
        ("Test pictures", sets),
        *([("Faces verified", words.faces(data)), ("Recogniser", about.recogniser)] if about else []),
        *tables.devices(runs),
        ("Seeds", f"{students}teacher {inputs.teacher_seed}"),
        ("Epochs", tables.epochs(data.losses, inputs.teacher)),
        *tables.software(runs),
        *tables.architectures({variant: data.runs[variant][0]["network"] for variant in inputs.trained}),
    ]
    frame = pd.DataFrame(rows, columns=["What", "Value"])
    return Table(frame, words.caption(data, "What these results were made with.", data.sets), words=("Value",))


def _operations(number: float) -> str:
    return f"{number / 1e6:.1f} M" if number < 1e9 else f"{number / 1e9:.2f} G"
