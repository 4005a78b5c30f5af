"""The photo-sketch section of the report, one for each collection of pairs: its tables, and what stands where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.report import numbers as report_numbers
from pipeline.report import overview, sections, sentences, tables
from pipeline.report.blocks import Block, Bullets, Paragraph, Section, Table
from pipeline.report.numbers import Numbers, Place
from pipeline.report.words import listed
from pipeline.tasks.synthesis.report import figures, findings
from pipeline.tasks.synthesis.report.contrasts import telling
from pipeline.tasks.synthesis.report.figures import KNOW
from pipeline.tasks.synthesis.report.findings import MEASURES, SSIM, TESTED
from pipeline.tasks.synthesis.report.results import COSTS, DIRECTIONS, NLDA, Data, Inputs, read

__all__ = ["Inputs", "measure", "section", "write"]

UNPUBLISHED = "No published figures stand beside these: those of KT, KD and KD+ are not openly available."
FEATURES = {"recognition_teacher": "the teacher of the recognition task"}


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
        data.outcomes, findings.families(data), MEASURES, {"ssim": inputs.equivalence_margin}
    )


def contrasts(data: Data, numbers: Numbers) -> pd.DataFrame:
    """Every variant with a teacher against learning from the true pictures alone, by SSIM."""
    inputs, panels = data.inputs, []
    taught = [name for name, settings in inputs.variants.items() if settings.get("transfer")]
    for direction, name in DIRECTIONS.items():
        rows = numbers.compared(metric="ssim", protocol=direction, control=inputs.control)
        panels.append((f"{name}, {data.dataset}", rows[rows["variant"].isin(taught)]))
    return overview.contrasts("Photo-sketch synthesis", SSIM, len(inputs.seeds), panels)


def section(data: Data, numbers: Numbers) -> Section:
    """Everything about photo-sketch synthesis on one collection of pairs."""
    tested: list[Block | None] = []
    for direction in DIRECTIONS:
        tested += [compared(data, numbers, direction), contrasted(data, numbers, direction)]
    quality_ = [quality(data, numbers, direction) for direction in DIRECTIONS]
    return sections.assemble(
        f"Photo-sketch synthesis, {data.inputs.collection}",
        findings.introduction(data),
        findings=findings.findings(data, numbers),
        results=("Likeness and recognition", [*quality_, Paragraph(UNPUBLISHED)]),
        comparisons=tested,
        others={
            "Recognition by dimension": [figures.recognition(data)],
            "Did a training go wrong?": health(data),
        },
        training=figures.training(data),
        cost=[cost(data)],
        pictures={"Pictures": [figures.rows(data, direction) for direction in DIRECTIONS if data.samples[direction]]},
        made_with=[made_with(data)],
    )


def quality(data: Data, numbers: Numbers, direction: str) -> Table:
    """Every measure of one direction: floor, then the variants."""
    inputs = data.inputs

    def made_by(variant: str) -> str:
        judged = data.judged[direction, variant]
        return f"{variant}\n{inputs.taught(variant)}" + ("" if judged.sound.all() else f"\n{judged.kept}")

    shown = {"ssim": "SSIM", "fsim": "FSIM", "difference": "Grey levels apart"}
    shown["frechet"] = f"Frechet, N\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{data.test}"
    shown |= {NLDA[0]: "NLDA rank-1, %", NLDA[1]: "NLDA best, %"} if data.nlda else {}
    verified = numbers.at(Place("accuracy", direction), inputs.floor) is not None
    shown |= {"accuracy": "Verified, %"} if verified else {}
    columns = {"Made by": made_by}
    for metric, title in shown.items():
        digits = MEASURES[metric].digits
        columns |= tables.estimates(numbers, {title: Place(metric, direction)}, digits, digits)
    caption = data.caption(_quality_caption(data, direction, verified))
    return tables.by_variant(inputs.all, columns, caption, rules=[1])


def _quality_caption(data: Data, direction: str, verified: bool) -> str:
    over = [name for name, there in (("pictures", True), ("people", data.nlda), ("pairs of faces", verified)) if there]
    text = (
        f"{DIRECTIONS[direction].capitalize()}, likeness to the true {figures.OUTPUT[direction]} and recognition:"
        f" {sentences.spread(data.inputs.seeds)}below it the 95 % interval over {listed(over)}"
        f"{' and over seeds' if len(data.inputs.seeds) > 1 else ', of this network'}; {data.seeds}."
        " SSIM and FSIM: higher is better; grey levels apart, the mean absolute difference, and Frechet distance:"
        f" lower. The Frechet distance is that of embeddings by {FEATURES.get(data.features, data.features)}, of"
        f" {data.test} made and {data.test} true pictures; it has no interval, since drawing pictures again makes it"
        " larger, and cannot be compared with one of other features or another N."
    )
    if data.nlda:
        text += (
            " NLDA rank-1 uses all dimensions, so nothing is chosen; NLDA best, in the dimension that is best for the"
            " people tested, is what papers report, and flatters."
        )
    if verified:
        text += (
            f" Verified: whether the teacher of the recognition task calls {data.pairs} pairs of a made and a true"
            " photo rightly the same person or two, 50 % is chance."
        )
    return text + " Runs with symptoms are left out; a row without a sound run is empty."


def compared(data: Data, numbers: Numbers, direction: str) -> Table | None:
    """Each variant against each control, by SSIM and FSIM; None where there is nothing to compare."""
    rows = [
        {"Variant": f"{variant}\n{data.inputs.taught(variant)}"}
        | {
            f"{measure.name} against {control}": numbers.gain(Place(metric, direction), variant, control)
            for metric, measure in TESTED.items()
            for control in findings.controls(data)
        }
        for variant in data.inputs.variants
    ]
    if (found := numbers.compared(protocol=direction)).empty:
        return None
    basis = {"items": data.test, "noun": "picture", "seeds": len(data.inputs.seeds), "each": "per variant"}
    basis |= {"where": "of this direction, those of the next table included"}
    primary = f"SSIM of variants with a teacher against {data.inputs.control}"
    how = sentences.how_tested(SSIM, found, **basis, primary=primary)
    text = f"{DIRECTIONS[direction].capitalize()}, SSIM and FSIM against those of each control: {how}"
    return tables.compared(rows, data.caption(text), digits=SSIM.digits)


def contrasted(data: Data, numbers: Numbers, direction: str) -> Table | None:
    """Variants that are equal but for one thing; None where no two are."""
    rows = [
        {"What is asked": f"{contrast.question}\n{contrast.more} against {contrast.less}"}
        | {
            measure.name: numbers.gain(Place(metric, direction), contrast.more, contrast.less)
            for metric, measure in TESTED.items()
        }
        for contrast in telling(data.inputs.variants)
    ]
    if not (tests := numbers.tests(protocol=direction)):
        return None
    text = (
        f"{DIRECTIONS[direction].capitalize()}, variants whose settings are equal but for what is named: difference,"
        f" verdict, 95 % interval, and p, tested and corrected together with the table above ({tests} comparisons)."
    )
    return tables.compared(rows, data.caption(text), digits=SSIM.digits)


def health(data: Data) -> list[Block]:
    """What went wrong, how many runs are sound, and how much what they make varies; nothing without variants."""
    if not data.inputs.variants:
        return []
    columns = {"Variant": lambda variant: f"{variant}\n{data.inputs.taught(variant)}"}
    for direction, said in DIRECTIONS.items():
        judged = {variant: data.judged[direction, variant] for variant in data.inputs.variants}
        shares = {
            variant: ", ".join(f"{100 * share:.0f}" for share in each.variety if not np.isnan(share)) or None
            for variant, each in judged.items()
        }
        kept = {variant: each.kept for variant, each in judged.items()}
        columns |= {f"{said}: seeds": kept.get, f"{said}: variety, %": shares.get}
    text = (
        "How far the pictures that a network makes of different people differ from each other, as a share of how far"
        " the true ones do, seed by seed: little means that it makes everybody alike, as collapsed adversarial training"
        " does. Seeds with symptoms are in no mean and no test. That flatters a variant that fails now and then, so the"
        " seeds left are said in every table."
    )
    failures = findings.failures(data)
    sound = Paragraph("No run shows symptoms of a training that went wrong.")
    table = tables.by_variant(data.inputs.variants, columns, data.caption(text))
    return [Bullets(tuple(failures)) if failures else sound, table]


def cost(data: Data) -> Table | None:
    """Size, work and time of the two networks, which all variants share; None without variants."""
    if not data.costs:
        return None
    rows = []
    for place, (direction, said) in enumerate(DIRECTIONS.items()):
        parameters, operations = (data.costs[direction][metric] for metric in COSTS)
        row = {
            "Network": said,
            "Parameters": f"{parameters / 1e6:.3f} M",
            "Multiply-adds": tables.operations(operations),
        }
        times = tables.latencies(data.latency, "student")
        rows.append(row | (times if place == 0 else dict.fromkeys(times)))
    text = (
        f"Size, multiply-adds for one picture of {data.image_size} x {data.image_size} pixels, and time of photo to"
        " sketch; the other way was not measured. All variants have these two networks: teachers, adaptors and"
        f" discriminators are there in training alone. {tables.time_is(data)}"
    )
    return Table(pd.DataFrame(rows), data.caption(text))


def made_with(data: Data) -> Table:
    """What networks learned from, who taught them, and what they are."""
    inputs, about, people = data.inputs, data.about, data.nlda
    shown = [f"{each['label']} ({each['train']} train, {each['test']} test)" for each in about["sets"].values()]
    trained = [data.runs[variant][0] for variant in inputs.variants]
    judges = [made["discriminator"] for run in trained if (made := run["trained_with"] or {}).get("discriminator")]
    teachers = []
    for domain in inputs.domains:
        table = data.teacher_losses.get(domain)
        learned = "as published, not trained here" if table is None else f"{len(table)} epochs"
        teachers.append(f"of {KNOW.get(domain, domain)} ({learned})")
    rows = [
        ("Pairs", f"{data.dataset}, {about['train']} to train and {data.test} to test on"),
        *([("Sets", listed(shown))] if shown else []),
        ("Teachers", listed(teachers) if teachers else "none"),
    ]
    networks = {"the students": trained[0]["network"]} if trained else {}
    networks |= {"discriminators": judges[0]} if judges else {}
    networks |= {"the teachers": dict(inputs.architecture), "the recogniser": data.every_run[0]["recogniser"]}
    analysis = f"{people['train']} people train a split, {people['tested']} are tested" if people else "not done"
    return tables.made_with(data, rows, networks, [("NLDA", analysis)])
