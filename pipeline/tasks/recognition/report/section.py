"""The recognition section of the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.report import overview, sections, tidy
from pipeline.report.blocks import Bullets, Paragraph, Section
from pipeline.tasks.recognition.report import figures as plots
from pipeline.tasks.recognition.report import identification, words
from pipeline.tasks.recognition.report import numbers as recognition_numbers
from pipeline.tasks.recognition.report import pictures as recognition_pictures
from pipeline.tasks.recognition.report import tables as recognition_tables
from pipeline.tasks.recognition.report.data import Data, Inputs, read
from pipeline.tasks.recognition.report.numbers import Numbers
from pipeline.tasks.recognition.report.teacher import no_better_than_guessing

__all__ = ["Inputs", "measure", "section", "write"]

TITLE = "Face recognition"


def write(inputs: Inputs, folder: Path) -> None:
    """Write the section into ``folder``, for the last step.

    All bytes but those of section.json, which shows latencies, depend on the results alone. Raises InputError as
    measure does.
    """
    data, numbers = measure(inputs)
    accuracy = numbers.accuracy[list(tidy.ACCURACY_COLUMNS)]
    tables = {} if accuracy.empty else {"accuracy.csv": accuracy}
    tables[overview.FILE] = contrasts(data, numbers)
    sections.write(section(data, numbers), data.metrics, folder, tables)


def measure(inputs: Inputs) -> tuple[Data, Numbers]:
    """Read what the other steps wrote and compute what the report says.

    Raises InputError naming the first file that is missing or damaged.
    """
    data = read(inputs)
    return data, recognition_numbers.compute(data)


def contrasts(data: Data, numbers: Numbers) -> pd.DataFrame:
    """Every student with a teacher against the control, at the poorest quality."""
    inputs = data.inputs
    parts = []
    for protocol in data.protocols if inputs.control in inputs.variants else ():
        rows = numbers.against(inputs.control, protocol)
        rows = rows[(rows["condition"] == inputs.worst) & rows["variant"].isin(words.distilled(inputs))]
        panel = f"{protocol} at {inputs.worst}, {words.faces(inputs)}"
        parts.append(
            overview.contrasts(
                rows, task=TITLE, panel=panel, unit="points of accuracy", digits=1, seeds=len(inputs.seeds)
            )
        )
    return overview.joined(parts)


def findings(data: Data, numbers: Numbers) -> tuple[Bullets, ...]:
    """What was found, what all of it rests on first."""
    doubts = no_better_than_guessing(data)
    found = [Bullets(tuple(doubts), lead="The teacher")] if doubts else []
    found += [Bullets(tuple(words.findings(data, numbers, protocol)), lead=protocol) for protocol in data.protocols]
    if data.searches.protocols:
        searched = (f"{p}: {identification.findings(data, numbers, p)}" for p in data.searches.protocols)
        found.append(Bullets(tuple(searched), lead="Identification"))
    return tuple(found)


def section(data: Data, numbers: Numbers) -> Section:
    """Everything about recognition."""
    inputs = data.inputs
    comparisons = [
        table
        for protocol in data.protocols
        for control in inputs.controls
        if (table := recognition_tables.compared(data, numbers, protocol, control)) is not None
    ]
    costs = [plots.cost(data, numbers)] if data.protocols else []
    costs.append(recognition_tables.cost(data, numbers))
    parts = [
        Section("Findings", findings(data, numbers)),
        Section(
            "Accuracy by quality",
            tuple(recognition_tables.ablation(data, numbers, p) for p in data.protocols),
        ),
        Section("Is the difference real?", tuple(comparisons)),
        Section("Other measures", tuple(recognition_tables.secondary(data, p) for p in data.protocols)),
        Section("Accuracy curves", (plots.accuracy_curves(data, numbers),) if data.protocols else ()),
        Section("ROC curves", tuple(plots.roc_curves(data, protocol) for protocol in data.protocols)),
        Section("Identification", identification.blocks(data, numbers)),
        Section("Training", (plots.training_curves(data),)),
        Section("Accuracy against cost" if data.protocols else "Cost", tuple(costs)),
        Section("What the networks see", (recognition_pictures.strip(data),)),
        Section("Where the networks look", recognition_pictures.attention(data)),
        Section("The faces", (recognition_pictures.contact_sheet(data),)),
        Section("Made with", (recognition_tables.provenance(data),)),
    ]
    introduction = [Paragraph(text) for text in words.introduction(data, numbers)]
    return Section(TITLE, (*introduction, *(part for part in parts if part.blocks)))
