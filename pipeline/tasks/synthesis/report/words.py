"""How the photo-sketch report says things: captions, names, the introduction."""

from __future__ import annotations

from typing import Any

from pipeline.data.remarks import sentence
from pipeline.report.words import count, listed, named
from pipeline.tasks.synthesis.report.contrasts import controls_of
from pipeline.tasks.synthesis.report.data import Data, Inputs
from pipeline.tasks.synthesis.report.health import fates
from pipeline.tasks.synthesis.report.reading import DIRECTIONS

MEASURED = {"ssim": "SSIM", "fsim": "FSIM"}
KNOW = {"photos": "photos", "drawings": "drawings", "both": "photos and drawings"}
INPUT = {"photo_to_sketch": "photo", "sketch_to_photo": "sketch"}
OUTPUT = {"photo_to_sketch": "sketch", "sketch_to_photo": "photo"}


def pairs_name(data: Data) -> str:
    """What tables call the pairs, "rendered" included where they are."""
    return named(data.dataset, data.rendered)


def caption(data: Data, text: str) -> str:
    """A caption that says what the data are: no table or figure can be taken out of this context."""
    return f"{text} Data: {pairs_name(data)}, {count(data.train, 'pair')} to train and {data.test} to test on."


def seeds(data: Data) -> str:
    """How many networks of each kind, for a caption."""
    return f"{count(len(data.inputs.seeds), 'seed')} a variant"


def taught(inputs: Inputs, variant: str) -> str:
    """What a variant is, in a few words; what it is a control of, on a line of its own."""
    if variant == inputs.floor:
        return "floor: the picture itself, no network"
    settings = inputs.variants[variant]
    text = str(settings.get("description") or composed(settings))
    if variant == inputs.control:
        return text if "control" in text.lower() else f"{text}\nthe control"
    of = controls_of(inputs.variants, variant)
    return f"{text}\ncontrol of {listed(of)}" if of else text


def composed(settings: dict[str, Any]) -> str:
    """The terms that a variant learns by."""
    parts = ["true pictures"] if settings.get("reconstruction") else []
    if settings.get("transfer"):
        parts.append("two teachers" if settings.get("teachers") == "two" else "one teacher")
    parts += ["mutual term"] if settings.get("mutual") else []
    parts += ["discriminator"] if settings.get("adversarial") else []
    return " + ".join(parts)


def kept(data: Data, direction: str, variant: str) -> str:
    """How many seeds stand behind a row: "3 seeds", or "2 of 3 seeds, 1 collapsed"."""
    one = data.judged[direction, variant]
    seeds_ = count(len(one.seeds), "seed")
    return seeds_ if one.sound.all() else f"{one.sound.sum()} of {seeds_}, {fates(one.symptoms)}"


def introduction(data: Data) -> list[str]:
    """What was run, in a few sentences, and for rendered pictures what it does not say."""
    inputs = data.inputs
    variants = len(inputs.variants)
    text = (
        "After KT (IJCAI 2019), KD and KD+ (TNNLS 2020), whose formulas are not public: formulas, networks and weights"
        f" are our own [ours]. Each of {count(variants, 'variant')} is two students that learn in the same step, one to"
        f" draw the sketch of a photo, one to make the photo of a sketch ({count(len(inputs.seeds), 'seed')}"
        f"{' each' if variants > 1 else ''}; {data.image_size} x {data.image_size} pixels). They learned from"
        f" {count(data.train, 'pair')} of {pairs_name(data)} and are judged on the {count(data.test, 'pair')} of other"
        " people. Every network is that of its last epoch."
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
    result = [text, judged, *sentence(data.remarks)]
    if data.rendered:
        result.append(
            "The rendered faces and their drawings are made by a program so that the whole comparison can be run"
            " anywhere: they are simpler than photographs and than artists' sketches, so nothing measured on them says"
            " anything about either."
        )
    return result


def failures(data: Data) -> list[str]:
    """Every run that went wrong, in words."""
    found = []
    for variant, seeds_ in data.inputs.all.items():
        for place, seed in enumerate(seeds_):
            said = {direction: data.judged[direction, variant].symptoms[place] for direction in DIRECTIONS}
            for direction, symptoms in said.items():
                if symptoms:
                    found.append(f"{variant}, seed {seed}, {DIRECTIONS[direction]}: {' '.join(symptoms)}")
    return found
