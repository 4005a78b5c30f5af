"""The photo-sketch section of the report, one for each collection of pairs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.report import overview, sections
from pipeline.report.blocks import Block, Bullets, Paragraph, Section
from pipeline.tasks.synthesis.report import figures as plots
from pipeline.tasks.synthesis.report import findings as said
from pipeline.tasks.synthesis.report import numbers as synthesis_numbers
from pipeline.tasks.synthesis.report import pictures, tables, words
from pipeline.tasks.synthesis.report.data import Data, Inputs, read
from pipeline.tasks.synthesis.report.numbers import Numbers
from pipeline.tasks.synthesis.report.reading import DIRECTIONS

__all__ = ["Inputs", "measure", "section", "write"]

UNPUBLISHED = "No published figures stand beside these: those of KT, KD and KD+ are not openly available."


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
    return data, synthesis_numbers.compute(data)


def contrasts(data: Data, numbers: Numbers) -> pd.DataFrame:
    """Every variant with a teacher against learning from the true pictures alone, by SSIM."""
    inputs = data.inputs
    taught = [name for name, settings in inputs.variants.items() if settings.get("transfer")]
    parts = []
    for direction, name in DIRECTIONS.items():
        rows = numbers.gains
        rows = rows[(rows["direction"] == direction) & (rows["measure"] == "ssim")]
        rows = rows[(rows["control"] == inputs.control) & rows["variant"].isin(taught)]
        panel = f"{name}, {words.pairs_name(data)}"
        parts.append(
            overview.contrasts(
                rows, task="Photo-sketch synthesis", panel=panel, unit="SSIM", digits=3, seeds=len(inputs.seeds)
            )
        )
    return overview.joined(parts)


def section(data: Data, numbers: Numbers) -> Section:
    """Everything about photo-sketch synthesis on one collection of pairs."""
    found: list[Block] = []
    quality: list[Block] = []
    tested: list[Block | None] = []
    for direction, name in DIRECTIONS.items():
        found.append(Bullets(tuple(said.findings(data, numbers, direction)), lead=name.capitalize()))
        quality.append(tables.quality(data, numbers, direction))
        tested += [tables.compared(data, numbers, direction), tables.contrasted(data, numbers, direction)]
    parts = [
        ("Findings", found),
        ("Likeness and recognition", [*quality, Paragraph(UNPUBLISHED)]),
        ("Is the difference real?", tested),
        ("Recognition by dimension", [plots.recognition(data)]),
        ("Pictures", [pictures.rows(data, direction) for direction in DIRECTIONS if data.samples[direction]]),
        ("Did a training go wrong?", [*_failed(data), tables.health(data)]),
        ("Training", plots.training(data)),
        ("Cost", [tables.cost(data)]),
        ("Made with", [tables.provenance(data)]),
    ]
    introduction = [Paragraph(text) for text in words.introduction(data)]
    inner = [Section(title, tuple(block for block in blocks if block is not None)) for title, blocks in parts]
    title = f"Photo-sketch synthesis, {data.inputs.collection}"
    return Section(title, (*introduction, *(part for part in inner if part.blocks)))


def _failed(data: Data) -> list[Block]:
    if not data.inputs.variants:
        return []
    failures = words.failures(data)
    if failures:
        return [Bullets(tuple(failures))]
    return [Paragraph("No run shows symptoms of a training that went wrong.")]
