"""How the classification report says things: captions, and findings that follow from the numbers."""

from __future__ import annotations

import pandas as pd

from pipeline.data.remarks import recorded, sentence
from pipeline.report import words
from pipeline.report.guessing import cannot_be_told
from pipeline.report.words import NULL, between, count, listed, points, tested
from pipeline.tasks.classification.report.data import AFTER, ITSELF, Data
from pipeline.tasks.classification.report.numbers import Numbers, whole_feedback, with_teacher

MANY = 4  # comparisons that one sentence can hold


def set_name(data: Data) -> str:
    """What tables call the set, "rendered" included where its pictures are."""
    return words.named(data.about["name"], data.about["rendered"])


def caption(data: Data, text: str) -> str:
    """A caption that says what the data are: no table or figure can be taken out of this context."""
    images = data.about["images"]
    basis = f"{count(images['train'], 'image')} to learn from, {count(data.images, 'test image')}"
    return f"{text} Data: {set_name(data)}, {len(data.classes)} classes: {basis}; {seeds(data)}."


def seeds(data: Data) -> str:
    """How many networks of each kind, for a caption."""
    return f"{count(len(data.inputs.seeds), 'seed')} a student, one teacher"


def taught(data: Data, variant: str) -> str:
    """What a variant is, in a few words."""
    if variant == data.inputs.teacher:
        return "pretrained, the large network"
    settings = data.inputs.variants[variant]
    text = str(settings.get("description") or " + ".join(settings["learning"].get("distill") or ()))
    text = text or settings["learning"]["kind"].replace("_", " ")
    network = data.inputs.networks.get(variant, "student")
    return text if network == "student" else f"{text}; network {network}"


def introduction(data: Data) -> list[str]:
    """What was run, in a few sentences, and what it does not say."""
    inputs = data.inputs
    result = [
        f"A teacher and {count(len(inputs.variants), 'smaller student')} ({count(len(inputs.seeds), 'seed')} each)"
        f" learned to tell {len(data.classes)} classes of {set_name(data)} apart. They are judged on"
        f" {count(data.images, 'image')} that none of them learned from; every network is that of its last epoch."
    ]
    if any(settings["learning"]["kind"] == "feedback" for settings in inputs.variants.values()):
        result.append(
            "Feedback is after FFKD (IEEE Transactions on Multimedia, 2024), whose formulas, weights and schedules are"
            " not published: all of them are this project's own, so no result here is one of that paper's."
        )
    result.append(
        "No published numbers stand beside these: they hold only for the full set, as it is given out, with the very"
        " pair of networks and the very recipe, and are never printed by default."
    )
    result += sentence(recorded(data.about))
    if data.about["rendered"]:
        result.append(
            "The rendered faces are drawn by a program so that the whole comparison can be run anywhere: they are"
            " simpler than photographs, so nothing measured on them says anything about photographs or real faces."
        )
    return result


def findings(data: Data, numbers: Numbers) -> list[str]:
    """What the numbers say, a null result included."""
    inputs = data.inputs
    levels = {variant: numbers.at(variant)["mean"] for variant in inputs.all}
    reached = [levels[variant] for variant in inputs.variants]
    span = f", students {_range(reached)} %" if reached else ""
    chance = 100 / len(data.classes)
    doubt = cannot_be_told(data.correct[ITSELF, inputs.teacher][0], chance, "test image")
    result = [f"The teacher cannot be told from guessing: {doubt}. Nothing is to be learned from it."] if doubt else []
    result += [
        f"The teacher is right on {levels[inputs.teacher]:.1f} % of the test images{span}; by chance {chance:.1f} %."
    ]
    result += _against(data, numbers, "all beside the labels", "from labels alone")
    result += _against(data, numbers, "all beside softened logits", "from softened logits")
    for variant, settings in inputs.variants.items():
        if whole_feedback(settings["learning"]):
            result += _feedback(data, numbers, variant)
    result += _teachers(data, numbers)
    if len(inputs.variants) > 1:
        errors = {variant: 100 * data.value("ece", variant).mean() for variant in inputs.all}
        low, high = (pick(errors, key=errors.get) for pick in (min, max))
        result.append(
            f"Probabilities hold best for {low} (expected calibration error {errors[low]:.1f} points) and least for"
            f" {high} ({errors[high]:.1f} points)."
        )
    return result


def verdicts(table: pd.DataFrame, names: str) -> str:
    """Every comparison in words, named by the column ``names``; of many only how they came out and the highest."""
    if len(table) > MANY:
        tally = [f"{int((table['verdict'] == verdict).sum())} {verdict}" for verdict in ("better", "worse", NULL)]
        return f"of {len(table)}, {listed(tally)}; highest {verdicts(table.loc[[table['difference'].idxmax()]], names)}"
    return "; ".join(
        f"{row[names]} {points(row['difference'])} points (95 % interval"
        f" {between(row['low'], row['high'], sign=True)}; {tested(row)}), {row['verdict']}"
        for row in table.to_dict("records")
    )


def _against(data: Data, numbers: Numbers, question: str, what: str) -> list[str]:
    """A sentence a control, over the variants that are compared with it."""
    result = []
    rows = numbers.gains[numbers.gains["question"] == question]
    for control, table in rows.groupby("control", sort=False):
        text = f"Against {control}, the same student {what}: {verdicts(table, 'variant')}."
        taken = [with_teacher(data.inputs.variants[variant]["learning"]) for variant in table["variant"]]
        if any(taken) and not (table["verdict"][taken] == "better").any():
            text += f" No gain from the teacher over {control} could be shown here."
        result.append(text)
    return result


def _feedback(data: Data, numbers: Numbers, variant: str) -> list[str]:
    rows = numbers.gains
    table = rows[(rows["variant"] == variant) & ~rows["question"].str.startswith("all beside")]
    if table.empty:
        return [f"What feedback itself adds to {variant} cannot be told: none of its controls was trained."]
    text = f"What each part of {variant} adds, against its controls: {verdicts(table, 'control')}."
    if not (table["verdict"] == "better").any():
        text += f" That feedback helps the student could not be shown here: {variant} stands out from none of them."
    return [text]


def _teachers(data: Data, numbers: Numbers) -> list[str]:
    if numbers.teachers.empty:
        return []
    before = numbers.at(data.inputs.teacher)["mean"]
    after = [numbers.at(variant, AFTER)["mean"] for variant in data.changed]
    return [
        f"The teacher itself is right on {before:.1f} % before and {_range(after)} % after it learned from its students"
        f" or with them: {verdicts(numbers.teachers, 'variant')}."
    ]


def _range(values: list[float]) -> str:
    return f"{min(values):.1f}" if len(values) == 1 else f"{min(values):.1f} to {max(values):.1f}"
