"""What the steps of photo-sketch synthesis wrote, read and checked: only variants and seeds that the settings name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.remarks import recorded
from pipeline.errors import InputError
from pipeline.report import reading, results, tidy
from pipeline.report.numbers import Place, chosen
from pipeline.report.reading import Alike, Sample
from pipeline.report.results import Evaluation, Evaluations
from pipeline.report.words import count, listed, named
from pipeline.tasks.synthesis.health import far_from_control, fate
from pipeline.tasks.synthesis.report.contrasts import control, controls_of

TASK = "synthesis"
DIRECTIONS = {"photo_to_sketch": "photo to sketch", "sketch_to_photo": "sketch to photo"}
PICTURES = ("ssim", "fsim", "difference")  # what is measured picture by picture
COSTS = ("parameters", "multiply_adds")
NLDA = ("nlda_all_dimensions", "nlda_best_dimension")
FRECHET = "frechet_"  # and whose features
SAME = ("image_size", "data", "recogniser", "nlda")  # in all runs
RUN = ("device", "precision", "versions", "network", "health", "trained_with", *SAME)


@dataclass(frozen=True, kw_only=True)
class Inputs(results.Inputs):
    """Where the results on one collection of pairs are and what was asked for.

    Settings of ``variants`` are those of pipeline.tasks.synthesis.params.variants.SynthesisVariant.
    """

    teacher_losses: Path  # DOMAIN/losses.csv
    collection: str
    domains: Sequence[str]  # what the teachers know: photos, drawings, both
    architecture: Mapping[str, Any]  # the teachers'
    floor: str = "copy"

    @property
    def control(self) -> str | None:
        """The variant without a teacher or anything else, None where there is none."""
        return control(self.variants)

    @property
    def slug(self) -> str:
        """How the names of the section's figures begin."""
        return f"{TASK}-{self.collection}"

    def taught(self, variant: str) -> str:
        """What a variant is, in a few words; what it is a control of, on a line of its own."""
        if variant == self.floor:
            return "floor: the picture itself, no network"
        text = super().taught(variant)
        if variant == self.control:
            return text if "control" in text.lower() else f"{text}\nthe control"
        of = controls_of(self.variants, variant)
        return f"{text}\ncontrol of {listed(of)}" if of else text

    def composed(self, settings: Mapping[str, Any]) -> str:
        """The terms that a variant learns by."""
        teachers = "two teachers" if settings.get("teachers") == "two" else "one teacher"
        terms = {"reconstruction": "true pictures", "transfer": teachers}
        terms |= {"mutual": "mutual term", "adversarial": "discriminator"}
        return " + ".join(name for term, name in terms.items() if settings.get(term))


@dataclass(frozen=True)
class Judged:
    """One variant in one direction, a seed each, failed ones included."""

    symptoms: tuple[tuple[str, ...], ...]  # sentences, none where nothing is wrong
    variety: np.ndarray  # (seeds,), as a share of that of the true pictures
    dimensions: list[pd.DataFrame]  # split, dimension, rank1
    pictures: list[pd.DataFrame]  # picture, and PICTURES

    @property
    def sound(self) -> np.ndarray:
        """(seeds,) bool: whose training shows no symptom."""
        return np.array([not sentences for sentences in self.symptoms])

    @property
    def fates(self) -> str:
        """What became of the seeds that have symptoms: "1 collapsed and 2 diverged", or "" where none has."""
        found = [fate(sentences) for sentences in self.symptoms if sentences]
        return listed(f"{found.count(word)} {word}" for word in dict.fromkeys(found)) if found else ""

    @property
    def kept(self) -> str:
        """How many seeds stand behind a row: "3 seeds", or "2 of 3 seeds, 1 collapsed"."""
        seeds = count(len(self.symptoms), "seed")
        return seeds if self.sound.all() else f"{self.sound.sum()} of {seeds}, {self.fates}"


