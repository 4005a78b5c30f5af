"""How the recognition report says things: captions, names, and findings that follow from the numbers."""

from __future__ import annotations

from pipeline.data.remarks import sentence
from pipeline.metrics import statistics
from pipeline.report.words import NULL, between, count, listed, named, points, tested, than
from pipeline.tasks.recognition.report.data import Data, Inputs
from pipeline.tasks.recognition.report.numbers import Numbers
from pipeline.tasks.recognition.report.teacher import chance


def faces(inputs: Inputs) -> str:
    """The data set's name, with the words "rendered faces" if that is what it holds."""
    return named(inputs.dataset, inputs.rendered)


def caption(inputs: Inputs, text: str) -> str:
    """A caption that says what the data are: no table or figure can be taken out of this context."""
    return f"{text} Data: {faces(inputs)}."


def basis(data: Data, protocol: str) -> str:
    """What a number of one protocol rests on: pairs and seeds."""
    return f"{count(len(data.same[protocol]), 'pair')}, {count(len(data.inputs.seeds), 'seed')}"


def trained_on(inputs: Inputs, variant: str) -> str:
    """What a student saw and was taught, in a few words."""
    if variant == inputs.teacher:
        return "sharp faces" if inputs.own_teacher is None else f"own teacher {inputs.own_teacher}"
    settings = inputs.variants[variant]
    if settings.get("description"):
        return str(settings["description"])
    qualities = [f"x{quality}" for quality in settings.get("train_qualities", [])]
    seen = "sharp faces only" if qualities == ["x1"] else " ".join(qualities)
    taught = " + ".join(settings.get("distill") or ()) or "no teacher"
    return f"{seen}, {taught}" if seen else taught


def introduction(data: Data, numbers: Numbers) -> list[str]:
    """What was run, in two sentences, and for rendered faces what it does not say."""
    inputs = data.inputs
    students, seeds = len(inputs.variants), len(inputs.seeds)
    each = " each" if students > 1 else ""
    teachers = len(inputs.teacher_seeds)
    taught_by = "A teacher" if teachers == 1 else f"{count(teachers, 'teacher')}, of whom students learn together,"
    teacher, trained_here = f"{taught_by} trained on sharp faces", ""
    if inputs.own_teacher is not None:
        teacher = f"A teacher that was not trained here ({inputs.own_teacher}, taken as it is)"
        trained_here = " trained here"
    text = f"{teacher} and {count(students, 'student')} ({count(seeds, 'seed')}{each}) had to say"
    asked = []
    if data.protocols:
        asked.append(f"{text} {_verified(data, numbers)}")
    if data.searches.protocols:
        asked.append(f"{'They also had to say' if asked else text} {_searched(data)}")
    asked[-1] += f" Every network{trained_here} is that of its last epoch."
    asked += sentence(inputs.remarks)
    if not inputs.rendered:
        return asked
    return [
        *asked,
        (
            "The rendered faces are drawn by a program so that the whole comparison can be run anywhere:"
            " nothing here says anything about real faces."
        ),
    ]


def _verified(data: Data, numbers: Numbers) -> str:
    inputs = data.inputs
    pairs = {int(numbers.at(protocol, inputs.teacher, inputs.worst)["pairs"]) for protocol in data.protocols}
    how_many = f"{min(pairs):,}" if len(pairs) == 1 else f"{min(pairs):,} to {max(pairs):,}"
    return (
        f"whether two pictures show the same person, on {faces(inputs)}, at"
        f" {listed(inputs.conditions)}: both pictures of a pair made that many times smaller, then enlarged"
        f" again. There are {how_many} pairs in each protocol ({listed(data.protocols)}); the threshold for one fold"
        " is chosen on the others."
    )


def _searched(data: Data) -> str:
    sizes = data.searches.sizes
    each = listed([f"{count(sizes[protocol]['probe'], 'probe')} ({protocol})" for protocol in data.searches.protocols])
    return (
        f"whose face a picture shows, on {faces(data.inputs)}, by the most similar picture of a gallery: {each}, at"
        f" {listed(data.inputs.conditions)}."
    )


