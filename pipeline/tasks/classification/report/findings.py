"""What classification compares, and what the numbers say, null results included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.report import sentences
from pipeline.report.blocks import Bullets
from pipeline.report.numbers import Comparison, Measure, Numbers
from pipeline.report.words import count
from pipeline.tasks.classification.report.results import AFTER, Data, Inputs

TOP1 = Measure("top-1")
MEASURES = {"top1": TOP1}
BESIDE_LABELS = "all beside the labels"  # what a student has that learns from a teacher
BESIDE_LOGITS = "all beside softened logits"
BEFORE = "learning too"  # of the teacher, against itself as it was pretrained
# What one setting less makes of feedback: the setting, and the question that the comparison answers.
ABLATED = {
    "feedback": "a teacher that learns too",
    "weighting": "weighting by understanding",
    "beta": "learning from what the students say",
    "understood": "counting what was understood more, not less",
}


def families(data: Data) -> Iterator[list[Comparison]]:
    """Every student against its controls, and every teacher that has learned against itself before."""
    place, after = data.place("top1"), data.place("top1", AFTER)
    yield [
        Comparison(place, variant, control, question, primary=is_primary(data.inputs, variant, question))
        for variant, control, question in contrasts(data.inputs)
    ]
    yield [Comparison(after, variant, data.inputs.teacher, BEFORE, place) for variant in data.changed]


def is_primary(inputs: Inputs, variant: str, question: str) -> bool:
    """Whether it says what a pretrained teacher adds to the labels."""
    return question == BESIDE_LABELS and with_teacher(inputs.learning(variant))


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
    for variant in inputs.variants:
        control = supervised(inputs, variant)
        if control not in (None, variant) and inputs.learning(variant)["kind"] != "supervised":
            yield variant, control, BESIDE_LABELS
    for variant in inputs.variants:
        control = softened(inputs, variant)
        if control not in (None, variant) and with_teacher(inputs.learning(variant)):
            yield variant, control, BESIDE_LOGITS
    for variant in inputs.variants:
        if not whole_feedback(learning := inputs.learning(variant)):
            continue
        for control in inputs.variants:
            alike = inputs.network(control) == inputs.network(variant)
            if alike and (question := _ablation(learning, inputs.learning(control))):
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


def _first(inputs: Inputs, variant: str, alike: Callable[[Mapping[str, Any]], bool]) -> str | None:
    """The first variant with the same network that learns in such a way."""
    same = (name for name in inputs.variants if inputs.network(name) == inputs.network(variant))
    return next((name for name in same if alike(inputs.learning(name))), None)


def introduction(data: Data) -> list[str]:
    """What was run, in a few sentences, and what it does not say."""
    inputs = data.inputs
    result = [
        f"A teacher and {count(len(inputs.variants), 'smaller student')} ({count(len(inputs.seeds), 'seed')} each)"
        f" learned to tell {len(data.classes)} classes of {data.dataset} apart. They are judged on"
        f" {count(data.images, 'image')} that none of them learned from; every network is that of its last epoch."
    ]
    if any(inputs.learning(variant)["kind"] == "feedback" for variant in inputs.variants):
        result.append(
            "Feedback is after FFKD (IEEE Transactions on Multimedia, 2024), whose formulas, weights and schedules are"
            " not published: all of them are this project's own, so no result here is one of that paper's."
        )
    result.append(
        "No published numbers stand beside these: they hold only for the full set, as it is given out, with the very"
        " pair of networks and the very recipe, and are never printed by default."
    )
    return [*result, *sentences.about_data(data.remarks, data.about["rendered"])]


def findings(data: Data, numbers: Numbers) -> list[Bullets]:
    """What the numbers say, what all of it rests on first."""
    inputs, place = data.inputs, data.place("top1")
    levels = {variant: numbers.mean(place, variant) for variant in inputs.all}
    reached = sentences.span([levels[variant] for variant in inputs.variants], 1) if inputs.variants else ""
    right = data.outcomes[place, inputs.teacher].values[0]
    result = sentences.no_better_than_guessing("The teacher", right, data.chance, "test image")
    result.append(
        f"The teacher is right on {levels[inputs.teacher]:.1f} % of the test"
        f" images{reached and f', students {reached} %'}; by chance {data.chance:.1f} %."
    )
    result += _against(data, numbers, BESIDE_LABELS, "from labels alone")
    result += _against(data, numbers, BESIDE_LOGITS, "from softened logits")
    for variant in inputs.variants:
        if whole_feedback(inputs.learning(variant)):
            result.append(_feedback(numbers, variant))
    table = numbers.compared(question=BEFORE)
    if not table.empty:
        after = [numbers.mean(data.place("top1", AFTER), variant) for variant in data.changed]
        result.append(
            f"The teacher itself is right on {levels[inputs.teacher]:.1f} % before and {sentences.span(after, 1)} %"
            " after it learned from its students or with them:"
            f" {sentences.each(table, list(table['variant']), TOP1)}."
        )
    if len(inputs.variants) > 1:
        errors = {variant: 100 * data.values(data.place("ece"), variant).mean() for variant in inputs.all}
        low, high = (pick(errors, key=errors.get) for pick in (min, max))
        result.append(
            f"Probabilities hold best for {low} (expected calibration error {errors[low]:.1f} points) and least for"
            f" {high} ({errors[high]:.1f} points)."
        )
    return [Bullets(tuple(result))]


def _against(data: Data, numbers: Numbers, question: str, what: str) -> list[str]:
    """A sentence per control, over the variants that are compared with it."""
    result = []
    for control, table in numbers.compared(question=question).groupby("control", sort=False):
        names = list(table["variant"])
        text = f"Against {control}, the same student {what}: {sentences.each(table, names, TOP1)}."
        taught = table[[with_teacher(data.inputs.learning(variant)) for variant in names]]
        if not taught.empty and not sentences.any_better(taught):
            text += f" No gain from the teacher over {control} could be shown here."
        result.append(text)
    return result


def _feedback(numbers: Numbers, variant: str) -> str:
    table = numbers.compared(variant=variant)
    table = table[~table["question"].isin([BESIDE_LABELS, BESIDE_LOGITS, BEFORE])]
    if table.empty:
        return f"What feedback itself adds to {variant} cannot be told: none of its controls was trained."
    each = sentences.each(table, list(table["control"]), TOP1)
    text = f"What each part of {variant} adds, against its controls: {each}."
    if sentences.any_better(table):
        return text
    return f"{text} That feedback helps the student could not be shown here: {variant} stands out from none of them."
