"""What the steps of classification wrote, read and checked: only the variants and seeds that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.classes import open_classes, sample_sheet
from pipeline.data.remarks import recorded
from pipeline.errors import InputError
from pipeline.report import reading, results, tidy
from pipeline.report.numbers import Place, chosen
from pipeline.report.results import Evaluation
from pipeline.report.words import count, named

TASK = "classification"
RUN = ("device", "precision", "versions", "network", "classes", "data", "trained_with")
ITSELF, AFTER = "test", "teacher_after"  # conditions: the network itself, and the teacher as its training left it
PICTURES = ("label", "predicted", "correct")
BINS = ("low", "high", "count", "confidence", "accuracy")
ROWS = 10  # classes on the sample sheet


@dataclass(frozen=True, kw_only=True)
class Inputs(results.Inputs):
    """Where the results on one set are and what was asked for.

    Settings of ``variants``: ``learning`` with all its values, and perhaps ``description``.
    """

    name: str  # of the set in params.yaml
    data: Path  # the prepared images
    teacher_seed: int
    sample_images: int

    @property
    def trained(self) -> dict[str, list[int]]:
        """The students, then the teacher, each with the seeds it was trained with."""
        return {**self.students, self.teacher: [self.teacher_seed]}

    @property
    def slug(self) -> str:
        """How the names of the section's figures begin."""
        return f"{TASK}-{self.name.replace('_', '-')}"

    def learning(self, variant: str) -> Mapping[str, Any]:
        """How a variant learns."""
        return self.variants[variant]["learning"]

    def taught(self, variant: str) -> str:
        """What a variant is, in a few words."""
        return "pretrained, the large network" if variant == self.teacher else super().taught(variant)

    def composed(self, settings: Mapping[str, Any]) -> str:
        """What a variant without a description learns from."""
        return " + ".join(settings["learning"].get("distill") or ()) or settings["learning"]["kind"].replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class Data(results.Data):
    """Everything that was read."""

    about: dict[str, Any]  # of the set: name, rendered, images in each part
    classes: list[str]
    reliability: dict[tuple[str, str], list[pd.DataFrame]]  # condition, variant -> one table per seed
    sheet: np.ndarray  # (H, W, 3) uint8: images by class

    @property
    def dataset(self) -> str:
        """What tables call the set."""
        return named(self.about["name"], self.about["rendered"])

    def caption(self, text: str, *about: str) -> str:
        """The text, and what the data are."""
        learned, judged = count(self.about["images"]["train"], "image"), count(self.images, "test image")
        basis = f"{learned} to learn from, {judged}; {self.seeds}"
        return f"{text} Data: {self.dataset}, {len(self.classes)} classes: {basis}."

    def place(self, metric: str, condition: str = ITSELF) -> Place:
        """Where a metric stands."""
        return Place(metric, self.inputs.name, condition)

    def work(self, variant: str) -> float:
        """Multiply-adds of the whole training, the mean over seeds."""
        return float(np.mean([_work(run) for run in self.runs[variant]]))

    @property
    def chance(self) -> float:
        """Percent that guessing gives."""
        return 100 / len(self.classes)

    @property
    def changed(self) -> list[str]:
        """Variants whose teacher has learned."""
        return [variant for variant in self.inputs.variants if (AFTER, variant) in self.reliability]

    @property
    def images(self) -> int:
        """Test images."""
        return len(self.outcomes[self.place("top1"), self.inputs.teacher].items)


def read(inputs: Inputs) -> Data:
    """Read all files. Raises InputError naming the first file that is missing or damaged or does not fit the others."""
    alike = reading.Alike()
    found = results.evaluations(inputs, lambda *which: _evaluation(inputs, alike, *which))
    reliability: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for variant, each in found.items():
        for evaluation in each:
            for condition, bins in evaluation.extra.items():
                reliability.setdefault((condition, variant), []).append(bins)
        for condition in (ITSELF, AFTER):
            seeds = len(reliability.get((condition, variant), ()))
            if seeds not in (0, len(each)):
                folder = inputs.evaluations / variant
                raise InputError(f"{folder}: {condition} of {seeds} seeds (expected {len(each)}, or none)")
    classes = open_classes(inputs.data)
    if classes.names != alike["classes"]:
        raise InputError(f"{inputs.data}: the classes are not those of the evaluations")
    return Data(
        **results.common(inputs, found, read_losses=_losses),
        remarks=recorded(alike["data"]),
        about=alike["data"],
        classes=alike["classes"],
        reliability=reliability,
        sheet=sample_sheet(classes, rows=ROWS, photos=inputs.sample_images),
    )


