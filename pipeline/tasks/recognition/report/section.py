"""The recognition section of the report: its tables, and what stands where."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline import face_measures
from pipeline.report import numbers as report_numbers
from pipeline.report import overview, plots, sections, sentences, tables, tidy
from pipeline.report.blocks import Block, Section, Table
from pipeline.report.numbers import Numbers, Place, chosen
from pipeline.report.words import between
from pipeline.tasks.recognition.report import figures, findings, low_rates
from pipeline.tasks.recognition.report.findings import MEASURES, POINTS
from pipeline.tasks.recognition.report.results import Data, Inputs, read

__all__ = ["Inputs", "measure", "section", "write"]

TITLE = "Face recognition"
RANKS = (1, 5, 10, 20)


def write(inputs: Inputs, folder: Path) -> None:
    """Write the section into ``folder``, for the last step.

    All bytes but those of section.json, which shows latencies, depend on the results alone. Raises InputError as
    measure does.
    """
    data, numbers = measure(inputs)
    tables_ = {overview.FILE: contrasts(data, numbers)}
    if data.protocols:
        tables_["accuracy.csv"] = accuracy(data, numbers)
    sections.write(section(data, numbers), data.metrics, folder, tables_)


def measure(inputs: Inputs) -> tuple[Data, Numbers]:
    """Read what the other steps wrote and compute what the report says.

    Raises InputError naming the first file that is missing or damaged.
    """
    data = read(inputs)
    return data, report_numbers.compute(
        data.outcomes, findings.families(data), MEASURES, {"accuracy": inputs.equivalence_margin}
    )


def accuracy(data: Data, numbers: Numbers) -> pd.DataFrame:
    """The table for `dvc plots`: protocols, then variants, then qualities."""
    inputs = data.inputs
    order = [
        {"protocol": protocol, "variant": variant, "condition": f"x{quality}", "downsampling": quality}
        for protocol in data.protocols
        for variant in inputs.trained
        for quality in inputs.qualities
    ]
    rows = chosen(numbers.estimates, metric="accuracy").rename(columns={"mean": "accuracy"})
    return pd.DataFrame(order).merge(rows, on=["protocol", "variant", "condition"])[list(tidy.ACCURACY_COLUMNS)]


def contrasts(data: Data, numbers: Numbers) -> pd.DataFrame:
    """Every student with a teacher against the control, at the poorest quality."""
    control, places = data.inputs.control, worst(data)
    panels = [
        (f"{place.protocol} at {place.condition}, {data.dataset}", numbers.compared(**place._asdict(), control=control))
        for place in places
    ]
    return overview.contrasts(TITLE, POINTS, len(data.inputs.seeds), panels)


def worst(data: Data) -> list[Place]:
    """Accuracy at the poorest quality, protocol by protocol."""
    return [Place("accuracy", protocol, data.inputs.worst) for protocol in data.protocols]


def section(data: Data, numbers: Numbers) -> Section:
    """Everything about recognition."""
    inputs, controls = data.inputs, findings.controls(data.inputs)
    models = {variant: per_seed[0]["model"] for variant, per_seed in data.runs.items()}
    adopted = next((run["adopted"] for run in data.every_run if run.get("adopted")), None)
    return sections.assemble(
        TITLE,
        findings.introduction(data),
        findings=findings.findings(data, numbers),
        results=("Accuracy by quality", [ablation(data, numbers, protocol) for protocol in data.protocols]),
        comparisons=[
            compared(data, numbers, "accuracy", protocol, control)
            for protocol in data.protocols
            for control in controls
        ],
        others={
            "Other measures": [secondary(data, protocol) for protocol in data.protocols],
            "Low false match rates": low_rates.tables(data),
            "Accuracy curves": [figures.accuracy_curves(data, numbers)] if data.protocols else [],
            "ROC curves": [figures.roc_curves(data, protocol) for protocol in data.protocols],
            "Identification": identification(data, numbers),
        },
        training=[plots.training_figure(data)],
        cost=cost(data, numbers),
        pictures={
            "What the networks see": [figures.strip(data)],
            "Where the networks look": [figures.attention(data)],
            "The faces": [figures.contact_sheet(data)],
        },
        made_with=[
            tables.made_with(
                data,
                [("Dataset", tables.distinct(run["dataset"] for run in data.every_run))],
                models,
                [("Own teacher", f"{adopted['file']}, sha256 {adopted['sha256']}")] if adopted else [],
                inputs.teacher_seeds,
            )
        ],
    )


def ablation(data: Data, numbers: Numbers, protocol: str) -> Table:
    """Variants by quality: accuracy, spread over seeds, interval. The teacher stands apart."""
    inputs = data.inputs
    teachers = f" (teacher: {len(inputs.teacher_seeds)})" if len(inputs.teacher_seeds) != len(inputs.seeds) else ""
    text = (
        f"Verification accuracy in percent on {protocol}: {sentences.spread(inputs.seeds)}below it the 95 % interval"
        f" {sentences.over('pair', inputs.seeds)}. The threshold of each fold is tuned on the other folds."
        f" {sentences.shared_people(inputs.people_known)} {figures.basis(data, protocol)}{teachers}. Published results come"
        " from other training data (CASIA-WebFace) and are not comparable, hence not shown."
    )
    places = {condition: Place("accuracy", protocol, condition) for condition in inputs.conditions}
    trained = {"Trained": lambda variant: f"{variant}\n{inputs.taught(variant)}"}
    return tables.by_variant(inputs.trained, trained | tables.estimates(numbers, places), data.caption(text), rules=[1])


def compared(data: Data, numbers: Numbers, metric: str, protocol: str, control: str) -> Table | None:
    """Each variant against one control at each quality; None where that control was not trained."""
    inputs = data.inputs
    found = numbers.compared(metric=metric, protocol=protocol, control=control)
    rows = []
    for variant, lines in found.groupby("variant", sort=False):
        name = {f"Compared with {control}": f"{variant}\n{inputs.taught(variant)}"}
        rows.append(name | {line["condition"]: line for line in lines.to_dict("records")})
    if not rows:
        return None
    meaning = "what the teacher adds to degraded training faces"
    if control == inputs.plain:
        meaning = "what degraded training faces and the teacher give together"
    on, items, noun = f"on {protocol}", data.same.get(protocol, ()), "pair"
    if metric == "rank1":
        on, items, noun = f"in rank-1 identification on {protocol}", range(data.searches[protocol]["probe"]), "probe"
    how = sentences.how_tested(
        POINTS,
        found,
        items=len(items),
        noun=noun,
        seeds=len(inputs.seeds),
        people=sentences.shared_people(inputs.people_known, noun),
        primary=f"those at {inputs.worst}",
    )
    text = f"Compared with {control} ({inputs.taught(control)}) {on}, {meaning}: {how}"
    return tables.compared(rows, data.caption(text))


def secondary(data: Data, protocol: str) -> Table | None:
    """The measures beside the accuracy, quality by quality; None where there are none."""
    inputs = data.inputs
    measures = face_measures.named(list(data.metrics["metric"][data.metrics["protocol"] == protocol].unique()))
    columns = {
        face_measures.measure(name).title(metric): metric for name, metrics in measures.items() for metric in metrics
    }
    if not columns:
        return None
    rows = []
    for condition in inputs.conditions:
        for variant in inputs.trained:
            row = {"Trained": variant, "Quality": condition}
            for title, metric in columns.items():
                row[title] = tables.mean(100 * data.values(Place(metric, protocol, condition), variant))
            rows.append(row)
    different = int((~data.same[protocol]).sum())
    same = len(data.same[protocol]) - different
    explained = " ".join(
        face_measures.measure(name).explain(metrics, same, different) for name, metrics in measures.items()
    )
    text = (
        f"Other measures of verification on {protocol} ({sentences.spread(inputs.seeds)}{figures.basis(data, protocol)})."
        f" {explained}"
    )
    return _by_quality(data, rows, text)


def identification(data: Data, numbers: Numbers) -> list[Block | None]:
    """Tables and the figure; nothing where there are no searches."""
    rated = [rates(data, numbers, protocol) for protocol in data.searches]
    controls = findings.controls(data.inputs)
    tested = [compared(data, numbers, "rank1", protocol, control) for protocol in data.searches for control in controls]
    return [*rated, *tested, figures.cmc_curves(data)] if rated else []


def rates(data: Data, numbers: Numbers, protocol: str) -> Table:
    """Rank-1 with its interval, rank-5, 10, 20 and mean average precision, quality by quality."""
    inputs = data.inputs
    rows = []
    for condition in inputs.conditions:
        for variant in inputs.trained:
            row = {"Trained": variant, "Quality": condition}
            for rank in RANKS:
                hits = data.ranks[protocol, variant, condition] <= rank
                row[f"Rank-{rank}, %"] = tables.mean(100 * hits.mean(axis=1))
            first = numbers.at(Place("rank1", protocol, condition), variant)
            row["Rank-1, %"] += f"\n{between(first['low'], first['high'])}"
            precision = data.values(Place("map", protocol, condition), variant)
            row["mAP, %"] = f"{100 * precision.mean():.1f}" if len(precision) else None
            rows.append(row)
    text = (
        f"Identification on {protocol}: how often the right person is among the 1, 5, 10 and 20 most similar pictures of"
        f" {findings.gallery(data, protocol)} ({figures.probes(data, protocol)}), {sentences.spread(inputs.seeds, ', ')}"
        f"below rank-1 its 95 % interval {sentences.over('probe', inputs.seeds)}, and the mean average precision. {figures.qualities(inputs)}"
    )
    return _by_quality(data, rows, text)


def cost(data: Data, numbers: Numbers) -> list[Block]:
    """Size, work and time beside the accuracy at the lowest quality."""
    places = worst(data)
    accuracy = tables.means(numbers, {f"{place.protocol} {place.condition}, %": place for place in places})
    accuracy_too = f", time, and accuracy at {data.inputs.worst}." if places else ", and time."
    said = f"Size, multiply-adds for one face{accuracy_too}"
    table = tables.cost(data, "Trained", {}, accuracy, said)
    if not places:
        return [table]
    panels = {f"{place.protocol}, {place.condition}": place for place in places}
    measure, basis = f"Accuracy at {data.inputs.worst}", figures.bases(data)
    said = {"measure": measure, "of": "one face", "noun": "pair", "basis": basis, "unit": " %"}
    return [plots.cost_figure(data, numbers, panels, **said), table]


def _by_quality(data: Data, rows: list[dict], text: str) -> Table:
    """A table whose rows are variants, quality by quality."""
    variants = len(data.inputs.trained)
    rules = tuple(range(variants, len(rows), variants))
    return Table(pd.DataFrame(rows), data.caption(text), rules=rules)
