"""The tables of the recognition report."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from pipeline.report import recognition_words as words
from pipeline.report.blocks import MISSING, Table
from pipeline.report.recognition_data import Data
from pipeline.report.recognition_numbers import Numbers

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
            found = numbers.at(protocol, variant, condition)
            spread = "" if pd.isna(found["spread"]) else f" ± {found['spread']:.2f}"
            row[condition] = f"{found['accuracy']:.2f}{spread}\n{words.between(found['low'], found['high'])}"
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
    inputs = data.inputs
    found = numbers.against(control, protocol)
    if found.empty:
        return None
    rows, marks = [], {}
    for variant in dict.fromkeys(found["variant"]):
        row = {f"Compared with {control}": f"{variant}\n{words.trained_on(inputs, variant)}"}
        for line in found[found["variant"] == variant].to_dict("records"):
            row[line["condition"]] = "\n".join(
                (
                    words.points(line["difference"]),
                    line["verdict"],
                    words.between(line["low"], line["high"], sign=True),
                    words.p_value(line["adjusted"]),
                )
            )
            if line["verdict"] in ("better", "worse"):
                marks[len(rows), line["condition"]] = line["verdict"]
        rows.append(row)
    meaning = {
        inputs.plain: "what degraded training faces and the teacher give together",
        inputs.control: "what the teacher adds to degraded training faces",
    }[control]
    # The test draws other pairs, not other trainings: the reader must know what it cannot tell.
    seeds = (
        "It speaks of these trained networks on other pairs; the spread over seeds stands in the table above."
        if len(inputs.seeds) > 1
        else "With one seed it cannot tell a method from a lucky start."
    )
    text = (
        f"Compared with {control} ({words.trained_on(inputs, control)}) on {protocol}: {meaning}. Difference"
        f" in percentage points, verdict, 95 % interval, and p adjusted after Holm for the {len(found)}"
        f" comparisons in this table. The test is paired: the same {words.basis(data, protocol)} each."
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
                row[title] = _mean(100 * data.values(metric, protocol, variant, condition))
            rows.append(row)
    different = int((~data.same[protocol]).sum())
    seeds = "; mean ± standard deviation over seeds" if len(inputs.seeds) > 1 else ""
    text = (
        "Area under the ROC curve (AUC), equal error rate (EER) and true acceptance rate (TAR) at two false"
        f" acceptance rates (FAR) on {protocol} ({words.basis(data, protocol)}{seeds}). FAR 1e-2 and 1e-3"
        f" allow {int(1e-2 * different + 1e-9)} and {int(1e-3 * different + 1e-9)} of the {different:,} pairs"
        " of different people to be accepted."
    )
    count = len(inputs.models_and_seeds)
    rules = tuple(range(count, count * len(inputs.conditions), count))
    return Table(pd.DataFrame(rows), words.caption(inputs, text), rules=rules)


def cost(data: Data, numbers: Numbers) -> Table:
    """Size, work and time beside the accuracy at the lowest quality."""
    inputs = data.inputs
    batches = sorted(int(batch) for batch in data.latency["batch"].unique())
    rows = []
    for variant in inputs.models_and_seeds:
        row: dict[str, Any] = {
            "Trained": variant,
            "Parameters": f"{data.values('parameters', '', variant, '')[0] / 1e6:.3f} M",
            "Multiply-adds": _millions(data.values("multiply_adds", "", variant, "")[0]),
        }
        for batch in batches:
            row[f"batch\N{NO-BREAK SPACE}{batch}, ms"] = _latency(data.latency, variant, batch)
        for protocol in data.protocols:
            row[f"{protocol} {inputs.worst}, %"] = (
                f"{numbers.at(protocol, variant, inputs.worst)['accuracy']:.2f}"
            )
        rows.append(row)
    devices = words.listed(dict.fromkeys(data.latency["device"]))
    text = (
        f"Size, multiply-adds for one face, time, and accuracy at {inputs.worst}. Time is the median for a"
        f" whole batch, below it the 10th and 90th percentile, measured on {devices}: it varies from run to"
        " run."
    )
    return Table(pd.DataFrame(rows), words.caption(inputs, text), rules=(1,))


def provenance(data: Data) -> Table:
    """Software, device, precision, dataset, architectures."""
    inputs = data.inputs
    runs = [run for per_seed in data.runs.values() for run in per_seed]
    rows = [
        ("Dataset", _distinct(run["dataset"] for run in runs)),
        ("Device of the training", _distinct(run.get("trained_with", {}).get("device") for run in runs)),
        ("Device of the evaluation", _distinct(run["device"] for run in runs)),
        ("Precision", _distinct(run["precision"] for run in runs)),
        ("Seeds", f"students {words.listed(map(str, inputs.seeds))}; teacher {words.listed(map(str, inputs.teacher_seeds))}"),
        ("Epochs", _epochs(data)),
    ]
    if adopted := next((run["adopted"] for run in runs if run.get("adopted")), None):
        rows.append(("Own teacher", f"{adopted['file']}, sha256 {adopted['sha256']}"))
    for name in sorted({name for run in runs for name in run["versions"]}):
        rows.append((name, _distinct(run["versions"].get(name) for run in runs)))
    architectures: dict[str, list[str]] = {}
    for variant, per_seed in data.runs.items():
        architectures.setdefault(_architecture(per_seed[0]["model"]), []).append(variant)
    rows += [(f"Network of {words.listed(names)}", text) for text, names in architectures.items()]
    frame = pd.DataFrame(rows, columns=["What", "Value"])
    text = "What these results were made with."
    return Table(frame, words.caption(inputs, text), words=("Value",))


def _mean(values: np.ndarray) -> str:
    if not len(values) or np.isnan(values).any():
        return MISSING
    spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}"


def _millions(value: float) -> str:
    return MISSING if np.isnan(value) else f"{value / 1e6:.1f} M"


def _latency(table: pd.DataFrame, variant: str, batch: int) -> str:
    rows = table[(table["variant"] == variant) & (table["batch"] == batch)]
    if rows.empty:
        return MISSING
    row = rows.iloc[0]
    return f"{row['median_ms']:.2f}\n{row['p10_ms']:.2f} to {row['p90_ms']:.2f}"


def _epochs(data: Data) -> str:
    epochs = {variant: len(tables[0]) for variant, tables in data.losses.items()}
    students = sorted({epochs[variant] for variant in data.inputs.variants})
    teacher = epochs.get(data.inputs.teacher, "not trained here")
    return f"students {words.listed(map(str, students))}; teacher {teacher}"


def _distinct(values: Any) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value is not None)) or MISSING


def _architecture(model: Any) -> str:
    if not isinstance(model, dict):
        return str(model)
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in model.items()
    )