def _evaluation(inputs: Inputs, alike: reading.Alike, folder: Path, variant: str, seed: int) -> Evaluation:
    run, path = _run(folder / "run.json", alike), folder / "metrics.csv"
    table = reading.metrics(path, variant, seed, task=TASK, protocol=inputs.name, dataset=run["data"]["name"])
    if odd := set(table["condition"]) - {ITSELF, AFTER}:
        raise InputError(f"{path}: condition is {min(odd)} (expected {ITSELF} or {AFTER})")
    wanted = ["top1", "nll", "ece", *(["top5"] if len(run["classes"]) > 5 else [])]
    wanted += [] if variant == inputs.teacher else ["agreement", "kl"]
    conditions = list(dict.fromkeys([ITSELF, *table["condition"]]))
    figures = {}
    for condition in conditions:
        for metric in wanted + (["parameters", "multiply_adds"] if condition == ITSELF else []):
            value = reading.value(path, table, Place(metric, inputs.name, condition))
            if metric == "top1":
                figures[Place(metric, inputs.name, condition)] = value
    path, counts, scored = folder / "pictures.csv", dict.fromkeys(conditions), {}
    alike_ = {"by": "condition", "item": "image", "measures": PICTURES, "names": ("label",)}
    for condition, rows in reading.per_item(path, alike, counts, **alike_).items():
        asked = rows[["image", "label"]].to_numpy(int)
        if not np.array_equal(asked, alike.first("images", asked)):
            raise InputError(f"{path}: the images and labels of {condition} are not those of the other files")
        calls = rows["predicted"] == rows["label"]
        if not np.array_equal(calls, rows["correct"] == 1):
            raise InputError(f"{path}: correct at {condition} is not whether predicted is label")
        place = Place("top1", inputs.name, condition)
        reading.same_mean(path, f"the mean top1 of {condition}", float(calls.mean()), figures[place])
        scored[place] = pd.Series(calls.to_numpy(), index=rows["image"])
    bins = _reliability(folder / "reliability.csv", {place.condition: value for place, value in figures.items()})
    return Evaluation(run, table, scored, figures, extra=bins)


def _run(path: Path, alike: reading.Alike) -> dict[str, Any]:
    run = reading.run(path, RUN)
    if not isinstance(run["classes"], list) or len(run["classes"]) < 2:
        raise InputError(f"{path}: classes is {run['classes']} (expected two names or more)")
    reading.require(path, "data", run["data"], ("name", "rendered", "images"))
    recorded(run["data"], path)
    try:
        work = _work(run)
    except (KeyError, TypeError):
        raise InputError(f"{path}: trained_with has no work (expected the multiply-adds of each stage)") from None
    if not work > 0:
        raise InputError(f"{path}: trained_with.work is {work} multiply-adds (expected more)")
    for key in ("classes", "data"):
        alike.check(path, key, run[key])
    return run


def _work(run: Mapping[str, Any]) -> int:
    return sum(stage["multiply_adds"] for stage in run["trained_with"]["work"])


def _reliability(path: Path, stated: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    table = tidy.read(path, ("condition", *BINS), text=("condition",))
    found = {}
    for condition, accuracy in stated.items():
        rows = chosen(table, condition=condition).sort_values("low", kind="stable", ignore_index=True)
        full = rows[rows["count"] > 0]
        if full.empty or not np.isfinite(full[list(BINS)]).all(axis=None):
            raise InputError(f"{path}: no whole bins at {condition}")
        mean = float(full["accuracy"] @ full["count"] / full["count"].sum())
        reading.same_mean(path, f"the mean accuracy of {condition}", mean, accuracy)
        found[condition] = rows
    return found


def _losses(path: Path) -> pd.DataFrame:
    """The losses in the order of the file, the stages one after another; ``epoch`` counts on from stage to stage."""
    table = tidy.read(path, ("stage", "epoch", "learning_rate", "total"), text=("stage",))
    for stage, rows in table.groupby("stage", sort=False):
        if rows["epoch"].tolist() != list(range(1, len(rows) + 1)):
            raise InputError(f"{path}: the epochs of {stage} are not 1 to {len(rows)}, in this order")
    return table.assign(epoch=range(1, len(table) + 1))
