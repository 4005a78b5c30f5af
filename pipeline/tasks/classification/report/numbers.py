"""The numbers of the classification report, computed once: accuracies with intervals, and paired comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.report import comparing
from pipeline.tasks.classification.report.data import AFTER, ITSELF, Data, Inputs

BESIDE_LABELS = "all beside the labels"  # what a student has that learns from a teacher
# What one setting less makes of feedback: the setting, and the question that the comparison answers.
ABLATED = {
    "feedback": "a teacher that learns too",
    "weighting": "weighting by understanding",
    "beta": "learning from what the students say",
    "understood": "counting what was understood more, not less",
}


@dataclass(frozen=True)
class Numbers:
    """Three tables.

    ``quality``: condition, variant, mean, low, high, spread (NaN with one seed), seeds; top-1 in percent.
    ``gains``: question, control, variant, and comparing.COLUMNS in points: one family of tests.
    ``teachers``: variant, and comparing.COLUMNS in points, the teacher after against before: another family.
    """

    quality: pd.DataFrame
    gains: pd.DataFrame
    teachers: pd.DataFrame

    def at(self, variant: str, condition: str = ITSELF) -> pd.Series:
        """One row of ``quality``."""
        rows = self.quality
        return rows[(rows["variant"] == variant) & (rows["condition"] == condition)].iloc[0]


def compute(data: Data) -> Numbers:
    """All numbers of the report."""
    rows = []
    for (condition, variant), correct in data.correct.items():
        where = {"condition": condition, "variant": variant}
        rows.append(where | comparing.estimate(data.value("top1", variant, condition), correct, scale=100))
    pairs = {
        (question, control, variant): (data.correct[ITSELF, variant], data.correct[ITSELF, control])
        for variant, control, question in contrasts(data.inputs)
    }
    before = data.correct[ITSELF, data.inputs.teacher]
    teachers = {(variant,): (data.correct[AFTER, variant], before) for variant in data.changed}
    return Numbers(
        pd.DataFrame(rows),
        comparing.family(pairs, ("question", "control", "variant"), scale=100),
        comparing.family(teachers, ("variant",), scale=100),
    )


def supervised(inputs: Inputs, variant: str) -> str | None:
    """The first variant with the same network that learned from labels alone."""
    return _first(inputs, variant, lambda learning: learning["kind"] == "supervised")


def softened(inputs: Inputs, variant: str) -> str | None:
    """The first variant with the same network that learned the teacher's softened logits, and nothing else of it."""
    return _first(
        inputs, variant, lambda learning: learning["kind"] == "distillation" and set(learning["distill"]) == {"logit"}
    )


def with_teacher(learning: Mapping[str, Any]) -> bool:
    """Whether a pretrained teacher took part."""
    return learning["kind"] in ("distillation", "feedback") or bool(learning.get("with_teacher"))


def whole_feedback(learning: Mapping[str, Any]) -> bool:
    """Whether the teacher learns from its students, weighted by how well they understand."""
    teaches = learning["kind"] == "feedback" and learning["feedback"] == "students"
    return teaches and learning["weighting"] == "understanding" and learning["beta"] > 0


def contrasts(inputs: Inputs) -> Iterator[tuple[str, str, str]]:
    """(variant, control, what the difference is owed to), found from the settings; each pair once."""
    for variant, settings in inputs.variants.items():
        control = supervised(inputs, variant)
        if control not in (None, variant) and settings["learning"]["kind"] != "supervised":
            yield variant, control, BESIDE_LABELS
    for variant, settings in inputs.variants.items():
        control = softened(inputs, variant)
        if control not in (None, variant) and with_teacher(settings["learning"]):
            yield variant, control, "all beside softened logits"
    for variant, settings in inputs.variants.items():
        if not whole_feedback(learning := settings["learning"]):
            continue
        for control, other in inputs.variants.items():
            if _network(inputs, control) != _network(inputs, variant):
                continue
            if question := _ablation(learning, other["learning"]):
                yield variant, control, question


def _ablation(learning: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    if other["kind"] == "mutual" and other["with_teacher"]:
        return "feedback in place of mutual learning"
    if other["kind"] != "feedback":
        return None
    differs = [key for key in learning if learning[key] != other[key]]
    if len(differs) != 1 or differs[0] not in ABLATED or differs == ["beta"] and other["beta"] > 0:
        return None
    if differs == ["understood"] and learning["understood"] == "down":
        return None  # the other way round it stands already
    return ABLATED[differs[0]]


def _network(inputs: Inputs, variant: str) -> str:
    return inputs.networks.get(variant, "student")


def _first(inputs: Inputs, variant: str, alike: Any) -> str | None:
    return next(
        (
            name
            for name, settings in inputs.variants.items()
            if _network(inputs, name) == _network(inputs, variant) and alike(settings["learning"])
        ),
        None,
    )