@dataclass(frozen=True, kw_only=True)
class Data(results.Data):
    """Everything that was read. ``outcomes`` are of sound runs only, ``metrics`` of all.

    The condition in ``metrics`` is the collection, of failed runs "COLLECTION, failed"; a Place has none.
    """

    about: dict[str, Any]  # the pairs: name, rendered, numbers to train and test on, sets
    image_size: int
    nlda: dict[str, int] | None  # people that train the analysis and that are tested, of each split
    features: str  # whose the Frechet distance is
    pairs: int  # of faces to verify
    judged: dict[tuple[str, str], Judged]  # direction, variant
    samples: dict[str, list[Sample]]  # by direction: given and true, shared; what variants made, of the first seed
    teacher_losses: dict[str, pd.DataFrame]  # by domain, where a teacher was trained here
    costs: dict[str, dict[str, float]]  # direction -> metric, of the networks that all variants have

    @property
    def dataset(self) -> str:
        """What tables call the pairs."""
        return named(self.about["name"], self.about["rendered"])

    @property
    def test(self) -> int:
        """How many pairs are to test on."""
        return self.about["test"]

    def caption(self, text: str, *about: str) -> str:
        """The text, and what the data are."""
        return f"{text} Data: {self.dataset}, {count(self.about['train'], 'pair')} to train and {self.test} to test on."

    @property
    def seeds(self) -> str:
        """How many networks of each kind, for a caption."""
        return f"{count(len(self.inputs.seeds), 'seed')} per variant"

    def sound(self, direction: str) -> list[str]:
        """The variants that have a sound run."""
        return [variant for variant in self.inputs.variants if self.judged[direction, variant].sound.any()]


def read(inputs: Inputs) -> Data:
    """Read all files. Raises InputError naming the first file that is missing or damaged or does not fit the others."""
    alike = Alike()
    found = results.evaluations(inputs, lambda *which: _evaluation(inputs, alike, *which))
    size, about = alike["image_size"], alike["data"]
    samples: dict[str, list[Sample]] = {}
    for variant, seeds in inputs.all.items():
        path = inputs.evaluations / variant / str(seeds[0]) / "samples.npz"
        kinds = {"shared": ("given", "true"), "made": "made", "size": lambda *_: (size, size)}
        reading.samples(path, variant, samples, list(DIRECTIONS), **kinds)
    teachers = {
        domain: reading.losses(inputs.teacher_losses / domain / "losses.csv", empty=True) for domain in inputs.domains
    }
    judged = {
        (direction, variant): _judged(direction, each) for direction in DIRECTIONS for variant, each in found.items()
    }
    for direction in DIRECTIONS:
        _compare_with_control(inputs, direction, judged)
    trained = next((each[0].metrics for variant, each in found.items() if variant != inputs.floor), None)
    # All variants have the same networks, timed once.
    common = results.common(
        inputs, found, timed={"student": "student"}, sound=lambda name, place: judged[place.protocol, name].sound
    )
    verified = (outcome for (place, _), outcome in common["outcomes"].items() if place.metric == "accuracy")
    return Data(
        **common | {"metrics": _metrics(inputs.collection, found, judged)},
        remarks=recorded(about),
        about=about,
        image_size=size,
        nlda=alike["nlda"],
        features=alike["the kind of Frechet features"],
        pairs=next((len(outcome.items) for outcome in verified), 0),
        judged=judged,
        samples=samples,
        teacher_losses={domain: table for domain, table in teachers.items() if not table.empty},
        costs={} if trained is None else {direction: _costs(trained, direction) for direction in DIRECTIONS},
    )


