"""What photo-sketch synthesis compares, and what the numbers say, null results included."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.report import sentences
from pipeline.report.blocks import Bullets
from pipeline.report.numbers import Comparison, Measure, Numbers, Place, chosen
from pipeline.report.words import ONE_SEED, VERDICTS, count, listed
from pipeline.tasks.synthesis.report.contrasts import Contrast, telling
from pipeline.tasks.synthesis.report.results import DIRECTIONS, NLDA, Data

SSIM, FSIM = (Measure(name, "", 3, scale=1) for name in ("SSIM", "FSIM"))
TESTED = {"ssim": SSIM, "fsim": FSIM}
MEASURES = TESTED | {
    "difference": Measure("grey levels apart", "", 1, scale=1),
    "frechet": Measure("Frechet distance", "", 3, scale=1),
    NLDA[0]: Measure("NLDA rank-1 in all dimensions"),
    NLDA[1]: Measure("NLDA rank-1 in the best dimension"),
    "accuracy": Measure("verification"),
}


def controls(data: Data) -> list[str]:
    """What every variant is compared with: the picture itself, and learning from the true pictures alone."""
    return [name for name in (data.inputs.floor, data.inputs.control) if name is not None]


def families(data: Data) -> Iterator[list[Comparison]]:
    """Every variant against the controls, and variants that differ in one setting: a family is a direction.

    Primary is what teachers add to learning from the true pictures alone, by SSIM.
    """
    variants = data.inputs.variants
    wanted = [(variant, control) for control in controls(data) for variant in variants if variant != control]
    wanted += [(contrast.more, contrast.less) for contrast in telling(variants)]
    for direction in DIRECTIONS:
        sound = {data.inputs.floor, *data.sound(direction)}
        yield [
            Comparison(
                Place(measure, direction),
                variant,
                control,
                primary=measure == "ssim" and control == data.inputs.control and bool(variants[variant]["transfer"]),
            )
            for measure in TESTED
            for variant, control in wanted
            if {variant, control} <= sound
        ]


def introduction(data: Data) -> list[str]:
    """What was run, in a few sentences, and for rendered pictures what it does not say."""
    inputs, variants = data.inputs, len(data.inputs.variants)
    text = (
        "After KT (IJCAI 2019), KD and KD+ (TNNLS 2020), whose formulas are not public: formulas, networks and weights"
        f" are our own [ours]. Each of {count(variants, 'variant')} is two students that learn in the same step, one to"
        f" draw the sketch of a photo, one to make the photo of a sketch ({count(len(inputs.seeds), 'seed')}"
        f"{' each' if variants > 1 else ''}; {data.image_size} x {data.image_size} pixels). They learned from"
        f" {count(data.about['train'], 'pair')} of {data.dataset} and are judged on the {count(data.test, 'pair')} of"
        " other people. Every network is that of its last epoch."
    )
    judged = (
        "SSIM and FSIM say how like a made picture is to the true one, grey level by grey level; nothing is smoothed"
        " before, which papers do and which raises both."
    )
    if data.nlda:
        judged += (
            " NLDA rank-1 says how often a person is recognised: null-space linear discriminant analysis looks the true"
            f" pictures of {data.nlda['tested']} people up among the made ones, having learned from the other"
            f" {data.nlda['train']}, over many draws of people; chance is {100 / data.nlda['tested']:.1f} %."
        )
    judged += f" The floor, {inputs.floor}, is the given picture itself, handed on as it is."
    drawn = {"what": "rendered faces and their drawings", "than": "photographs and artists' sketches"}
    return [text, judged, *sentences.about_data(data.remarks, data.about["rendered"], **drawn)]


def findings(data: Data, numbers: Numbers) -> list[Bullets]:
    """What the numbers say, one direction after the other."""
    return [
        Bullets(tuple(made(data, numbers, direction)), lead=said.capitalize()) for direction, said in DIRECTIONS.items()
    ]


def made(data: Data, numbers: Numbers, direction: str) -> list[str]:
    """Sentences for one direction: levels, against the controls, each contrast, recognition, what failed."""
    inputs, sound = data.inputs, data.sound(direction)
    result = [_levels(data, numbers, direction, sound)]
    if inputs.variants and not sound:
        result.append("No variant has a sound run left, so nothing can be compared.")
    result += _against(data, numbers, direction, inputs.floor, "the floor")
    result += _against(data, numbers, direction, inputs.control, "which has no teacher")
    if sound and inputs.control is not None and inputs.control not in sound:
        fates = data.judged[direction, inputs.control].fates
        result.append(
            f"{inputs.control}, the control, has no sound run here ({fates}): what a teacher adds to it cannot be said."
        )
    result += [text for contrast in telling(inputs.variants) if (text := _contrast(numbers, direction, contrast))]
    result += [_leaders(data, numbers, direction, sound)] if sound else []
    for variant in inputs.all:
        judged = data.judged[direction, variant]
        if not judged.sound.all():
            left = "its row is empty" if not judged.sound.any() else "means and tests leave out what failed"
            result.append(f"Of {count(len(judged.symptoms), 'seed')} of {variant}, {judged.fates}: {left}.")
    return result


def failures(data: Data) -> list[str]:
    """Every run that went wrong, in words."""
    return [
        f"{variant}, seed {seed}, {said}: {' '.join(symptoms)}"
        for variant, seeds in data.inputs.all.items()
        for place, seed in enumerate(seeds)
        for direction, said in DIRECTIONS.items()
        if (symptoms := data.judged[direction, variant].symptoms[place])
    ]


def _levels(data: Data, numbers: Numbers, direction: str, sound: list[str]) -> str:
    parts = []
    for metric, measure in TESTED.items():
        place = Place(metric, direction)
        reached = [numbers.mean(place, variant) for variant in sound]
        span = f", variants {sentences.span(reached, measure.digits)}" if reached else ""
        parts.append(f"{measure.name} {numbers.mean(place, data.inputs.floor):.{measure.digits}f}{span}")
    return f"{data.inputs.floor}, the given picture itself, reaches {'; '.join(parts)}."


def _against(data: Data, numbers: Numbers, direction: str, control: str | None, what: str) -> list[str]:
    """How the variants came out against one control, by each measure."""
    parts, gained = [], False
    for metric, measure in TESTED.items():
        rows = numbers.compared(metric=metric, protocol=direction, control=control)
        if rows.empty:
            return []
        groups = [(list(chosen(rows, verdict=verdict)["variant"]), verdict) for verdict in VERDICTS]
        total = len(rows)
        said = {ONE_SEED: "of one seed, without a verdict"}
        shown = [
            f"{f'all {total}' if len(names) == total > 2 else listed(names)} {said.get(verdict, verdict)}"
            for names, verdict in groups
            if names
        ]
        best = rows.loc[rows["difference"].idxmax()]
        highest = f"{best['variant']} {sentences.gain(best, measure)}"
        parts.append(f"By {measure.name}, {'; '.join(shown)}; highest {highest}")
        gained |= sentences.any_better(rows)
    text = f"Against {control}, {what}: {'. '.join(parts)}."
    return [text if gained else f"{text} That any variant beats {control} could not be shown here."]


def _contrast(numbers: Numbers, direction: str, contrast: Contrast) -> str:
    rows = {metric: numbers.gain(Place(metric, direction), contrast.more, contrast.less) for metric in TESTED}
    if None in rows.values():
        return ""
    said = "; ".join(f"{TESTED[metric].name} {sentences.outcome(row, TESTED[metric])}" for metric, row in rows.items())
    text = f"{contrast.question}, {contrast.more} against {contrast.less}: {said}."
    return text if any(row["verdict"] == "better" for row in rows.values()) else f"{text} No gain could be shown."


def _leaders(data: Data, numbers: Numbers, direction: str, sound: list[str]) -> str:
    """Who leads by which measure, and whether measures agree; not tested."""
    leading = {}
    for metric in (*TESTED, NLDA[0], "accuracy"):
        reached = {variant: numbers.at(Place(metric, direction), variant) for variant in sound}
        measured = {variant: row["mean"] for variant, row in reached.items() if row is not None}
        if measured:
            leading[metric] = max(measured, key=measured.get)
    names = {MEASURES[metric].name: variant for metric, variant in leading.items()}
    if len(set(names.values())) == 1:
        text = f"{next(iter(names.values()))} leads by {listed(names)}"
    else:
        text = f"Measures name different leaders: {listed(f'{who} by {name}' for name, who in names.items())}"
    if best := leading.get(NLDA[0]):
        ours, floor = (numbers.mean(Place(NLDA[0], direction), name) for name in (best, data.inputs.floor))
        text += f". {best} recognises {ours:.1f} % by NLDA, {data.inputs.floor} {floor:.1f} %"
    return f"{text}. Who leads was read off the means, not tested."
