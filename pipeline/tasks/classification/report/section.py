"""The classification section of the report, one for each set of images: its tables, and what stands where."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.report import numbers as report_numbers
from pipeline.report import overview, plots, sections, sentences, tables
from pipeline.report.blocks import Block, Section, Table
from pipeline.report.numbers import Numbers
from pipeline.report.words import listed
from pipeline.tasks.classification.report import figures, findings
from pipeline.tasks.classification.report.findings import BEFORE, BESIDE_LABELS, MEASURES, TOP1, with_teacher
from pipeline.tasks.classification.report.results import AFTER, ITSELF, Data, Inputs, read

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
        data.outcomes, findings.families(data), MEASURES, {"top1": inputs.equivalence_margin}
    )


def contrasts(data: Data, numbers: Numbers) -> pd.DataFrame:
    """Every student of the teacher against the same network that learned from labels alone."""
    inputs, rows = data.inputs, numbers.compared(question=BESIDE_LABELS)
    rows = rows[rows["variant"].isin([name for name in inputs.variants if with_teacher(inputs.learning(name))])]
    panels = ((data.dataset, alike) for _, alike in rows.groupby("control", sort=False))
    return overview.contrasts("Classification", TOP1, len(inputs.seeds), panels)


def section(data: Data, numbers: Numbers) -> Section:
    """Everything about one set of images."""
    return sections.assemble(
        f"Classification: {data.dataset}",
        findings.introduction(data),
        findings=findings.findings(data, numbers),
        results=("Accuracy and calibration", [quality(data, numbers), figures.reliability(data)]),
        comparisons=[compared(data, numbers)],
        others={"The teacher before and after": [teachers(data, numbers)]},
        training=[figures.learning_curves(data), figures.weights(data)],
        cost=cost(data, numbers),
        pictures={"Images": [figures.samples(data)]},
        made_with=[made_with(data)],
    )


def _calibration(data: Data, condition: str = ITSELF) -> dict:
    """Columns of what is measured beside top-1."""
    places = {
        "top-5, %": ("top5", 100, 1),
        "NLL, nats": ("nll", 1, 3),
        "ECE, points": ("ece", 100, 1),
        "agreement, %": ("agreement", 100, 1),
        "KL, nats": ("kl", 1, 3),
    }
    return tables.measured(
        data,
        {title: (data.place(metric, condition), scale, digits) for title, (metric, scale, digits) in places.items()},
    )


def quality(data: Data, numbers: Numbers) -> Table:
    """Accuracy, likelihood, calibration and agreement with the teacher."""
    inputs = data.inputs
    columns = {
        "Variant": lambda variant: f"{variant}\n{inputs.taught(variant)}",
        **tables.estimates(numbers, {"top-1, %": data.place("top1")}, digits=1),
        **_calibration(data),
    }
    explained = " top-5: the true class is among the five likeliest."
    if len(data.classes) <= 5:
        explained = ""
        del columns["top-5, %"]
    text = (
        f"Test images classified rightly: {sentences.spread(inputs.seeds)}below top-1 the 95 % interval"
        f" {sentences.over('image', inputs.seeds)}.{explained} NLL: negative"
        " log-likelihood of the true class; ECE: expected calibration error in 15 bins; agreement: images that get the"
        " same class from the student and the pretrained teacher, and KL the divergence of the student's probabilities"
        " from the teacher's."
    )
    return tables.by_variant(inputs.all, columns, data.caption(text), rules=[len(inputs.all) - 1])


def compared(data: Data, numbers: Numbers) -> Table | None:
    """Every student against its controls; None where there are none."""
    lines = numbers.compared(**data.place("top1")._asdict())
    rows = [
        {"Student": line["variant"], "against": line["control"], "what it adds": line["question"]}
        | {"top-1, points": line}
        for line in lines.to_dict("records")
    ]
    if lines.empty:
        return None
    basis = {"items": data.images, "noun": "image", "seeds": len(data.inputs.seeds)}
    how = sentences.how_tested(TOP1, lines, **basis, primary="what a pretrained teacher adds to labels alone")
    text = f"Top-1 against that of controls with the same network: {how}"
    return tables.compared(rows, data.caption(text), running=("against", "what it adds"))


def teachers(data: Data, numbers: Numbers) -> Table | None:
    """The teacher as pretrained, and as each training left it; None where none has learned."""
    rows = []
    for variant, condition in [(data.inputs.teacher, ITSELF), *((variant, AFTER) for variant in data.changed)]:
        place, measured = data.place("top1", condition), _calibration(data, condition)
        row = {"Teacher": "before" if condition == ITSELF else f"after {variant}"}
        row["top-1, %"] = tables.estimate(numbers.at(place, variant), digits=1)
        row |= {title: measured[title](variant) for title in ("NLL, nats", "ECE, points", "agreement, %")}
        rows.append(row | {"top-1 against before": numbers.gain(place, variant, data.inputs.teacher)})
    found = numbers.compared(question=BEFORE)
    if found.empty:
        return None
    basis = {"items": data.images, "noun": "image", "seeds": len(data.inputs.seeds), "each": "after, one before"}
    text = (
        "The teacher as it was pretrained, and as it is after it learned too:"
        f" {sentences.spread(data.inputs.seeds, ' of the students; ')}below top-1 the 95 % interval"
        f" {sentences.over('image', data.inputs.seeds)}. Agreement is with itself before. Against before:"
        f" {sentences.how_tested(TOP1, found, **basis)}"
    )
    return tables.compared(rows, data.caption(text), rules=[1])


def cost(data: Data, numbers: Numbers) -> list[Block]:
    """Work of the training, size, work and time of the network beside its accuracy."""
    inputs, place = data.inputs, data.place("top1")

    def training(variant: str) -> str:
        """Multiples of the same network's training from labels; multiply-adds where there is none."""
        control = None if variant == inputs.teacher else findings.supervised(inputs, variant)
        work = data.work(variant)
        return tables.operations(work) if control is None else f"{work / data.work(control):.2f} ×"

    said = (
        "Training: multiply-adds of all networks that took part in it, peers and teachers that were only asked"
        " included, as multiples of learning the same network from labels alone, or as such; what pretrained the"
        " teacher is not in those of its students. Then size and multiply-adds of the network for one image, and time."
    )
    top1 = tables.means(numbers, {"top-1, %": place}, digits=1)
    drawn = {
        "measure": "Accuracy",
        "axis": "top-1",
        "of": "one image",
        "noun": "image",
        "basis": data.seeds,
        "unit": " %",
    }
    figure = plots.cost_figure(data, numbers, {data.dataset: place}, **drawn)
    return [figure, tables.cost(data, "Variant", {"training": training}, top1, said)]


def made_with(data: Data) -> Table:
    """What networks learned from and were judged on, and what they are."""
    parts = data.about["images"]
    rows = [
        ("Images", f"{data.dataset}: {parts['train']:,} to learn from, {parts['test']:,} to test"),
        ("Classes", listed(data.classes) if len(data.classes) <= 20 else str(len(data.classes))),
    ]
    networks = {variant: data.runs[variant][0]["network"] for variant in data.inputs.all}
    return tables.made_with(data, rows, networks, teacher_seeds=[data.inputs.teacher_seed])