def _evaluation(inputs: Inputs, alike: Alike, folder: Path, variant: str, seed: int) -> Evaluation:
    run, path = _run(folder / "run.json", alike), folder / "metrics.csv"
    trained = variant in inputs.variants
    if not trained and any(run["health"][direction]["symptoms"] for direction in DIRECTIONS):
        raise InputError(f"{folder / 'run.json'}: symptoms are listed (expected none: {variant} was not trained)")
    metrics = reading.metrics(path, variant, seed, task=TASK, dataset=run["data"]["name"])
    figures: dict[Place, float] = {}
    for direction in DIRECTIONS:
        figures |= _overall(path, metrics, direction, run, alike)
    counts = dict.fromkeys(DIRECTIONS, run["data"]["test"])
    pictures = reading.per_item(
        folder / "pictures.csv", alike, counts, by="direction", item="picture", measures=PICTURES,
        others=("name", "nlda"), names=("name",),
    )  # fmt: skip
    scored = _scored(folder / "pictures.csv", pictures, figures, run, alike)
    dimensions, people = _dimensions(folder / "dimensions.csv", figures, run), {}
    for (direction, condition), rows in reading.scores(folder / "scores.csv", [""], alike, empty=True).items():
        if direction not in DIRECTIONS:
            raise InputError(f"{folder / 'scores.csv'}: protocol is {direction} (expected {' or '.join(DIRECTIONS)})")
        place = Place("accuracy", direction, condition)
        figures[place] = reading.value(path, metrics, place)
        scored[place] = rows.set_index("pair")["correct"]
        people[place] = rows[reading.PEOPLE].to_numpy()
    for direction in DIRECTIONS if trained else ():
        for metric in COSTS:
            # All variants share the networks; only their losses differ.
            cost = reading.value(path, metrics, Place(metric, direction))
            alike.check(path, f"{metric} of {direction}", int(cost))
    return Evaluation(run, metrics, scored, figures, people, {"pictures": pictures, "dimensions": dimensions})


def _run(path: Path, alike: Alike) -> dict[str, Any]:
    run = reading.run(path, RUN)
    about, size, nlda, health = run["data"], run["image_size"], run["nlda"], run["health"]
    reading.require(path, "data", about, ("name", "rendered", "train", "test", "sets"))
    sets = list(about["sets"].values()) if isinstance(about["sets"], dict) else [None]
    if not all(isinstance(each, dict) and {"label", "train", "test"} <= set(each) for each in sets):
        raise InputError(f"{path}: data has the sets {about['sets']} (expected label, train and test of each)")
    if not all(type(about[key]) is int and about[key] > 0 for key in ("train", "test")):
        raise InputError(f"{path}: data has {about['train']} and {about['test']} pairs (expected numbers above 0)")
    if type(size) is not int or size < 1:
        raise InputError(f"{path}: image_size is {size} (expected a number of pixels)")
    if nlda is not None:
        reading.require(path, "nlda", nlda, ("train", "tested"), ", or null")
    for direction in DIRECTIONS:
        found = health.get(direction) if isinstance(health, dict) else None
        reading.require(path, f"health of {direction}", found, ("symptoms", "variety", "variety_of_true"))
        said = found["symptoms"]
        if not isinstance(said, list) or not all(isinstance(text, str) and text for text in said):
            raise InputError(f"{path}: symptoms of {direction} are {said} (expected a list of sentences)")
        for key in ("variety", "variety_of_true"):
            if type(found[key]) not in (int, float) or not math.isfinite(found[key]):
                raise InputError(f"{path}: {key} of {direction} is {found[key]} (expected a number)")
    for key in SAME:
        alike.check(path, key, run[key])
    return run


def _overall(path: Path, table: pd.DataFrame, direction: str, run: dict[str, Any], alike: Alike) -> dict[Place, float]:
    """The metrics of one direction, each a finite number on the pictures that it should be of."""
    distances = sorted(name for name in set(chosen(table, protocol=direction)["metric"]) if name.startswith(FRECHET))
    if len(distances) != 1:
        raise InputError(f"{path}: {len(distances)} Frechet distances for {direction} (expected 1)")
    (distance,) = distances
    alike.check(path, "the kind of Frechet features", distance.removeprefix(FRECHET))
    expected = dict.fromkeys((*PICTURES, distance), run["data"]["test"])
    expected |= dict.fromkeys(NLDA, run["nlda"]["tested"]) if run["nlda"] else {}
    return {
        Place("frechet" if metric == distance else metric, direction): reading.value(
            path, table, Place(metric, direction), number
        )
        for metric, number in expected.items()
    }