def findings(data: Data, numbers: Numbers, protocol: str) -> list[str]:
    """What the numbers of one protocol say, a null result included."""
    inputs = data.inputs
    result = [_teacher(data, numbers, protocol)]
    if inputs.plain in inputs.variants:
        result += _loss_and_recovery(data, numbers, protocol)
    for control in inputs.controls:
        if control != inputs.plain:
            result += _distillation(inputs, numbers, protocol, control)
    return result


def _teacher(data: Data, numbers: Numbers, protocol: str) -> str:
    inputs = data.inputs
    sharp = numbers.at(protocol, inputs.teacher, inputs.conditions[0])
    worst = numbers.at(protocol, inputs.teacher, inputs.worst)
    return (
        f"The teacher reaches {sharp['accuracy']:.1f} % at {inputs.conditions[0]} and {worst['accuracy']:.1f}"
        f" % at {inputs.worst}; guessing gives {chance(data, protocol):.0f} %."
    )


def _loss_and_recovery(data: Data, numbers: Numbers, protocol: str) -> list[str]:
    inputs = data.inputs
    first, worst, plain = inputs.conditions[0], inputs.worst, inputs.plain
    before, after = numbers.at(protocol, plain, first), numbers.at(protocol, plain, worst)
    change = statistics.paired_difference(data.correct[protocol, plain, worst], data.correct[protocol, plain, first])
    lost = before["accuracy"] - after["accuracy"]
    levels = f"from {before['accuracy']:.1f} % at {first} to {after['accuracy']:.1f} % at {worst}"
    interval = f"95 % interval of the change {between(100 * change.low, 100 * change.high, sign=True)}"
    if lost <= 0 or change.high >= 0:
        so = "so there is nothing to win back"
        if lost > 0:  # few pairs show little
            few = f"on {count(change.n, 'pair')}, which does not mean that there is none"
            so = f"{few}: what is won back cannot be said"
        return [
            f"{plain} goes {levels} ({points(-lost)} points, {interval}): no loss by degradation could be shown, {so}."
        ]
    result = [f"{plain} loses {lost:.1f} points by degradation, {levels} ({interval})."]
    network, table = _network(inputs, plain), numbers.against(plain, protocol)
    table = table[table["condition"] == worst].set_index("variant")
    for variant in table.index:
        if not (variant == inputs.control or variant in distilled(inputs)) or _network(inputs, variant) != network:
            continue  # another network has another loss
        row = table.loc[variant]
        gain = numbers.at(protocol, variant, worst)["accuracy"] - after["accuracy"]
        how_much = f"{gain:.1f} points, {100 * gain / lost:.0f} % of that loss" if gain > 0 else "nothing"
        found = f"{between(row['low'], row['high'], sign=True)}; {tested(row)}"
        result.append(
            f"{variant} ({trained_on(inputs, variant)}) wins back {how_much}, at {worst} (95 % interval of"
            f" the difference {found}):"
            f" {than(row['verdict'], plain)}."
        )
    return result


def distilled(inputs: Inputs) -> list[str]:
    """The students that a teacher teaches."""
    return [name for name, settings in inputs.variants.items() if settings.get("distill")]


def _network(inputs: Inputs, variant: str) -> str:
    """The name of the variant's network."""
    return inputs.networks.get(variant, "student")


def _distillation(inputs: Inputs, numbers: Numbers, protocol: str, control: str) -> list[str]:
    """What the teacher adds to each student, against the control that has its network."""
    table = numbers.against(control, protocol)
    table = table[table["variant"].isin(distilled(inputs)) & table["variant"].isin(inputs.controls[control])]
    if table.empty:
        return []
    tally = {name: int((table["verdict"] == name).sum()) for name in ("better", "worse", NULL)}
    result = []
    for row in table[table["condition"] == inputs.worst].to_dict("records"):
        result.append(
            f"What the teacher adds: at {inputs.worst}, {row['variant']} differs from {control} by"
            f" {points(row['difference'])} points (95 % interval"
            f" {between(row['low'], row['high'], sign=True)}; {tested(row)}), {row['verdict']}."
        )
    summary = (
        f"Of {count(len(table), 'comparison')} with {control} on the same pairs (every student with a teacher and its"
        f" network, every quality), {tally['better']} came out better, {tally['worse']} worse and"
        f" {tally[NULL]} not distinguishable."
    )
    if not tally["better"]:
        summary += " No gain from the teacher over training on degraded faces alone could be shown here."
    return [*result, summary]
