"""The classification section of the report, one for each set of images."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.report import overview, sections
from pipeline.report.blocks import Bullets, Paragraph, Section
from pipeline.tasks.classification.report import figures as plots
from pipeline.tasks.classification.report import numbers as classification_numbers
from pipeline.tasks.classification.report import tables, words
from pipeline.tasks.classification.report.data import Data, Inputs, read
from pipeline.tasks.classification.report.numbers import BESIDE_LABELS, Numbers, with_teacher

__all__ = ["Inputs", "measure", "section", "write"]


def write(inputs: Inputs, folder: Path) -> None:
    """Write the section into ``folder``, for the last step.

    All bytes but those of section.json, which shows latencies, depend on the results alone. Raises InputError as
    measure does.
    """
    data, numbers = measure(inputs)
    sections.write(section(data, numbers), data.metrics, folder, {overview.FILE: contrasts(data, numbers)})


def measure(inputs: Inputs) -> tuple[Data, Numbers]:
    """Read what the other steps wrote and compute what the report says.

    Raises InputError naming the first file that is missing or damaged.
    """
    data = read(inputs)
    return data, classification_numbers.compute(data)


def contrasts(data: Data, numbers: Numbers) -> pd.DataFrame:
    """Every student of the teacher against the same network that learned from labels alone."""
    inputs, rows = data.inputs, numbers.gains
    taught = [name for name, settings in inputs.variants.items() if with_teacher(settings["learning"])]
    parts = []
    for _, alike in rows[rows["question"] == BESIDE_LABELS].groupby("control", sort=False):
        chosen = alike[alike["variant"].isin(taught)]
        name = words.set_name(data)
        parts.append(
            overview.contrasts(
                chosen, task="Classification", panel=name, unit="points of top-1", digits=1, seeds=len(inputs.seeds)
            )
        )
    return overview.joined(parts)


def section(data: Data, numbers: Numbers) -> Section:
    """Everything about one set of images."""
    compared, teachers, weights = tables.compared(data, numbers), tables.teachers(data, numbers), plots.weights(data)
    parts = [
        Section("Findings", (Bullets(tuple(words.findings(data, numbers))),)),
        Section("Accuracy and calibration", (tables.quality(data, numbers), plots.reliability(data))),
        Section("Is the difference real?", (compared,) if compared else ()),
        Section("The teacher before and after", (teachers,) if teachers else ()),
        Section("Training", (plots.learning_curves(data), *((weights,) if weights else ()))),
        Section("Accuracy against cost", (plots.cost(data, numbers), tables.cost(data, numbers))),
        Section("Images", (plots.samples(data),)),
        Section("Made with", (tables.provenance(data),)),
    ]
    introduction = [Paragraph(text) for text in words.introduction(data)]
    return Section(f"Classification: {words.set_name(data)}", (*introduction, *(p for p in parts if p.blocks)))
