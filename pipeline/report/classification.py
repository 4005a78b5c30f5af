"""The visual recognition section of the report, one for each set of images."""

from __future__ import annotations

from pathlib import Path

from pipeline.report import classification_figures as plots
from pipeline.report import classification_numbers, sections
from pipeline.report import classification_tables as tables
from pipeline.report import classification_words as words
from pipeline.report.blocks import Bullets, Paragraph, Section
from pipeline.report.classification_data import Data, Inputs, read
from pipeline.report.classification_numbers import Numbers

__all__ = ["Inputs", "measure", "section", "write"]


def write(inputs: Inputs, folder: Path) -> None:
    """Write the section into ``folder``, for the last step.

    All bytes but those of section.json, which shows latencies, depend on the results alone. Raises InputError as
    measure does.
    """
    data, numbers = measure(inputs)
    sections.write(section(data, numbers), data.metrics, folder)


def measure(inputs: Inputs) -> tuple[Data, Numbers]:
    """Read what the other steps wrote and compute what the report says.

    Raises InputError naming the first file that is missing or damaged.
    """
    data = read(inputs)
    return data, classification_numbers.compute(data)


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
    return Section(f"Visual recognition: {words.set_name(data)}", (*introduction, *(p for p in parts if p.blocks)))
