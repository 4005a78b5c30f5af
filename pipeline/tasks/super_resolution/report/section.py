"""The super-resolution section of the report, one for each scale: its tables, and what stands where."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.report import numbers as report_numbers
from pipeline.report import overview, plots, sections, sentences, tables
from pipeline.report.blocks import Block, Paragraph, Section, Table
from pipeline.report.numbers import Numbers
from pipeline.report.words import listed, points
from pipeline.tasks.super_resolution.report import figures, findings
from pipeline.tasks.super_resolution.report.findings import ACCURACY, MEASURES, PSNR
from pipeline.tasks.super_resolution.report.published import context
from pipeline.tasks.super_resolution.report.results import Data, Inputs, read

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
    return data, report_numbers.compute(
        data.outcomes, findings.families(data), MEASURES, {"psnr": inputs.equivalence_margin}
    )


def contrasts(data: Data, numbers: Numbers) -> pd.DataFrame:
    """Every student with a teacher against the same training without one, on each set."""
    inputs, panels = data.inputs, []
    taught = [name for name, settings in inputs.variants.items() if settings.get("distill")]
    for name in data.sets:
        rows = numbers.compared(**data.place("psnr", name)._asdict(), control=inputs.control)
        panels.append((f"{inputs.scale}, {data.set_name(name)}", rows[rows["variant"].isin(taught)]))
    return overview.contrasts("Super-resolution", PSNR, len(inputs.seeds), panels)


def section(data: Data, numbers: Numbers) -> Section:
    """Everything about super-resolution at one scale."""
    protocols = data.verification.pairs if data.verification else ()
    quality_: list[Block | None] = []
    recognised: list[Block | None] = []
    for name in data.sets:
        quality_ += [quality(data, numbers, name), published(data, name)]
    for protocol in protocols:
        recognised += [figures.quality_and_recognition(data, numbers, protocol), verified(data, numbers, protocol)]
    return sections.assemble(
        f"Super-resolution {data.inputs.scale}",
        findings.introduction(data),
        findings=findings.findings(data, numbers),
        results=("PSNR and SSIM", quality_),
        comparisons=[compared(data, numbers, name) for name in data.sets],
        others={"Better picture, better recognition?": recognised},
        training=[plots.training_figure(data)],
        cost=cost(data, numbers),
        pictures={"Pictures": [figure for name in data.sets for figure in figures.rows(data, name)]},
        made_with=[made_with(data)],
    )


def quality(data: Data, numbers: Numbers, name: str) -> Table:
    """PSNR and SSIM on one set: floor, students, teacher."""
    inputs, place = data.inputs, data.place("psnr", name)

    def above(variant: str) -> str | None:
        gained = numbers.mean(place, variant) - numbers.mean(place, inputs.floor)
        return None if variant == inputs.floor else points(gained, 2)

    columns = {
        "Enlarged by": lambda variant: f"{variant}\n{inputs.taught(variant)}",
        **tables.estimates(numbers, {"PSNR, dB": place}),
        **tables.estimates(numbers, {"SSIM": data.place("ssim", name)}, digits=4),
        f"over {inputs.floor}, dB": above,
    }
    text = (
        f"PSNR and SSIM of the luma at {inputs.scale}, the mean over pictures: {sentences.spread(inputs.seeds)}below it"
        f" the 95 % interval {sentences.over('picture', inputs.seeds)}; {data.seeds}."
    )
    return tables.by_variant(inputs.all, columns, data.caption(text, name), rules=[1, len(inputs.all) - 1])


def published(data: Data, name: str) -> Paragraph | None:
    """What the paper reports for this set, as context."""
    students = [data.runs[variant][0]["network"] for variant in data.inputs.variants]
    kinds = {network.get("architecture") for network in students if isinstance(network, dict)}
    text = context(data.sets[name].label, data.inputs.factor, kinds)
    return Paragraph(text) if text else None


def compared(data: Data, numbers: Numbers, name: str) -> Table | None:
    """Each student against each control on one set; None without students."""
    inputs, place = data.inputs, data.place("psnr", name)
    rows = [
        {"Student": f"{variant}\n{inputs.taught(variant)}"}
        | {f"against {control}": numbers.gain(place, variant, control) for control in findings.controls(data)}
        for variant in inputs.variants
    ]
    if (found := numbers.compared(**place._asdict())).empty:
        return None
    basis = {"items": data.sets[name].count, "noun": "picture", "seeds": len(inputs.seeds)}
    how = sentences.how_tested(PSNR, found, **basis, primary=f"students of a teacher against {inputs.control}")
    text = f"PSNR against that of each control at {inputs.scale}: {how}"
    return tables.compared(rows, data.caption(text, name), digits=PSNR.digits)


def verified(data: Data, numbers: Numbers, protocol: str) -> Table:
    """Accuracy of the recogniser by what enlarged the face, beside students that read the small face."""
    inputs, about, name = data.inputs, data.verification, data.faces_set
    place, best = data.place("accuracy", protocol), findings.best_reader(data, protocol)
    against = [inputs.floor, *([best] if best else [])]
    rows = []
    for reader in (*inputs.all, *about.beside):
        who = f"{reader}\nnothing was lost"
        if reader in inputs.all:
            who = f"{reader}\n{inputs.taught(reader)}"
        elif reader in about.direct:
            who = f"{about.direct[reader]}\nreads the {inputs.scale} face itself"
        psnr = f"{numbers.mean(data.place('psnr', name), reader):.2f}" if reader in inputs.all else None
        row = {"Read through": who, "PSNR, dB": psnr, "Accuracy, %": tables.estimate(numbers.at(place, reader))}
        rows.append(row | {f"against {control}": numbers.gain(place, reader, control) for control in against})
    direct = f"Nobody reads the small face itself: {about.missing}."
    if best:
        direct = (
            "Students of recognition that read the small face themselves have learned from such faces, the recogniser"
            f" has not. {about.direct[best]} is the best of them on these very pairs."
        )
    basis = {"items": about.pairs[protocol], "noun": "pair", "seeds": len(inputs.seeds), "each": "each (teachers: 1)"}
    basis["people"] = (
        "Pairs that share a person (where people are unknown: an identical picture) are not counted as independent."
    )
    text = (
        f"Verification accuracy at {inputs.scale} in percent: {sentences.spread(inputs.seeds, ', ')}below it the 95 %"
        f" interval {sentences.over('pair', inputs.seeds)}. The threshold of each fold is tuned on the other folds. PSNR"
        f" is that on {data.set_name(name)} ({data.sets[name].count} pictures). Comparisons:"
        f" {sentences.how_tested(ACCURACY, numbers.compared(**place._asdict()), **basis)} {direct}"
    )
    rules = {1, len(inputs.all), len(inputs.all) + len(about.direct)} & set(range(1, len(rows)))
    return tables.compared(rows, data.caption(text, protocol), rules=sorted(rules))


def cost(data: Data, numbers: Numbers) -> list[Block]:
    """Size, work and time beside the PSNR on each set."""
    inputs, (height, width) = data.inputs, data.cost_for
    of = f"one small picture of {width} x {height} pixels"
    psnr = {f"{each.label}, dB": data.place("psnr", name) for name, each in data.sets.items()}
    said = (
        f"Size, multiply-adds for {of}, time, and PSNR at {inputs.scale} ({data.seeds}). What {inputs.floor} costs was"
        " not measured."
    )
    panels = {f"{each.label}, {inputs.scale}": data.place("psnr", name) for name, each in data.sets.items()}
    figure = plots.cost_figure(
        data,
        numbers,
        panels,
        measure=f"PSNR at {inputs.scale}",
        axis="PSNR, dB",
        of=of,
        noun="picture",
        basis=data.seeds,
        slack=0.1,
        sharey=False,
        about=list(data.sets),
    )
    return [figure, tables.cost(data, "Enlarged by", {}, tables.means(numbers, psnr), said, *data.sets)]


def made_with(data: Data) -> Table:
    """What networks learned from and were judged on, and what they are."""
    inputs, about = data.inputs, data.verification
    sets = listed(f"{data.set_name(name)} ({each.count})" for name, each in data.sets.items())
    rows = [("Trained on", inputs.train), ("Test pictures", sets)]
    rows += [("Faces verified", about.dataset), ("Recogniser", about.recogniser)] if about else []
    networks = {variant: data.runs[variant][0]["network"] for variant in inputs.trained}
    return tables.made_with(data, rows, networks, teacher_seeds=[inputs.teacher_seed], about=data.sets)
