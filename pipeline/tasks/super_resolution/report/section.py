"""The super-resolution section of the report, one for each scale."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.report import overview, sections
from pipeline.report.blocks import Block, Bullets, Paragraph, Section
from pipeline.tasks.super_resolution.report import figures as plots
from pipeline.tasks.super_resolution.report import numbers as super_resolution_numbers
from pipeline.tasks.super_resolution.report import pictures, tables, words
from pipeline.tasks.super_resolution.report.data import Data, Inputs, read
from pipeline.tasks.super_resolution.report.numbers import Numbers

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
    return data, super_resolution_numbers.compute(data)


def contrasts(data: Data, numbers: Numbers) -> pd.DataFrame:
    """Every student with a teacher against the same training without one, on each set."""
    inputs = data.inputs
    taught = [name for name, settings in inputs.variants.items() if settings.get("distill")]
    parts = []
    for name in data.sets:
        rows = numbers.against(inputs.control, name)
        rows = rows[rows["variant"].isin(taught)]
        panel = f"{inputs.scale}, {words.set_name(data, name)}"
        parts.append(
            overview.contrasts(
                rows, task="Super-resolution", panel=panel, unit="dB of PSNR", digits=2, seeds=len(inputs.seeds)
            )
        )
    return overview.joined(parts)


def section(data: Data, numbers: Numbers) -> Section:
    """Everything about super-resolution at one scale."""
    protocols = list(data.verification.pairs) if data.verification else []
    found = [Bullets(tuple(words.findings(data, numbers, name)), lead=words.set_name(data, name)) for name in data.sets]
    found += [
        Bullets(tuple(words.recognised(data, numbers, protocol)), lead=f"Is the face still recognised? {protocol}")
        for protocol in protocols
    ]
    quality: list[Block] = []
    for name in data.sets:
        quality += [tables.quality(data, numbers, name), *tables.published(data, name)]
    compared = [table for name in data.sets if (table := tables.compared(data, numbers, name)) is not None]
    recognised: list[Block] = []
    for protocol in protocols:
        recognised += [
            plots.quality_and_recognition(data, numbers, protocol),
            tables.verified(data, numbers, protocol),
        ]
    parts = [
        Section("Findings", tuple(found)),
        Section("PSNR and SSIM", tuple(quality)),
        Section("Is the difference real?", tuple(compared)),
        Section("Better picture, better recognition?", tuple(recognised)),
        Section("Pictures", tuple(figure for name in data.sets for figure in pictures.rows(data, name))),
        Section("Training", (plots.training_curves(data),)),
        Section("PSNR against cost", (plots.cost(data, numbers), tables.cost(data, numbers))),
        Section("Made with", (tables.provenance(data),)),
    ]
    introduction = [Paragraph(text) for text in words.introduction(data)]
    title = f"Super-resolution {data.inputs.scale}"
    return Section(title, (*introduction, *(part for part in parts if part.blocks)))
