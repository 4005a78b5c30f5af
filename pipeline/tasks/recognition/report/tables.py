"""The tables of the recognition report."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.report import tables
from pipeline.report.blocks import Table
from pipeline.report.words import listed
from pipeline.tasks.recognition.report import words
from pipeline.tasks.recognition.report.data import Data, Inputs
from pipeline.tasks.recognition.report.numbers import Numbers

SECONDARY = {
    "AUC, %": "auc",
    "EER, %": "eer",
    "TAR at FAR 1e-2, %": "tar_at_far_1e-2",
    "TAR at FAR 1e-3, %": "tar_at_far_1e-3",
}


def ablation(data: Data, numbers: Numbers, protocol: str) -> Table:
    """Variants by quality: accuracy, spread over seeds, interval. The teacher stands apart."""
    inputs = data.inputs
    rows = []
    for variant in inputs.models_and_seeds:
        row = {"Trained": f"{variant}\n{words.trained_on(inputs, variant)}"}
        for condition in inputs.conditions:
            row[condition] = tables.estimate(numbers.at(protocol, variant, condition), "accuracy")
        rows.append(row)
    several = max(len(seeds) for seeds in inputs.models_and_seeds.values()) > 1
    spread = ", mean ± standard deviation over seeds" if several else ""
    teachers = f" (teacher: {len(inputs.teacher_seeds)})" if len(inputs.teacher_seeds) != len(inputs.seeds) else ""
    text = (
        f"Verification accuracy in percent on {protocol}{spread}; below it the 95 % interval over pairs."
        f" {words.basis(data, protocol)}{teachers}. Published results come"
        " from other training data (CASIA-WebFace) and are not comparable, hence not shown."
    )
    return Table(pd.DataFrame(rows), words.caption(inputs, text), rules=(1,))


def compared(data: Data, numbers: Numbers, protocol: str, control: str) -> Table | None:
    """Each variant against one control at each quality; None when that control was not trained."""
    found = numbers.against(control, protocol)
    return comparison(data.inputs, found, control, f"on {protocol}", words.basis(data, protocol), "pairs")


def comparison(inputs: Inputs, found: pd.DataFrame, control: str, on: str, basis: str, items: str) -> Table | None:
    """One family of comparisons as a table; None where it is empty.

    ``on`` says in what, ``basis`` on how many ``items`` ("pairs", "probes") and seeds.
    """
    if found.empty:
        return None
    rows, marks = [], {}
    for variant in dict.fromkeys(found["variant"]):
        row = {f"Compared with {control}": f"{variant}\n{words.trained_on(inputs, variant)}"}
        for line in found[found["variant"] == variant].to_dict("records"):
            row[line["condition"]] = tables.difference(line)
            if line["verdict"] in ("better", "worse"):
                marks[len(rows), line["condition"]] = line["verdict"]
        rows.append(row)
    meaning = "what the teacher adds to degraded training faces"
    if control == inputs.plain:
        meaning = "what degraded training faces and the teacher give together"
    # The test draws other pairs, not other trainings: the reader must know what it cannot tell.
    seeds = (
        f"It speaks of these trained networks on other {items}; the spread over seeds stands in the table above."
        if len(inputs.seeds) > 1
        else "With one seed it cannot tell a method from a lucky start."
    )
    text = (
        f"Compared with {control} ({words.trained_on(inputs, control)}) {on}: {meaning}. Difference"
        f" in percentage points, verdict, 95 % interval, and p adjusted after Holm for the {len(found)}"
        f" comparisons in this table. The test is paired: the same {basis} each."
        f" {seeds}"
    )
    return Table(pd.DataFrame(rows), words.caption(inputs, text), marks=marks)


def secondary(data: Data, protocol: str) -> Table:
    """AUC, EER and TAR at two FARs, quality by quality."""
    inputs = data.inputs
    rows = []
    for condition in inputs.conditions:
        for variant in inputs.models_and_seeds:
            row = {"Trained": variant, "Quality": condition}
            for title, metric in SECONDARY.items():
                row[title] = tables.mean(100 * data.values(metric, protocol, variant, condition))
            rows.append(row)
    different = int((~data.same[protocol]).sum())
    seeds = "; mean ± standard deviation over seeds" if len(inputs.seeds) > 1 else ""
    text = (
        "Area under the ROC curve (AUC), equal error rate (EER) and true acceptance rate (TAR) at two false"
        f" acceptance rates (FAR) on {protocol} ({words.basis(data, protocol)}{seeds}). FAR 1e-2 and 1e-3"
        f" allow {int(1e-2 * different + 1e-9)} and {int(1e-3 * different + 1e-9)} of the {different:,} pairs"
        " of different people to be accepted. For EER and TAR the threshold is chosen on these very pairs, all folds"
        " together, and not, as for accuracy, on the other folds."
    )
    count = len(inputs.models_and_seeds)
    rules = tuple(range(count, count * len(inputs.conditions), count))
    return Table(pd.DataFrame(rows), words.caption(inputs, text), rules=rules)


def cost(data: Data, numbers: Numbers) -> Table:
    """Size, work and time beside the accuracy at the lowest quality."""
    inputs = data.inputs
    rows = []
    for variant in inputs.models_and_seeds:
        row: dict[str, Any] = {
            "Trained": variant,
            "Parameters": f"{data.values('parameters', '', variant, '')[0] / 1e6:.3f} M",
            "Multiply-adds": tables.millions(data.values("multiply_adds", "", variant, "")[0]),
            **tables.latencies(data.latency, variant),
        }
        for protocol in data.protocols:
            row[f"{protocol} {inputs.worst}, %"] = f"{numbers.at(protocol, variant, inputs.worst)['accuracy']:.2f}"
        rows.append(row)
    devices = listed(dict.fromkeys(data.latency["device"]))
    accuracy = f", and accuracy at {inputs.worst}" if data.protocols else ""
    text = (
        f"Size, multiply-adds for one face, time{accuracy}. Time is the median for a"
        f" whole batch, below it the 10th and 90th percentile, measured on {devices}: it varies from run to"
        " run."
    )
    return Table(pd.DataFrame(rows), words.caption(inputs, text), rules=(1,))


def provenance(data: Data) -> Table:
    """Software, device, precision, dataset, architectures."""
    inputs = data.inputs
    runs = [run for per_seed in data.runs.values() for run in per_seed]
    rows = [
        ("Dataset", tables.distinct(run["dataset"] for run in runs)),
        *tables.devices(runs),
        ("Seeds", f"students {listed(map(str, inputs.seeds))}; teacher {listed(map(str, inputs.teacher_seeds))}"),
        ("Epochs", tables.epochs(data.losses, inputs.teacher)),
        *tables.software(runs),
        *tables.architectures({variant: per_seed[0]["model"] for variant, per_seed in data.runs.items()}),
    ]
    if adopted := next((run["adopted"] for run in runs if run.get("adopted")), None):
        rows.append(("Own teacher", f"{adopted['file']}, sha256 {adopted['sha256']}"))
    frame = pd.DataFrame(rows, columns=["What", "Value"])
    text = "What these results were made with."
    return Table(frame, words.caption(inputs, text), words=("Value",))
