"""What recognition compares, and what the numbers say: a line per student, null results included."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.report import comparing, sentences
from pipeline.report.blocks import Bullets
from pipeline.report.numbers import Comparison, Measure, Numbers, Place
from pipeline.report.words import between, count, listed, points, tested
from pipeline.tasks.recognition.report.results import Data, Inputs

MEASURES = {"accuracy": Measure("accuracy"), "rank1": Measure("rank-1")}
POINTS = MEASURES["accuracy"]


def controls(inputs: Inputs) -> dict[str, list[str]]:
    """Each control that was trained, and who is compared with it: everybody with the plain one.

    With ``control``, and with baselines that are what it is for another network, the students of the same network:
    beside a larger control a small student would say nothing of its teacher.
    """
    network, found = inputs.network, {}
    if inputs.plain in inputs.variants:
        found[inputs.plain] = [name for name in inputs.variants if name != inputs.plain]
    qualities = inputs.variants.get(inputs.control, {}).get("train_qualities")
    for name, settings in inputs.variants.items():
        alike = name != inputs.plain and not settings.get("distill") and settings.get("train_qualities") == qualities
        if name == inputs.control or (qualities and alike and network(name) != network(inputs.control)):
            found[name] = [student for student in inputs.distilled if network(student) == network(name)]
    return {name: others for name, others in found.items() if others}


def families(data: Data) -> Iterator[list[Comparison]]:
    """Every variant against its controls: a family of tests is a control in a protocol.

    Primary is what a teacher adds to the control without one at the poorest quality, by the accuracy where there are pairs.
    """
    main = "accuracy" if data.protocols else "rank1"
    for metric, protocols in (("accuracy", data.protocols), ("rank1", data.searches)):
        for protocol in protocols:
            places = [Place(metric, protocol, condition) for condition in data.inputs.conditions]
            for control, others in controls(data.inputs).items():
                named = control != data.inputs.plain and metric == main
                yield [
                    Comparison(place, variant, control, primary=named and place.condition == data.inputs.worst)
                    for variant in others
                    for place in places
                ]


def findings(data: Data, numbers: Numbers) -> list[Bullets]:
    """What the numbers say, what all of it rests on first."""
    doubts = teacher(data)
    found = [Bullets(tuple(doubts), lead="The teacher")] if doubts else []
    found += [Bullets(tuple(verification(data, numbers, name)), lead=name) for name in data.protocols]
    return found + [
        Bullets(tuple(identification(data, numbers, name)), lead=f"Identification, {name}") for name in data.searches
    ]


def teacher(data: Data) -> list[str]:
    """A sentence for each teacher and protocol whose accuracy on sharp faces is not above guessing; mostly none."""
    inputs, found = data.inputs, []
    sharp, own = inputs.conditions[0], inputs.own_teacher
    remedy = "It may have been trained for too short a time or on too few people, or be judged on too few pairs."
    if own is not None:
        remedy = (
            f"{own} may be fed otherwise than it was trained: look at mean, std, channel_order, image_size, and at how"
            " the faces are cut."
        )
    for protocol in data.protocols:
        judged = data.outcomes[Place("accuracy", protocol, sharp), inputs.teacher]
        for seed, of_seed in zip(inputs.teacher_seeds, judged.values, strict=True):
            who = "The teacher" if len(judged.values) == 1 else f"The teacher of seed {seed}"
            where, people = f" on {protocol}, on sharp faces ({sharp})", judged.people
            doubts = sentences.no_better_than_guessing(who, of_seed, data.chance(protocol), "pair", where, people)
            found += [f"{doubt} {remedy}" for doubt in doubts]
    return found


def verification(data: Data, numbers: Numbers, protocol: str) -> list[str]:
    """What the pairs of one protocol say."""
    inputs = data.inputs
    first, worst = (Place("accuracy", protocol, condition) for condition in (inputs.conditions[0], inputs.worst))
    result = [
        f"The teacher reaches {numbers.mean(first, inputs.teacher):.1f} % at {first.condition} and"
        f" {numbers.mean(worst, inputs.teacher):.1f} % at {worst.condition}; guessing gives"
        f" {data.chance(protocol):.0f} %."
    ]
    if inputs.plain in inputs.variants:
        result += _loss_and_recovery(data, numbers, first, worst)
    for control in controls(inputs):
        if control != inputs.plain:
            result += _distillation(inputs, numbers, worst, control)
    return result


def _loss_and_recovery(data: Data, numbers: Numbers, first: Place, worst: Place) -> list[str]:
    inputs, plain = data.inputs, data.inputs.plain
    before, after = (numbers.mean(place, plain) for place in (first, worst))
    change = comparing.change(data.outcomes, plain, (worst, first), POINTS.scale)
    lost = before - after
    levels = f"from {before:.1f} % at {first.condition} to {after:.1f} % at {worst.condition}"
    interval = f"95 % interval of the change {between(change.low, change.high, sign=True)}"
    interval += ", of this network" if change.seeds == 1 else ""
    if lost <= 0 or change.high >= 0:
        so = "so there is nothing to win back"
        if lost > 0:  # few pairs show little
            few = f"on {count(change.items, 'pair')}, which does not mean that there is none"
            so = f"{few}: what is won back cannot be said"
        return [
            f"{plain} goes {levels} ({points(-lost)} points, {interval}): no loss by degradation could be shown, {so}."
        ]
    result = [f"{plain} loses {lost:.1f} points by degradation, {levels} ({interval})."]
    for row in numbers.compared(**worst._asdict(), control=plain).to_dict("records"):
        variant = row["variant"]
        if inputs.network(variant) != inputs.network(plain):
            continue  # another network has another loss
        if variant != inputs.control and variant not in inputs.distilled:
            continue
        gain = numbers.mean(worst, variant) - after
        how_much = f"{gain:.1f} points, {100 * gain / lost:.0f} % of that loss" if gain > 0 else "nothing"
        found = f"{between(row['low'], row['high'], sign=True)}; {tested(row)}"
        result.append(
            f"{variant} ({inputs.taught(variant)}) wins back {how_much}, at {worst.condition} (95 % interval of"
            f" the difference {found}): {sentences.verdict_than(row, plain, POINTS)}."
        )
    return result


def _distillation(inputs: Inputs, numbers: Numbers, worst: Place, control: str) -> list[str]:
    """What the teacher adds to each student, against the control that has its network."""
    table = numbers.compared(metric=worst.metric, protocol=worst.protocol, control=control)
    if table.empty:
        return []
    at_worst = table[table["condition"] == worst.condition].to_dict("records")
    summary = (
        f"Of {count(len(table), 'comparison')} with {control} on the same pairs (every student with a teacher and its"
        f" network, every quality), {sentences.tally(table).replace(' better', ' came out better')}."
    )
    if not sentences.any_better(table):
        summary += " No gain from the teacher over training on degraded faces alone could be shown here."
    return [*(sentences.adds(row, POINTS, f"at {worst.condition}, ") for row in at_worst), summary]


def identification(data: Data, numbers: Numbers, protocol: str) -> list[str]:
    """What the searches of one protocol say."""
    inputs = data.inputs
    worst, parts = Place("rank1", protocol, inputs.worst), []
    trained = [name for name in (inputs.plain, inputs.control) if name in inputs.variants]
    for name in dict.fromkeys([inputs.teacher, *trained, *inputs.distilled]):
        ends = dict.fromkeys([inputs.conditions[0], inputs.worst])
        rates = [f"{numbers.mean(worst._replace(condition=end), name):.1f} % at {end}" for end in ends]
        parts.append(f"{name} {' and '.join(rates)}")
    added = [
        sentences.adds(row, POINTS, f"at {worst.condition}, ")
        for row in numbers.compared(**worst._asdict()).to_dict("records")
        if row["control"] != inputs.plain and row["variant"] in inputs.distilled
    ]
    return [f"Rank-1 in {gallery(data, protocol)}: {'; '.join(parts)}.", *added]


def gallery(data: Data, protocol: str) -> str:
    """What is searched."""
    size = data.searches[protocol]
    others = f" and {count(size['distractor'], 'distractor')}" if size["distractor"] else ", without distractors"
    return f"a gallery of {count(size['gallery'], 'picture')}{others}"


def introduction(data: Data) -> list[str]:
    """What was run, in two sentences, and for rendered faces what it does not say."""
    inputs = data.inputs
    each, teachers = " each" if len(inputs.variants) > 1 else "", len(inputs.teacher_seeds)
    taught_by = "A teacher" if teachers == 1 else f"{count(teachers, 'teacher')}, of whom students learn together,"
    teacher, trained_here = f"{taught_by} trained on sharp faces", ""
    if inputs.own_teacher is not None:
        teacher = f"A teacher that was not trained here ({inputs.own_teacher}, taken as it is)"
        trained_here = " trained here"
    text = (
        f"{teacher} and {count(len(inputs.variants), 'student')} ({count(len(inputs.seeds), 'seed')}{each}) had to say"
    )
    qualities, asked = listed(inputs.conditions), []
    if data.protocols:
        sizes = sorted({len(data.same[protocol]) for protocol in data.protocols})
        asked.append(
            f"{text} whether two pictures show the same person, on {data.dataset}, at {qualities}: both pictures of a"
            " pair made that many times smaller, then enlarged again. There are"
            f" {' to '.join(f'{size:,}' for size in dict.fromkeys((sizes[0], sizes[-1])))} pairs in each protocol"
            f" ({listed(data.protocols)}); the threshold for one fold is chosen on the others."
        )
    if data.searches:
        probes = listed(f"{count(size['probe'], 'probe')} ({name})" for name, size in data.searches.items())
        asked.append(
            f"{'They also had to say' if asked else text} whose face a picture shows, on {data.dataset}, by the most"
            f" similar picture of a gallery: {probes}, at {qualities}."
        )
    asked[-1] += f" Every network{trained_here} is that of its last epoch."
    return [*asked, *sentences.about_data(data.remarks, inputs.rendered)]