def _scored(
    path: Path, pictures: dict[str, pd.DataFrame], figures: dict[Place, float], run: dict[str, Any], alike: Alike
) -> dict[Place, pd.Series]:
    scored = {}
    for direction, rows in pictures.items():
        rows = rows.set_index("picture")
        for measure in PICTURES:
            place = Place(measure, direction)
            # A table of pictures that is older than the means, or newer, would pass for theirs.
            reading.same_mean(path, f"the mean {measure} of {direction}", rows[measure].mean(), figures[place])
            scored[place] = rows[measure]
        people = rows["nlda"].dropna()
        expected = alike.first("people of nlda", people.index.to_numpy())
        if not np.array_equal(people.index, expected) or bool(len(people)) != bool(run["nlda"]):
            raise InputError(f"{path}: nlda of {direction} is of {len(people)} people, not those of the other files")
        if not people.between(0, 1).all():
            raise InputError(f"{path}: nlda of {direction} has a share outside 0 to 1")
        scored |= {Place(NLDA[0], direction): people} if run["nlda"] else {}
    return scored


def _dimensions(path: Path, figures: dict[Place, float], run: dict[str, Any]) -> dict[str, pd.DataFrame]:
    table = tidy.read(path, ("direction", "split", "dimension", "rank1"), text=("direction",), empty=True)
    found = {}
    for direction in DIRECTIONS:
        rows = chosen(table, direction=direction).sort_values(["split", "dimension"], ignore_index=True)
        if rows.empty == bool(run["nlda"]):
            raise InputError(f"{path}: {len(rows)} rows of {direction} (expected {'some' if run['nlda'] else 'none'})")
        if run["nlda"]:
            reached, what = rows.groupby("split")["rank1"].last().mean(), f"rank-1 of {direction} in all dimensions"
            reading.same_mean(path, what, reached, figures[Place(NLDA[0], direction)])
        found[direction] = rows
    return found


def _costs(metrics: pd.DataFrame, direction: str) -> dict[str, float]:
    return {metric: float(chosen(metrics, protocol=direction, metric=metric)["value"].iloc[0]) for metric in COSTS}


def _judged(direction: str, found: Sequence[Evaluation]) -> Judged:
    health = [each.run["health"][direction] for each in found]
    shares = [each["variety"] / each["variety_of_true"] if each["variety_of_true"] else np.nan for each in health]
    return Judged(
        symptoms=tuple(tuple(each["symptoms"]) for each in health),
        variety=np.array(shares),
        dimensions=[each.extra["dimensions"][direction] for each in found],
        pictures=[each.extra["pictures"][direction] for each in found],
    )


def _compare_with_control(inputs: Inputs, direction: str, judged: dict[tuple[str, str], Judged]) -> None:
    """Add the symptom that shows only beside the control; nothing without a sound seed of it."""
    if inputs.control is None or not judged[direction, inputs.control].sound.any():
        return

    def differences(each: Judged) -> np.ndarray:
        return np.array([table["difference"].mean() for table in each.pictures])

    sound = judged[direction, inputs.control].sound
    theirs = differences(judged[direction, inputs.control])[sound].mean()
    for variant in inputs.variants:
        if variant != inputs.control:
            each = judged[direction, variant]
            far = [far_from_control(ours, theirs) for ours in differences(each)]
            symptoms = tuple((*known, *new) for known, new in zip(each.symptoms, far, strict=True))
            judged[direction, variant] = replace(each, symptoms=symptoms)


def _metrics(collection: str, found: Evaluations, judged: Mapping[tuple[str, str], Judged]) -> pd.DataFrame:
    """All rows; of failed runs under a condition of their own, so that nobody averages them with the others."""
    tables = []
    for variant, each in found.items():
        for place, evaluation in enumerate(each):
            failed = [direction for direction in DIRECTIONS if not judged[direction, variant].sound[place]]
            rows = evaluation.metrics
            marked = rows["protocol"].isin(failed) & ~rows["metric"].isin(COSTS)
            tables.append(rows.assign(condition=np.where(marked, f"{collection}, failed", collection)))
    return tidy.ordered(tables)
