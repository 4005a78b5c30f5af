"""What the super-resolution steps wrote, read and checked: only the variants, seeds and sets that the settings name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.remarks import Remark
from pipeline.errors import InputError
from pipeline.report import reading, results
from pipeline.report.comparing import Outcomes
from pipeline.report.numbers import Place
from pipeline.report.reading import Alike, Sample
from pipeline.report.results import Evaluation
from pipeline.report.words import count, named

TASK = "super_resolution"
RUN = ("device", "precision", "versions", "network", "cost_for", "sets", "recognition", "trained_with")
PICTURES = ("psnr", "ssim")  # what is measured picture by picture
RECOGNISER = "teacher"  # of the recognition task
SHARP = "sharp faces"  # the recogniser on what was never made smaller


@dataclass(frozen=True, kw_only=True)
class Inputs(results.Inputs):
    """Where the results at one scale are and what was asked for.

    Settings of ``variants``: ``description``, ``distill``; both optional. ``control`` has no teacher, ``output``
    imitates the teacher's pictures and nothing else; a variant of that name need not be there.
    """

    recognition: Path  # the recognition task's own VARIANT/SEED/{metrics.csv,scores.csv}
    scale: str  # "x4"
    factor: int
    teacher_seed: int
    sets: Sequence[str]  # names of the test sets
    train: str  # what tables call the training set
    readers: Sequence[str]  # students of recognition, which read small faces directly
    recogniser_seed: int  # of the teacher of recognition, which reads all others
    floor: str = "bicubic"
    control: str = "scratch"
    output: str = "output_kd"
    remarks: Sequence[Remark] = ()  # on the sets of pictures

    @property
    def trained(self) -> dict[str, list[int]]:
        """The students, then the teacher, each with the seeds it was trained with."""
        return {**self.students, self.teacher: [self.teacher_seed]}

    @property
    def slug(self) -> str:
        """How the names of the section's figures begin."""
        return f"{TASK}-{self.scale}"

    def taught(self, variant: str) -> str:
        """What a variant is, in a few words."""
        special = {self.floor: "no network", self.teacher: "the large network"}
        return special.get(variant) or super().taught(variant)


@dataclass(frozen=True)
class TestSet:
    """A set of test pictures."""

    label: str
    rendered: bool
    count: int
    samples: list[Sample]  # small and original, shared; as each variant enlarges them, of the first seed

    __test__ = False  # nothing for pytest to collect


@dataclass(frozen=True)
class Verification:
    """Who reads the same pairs of faces: a recogniser, through each variant's enlargement, and others beside it.

    In outcomes a reader beside it has a name of its own in place of a variant's: students of recognition that read the
    small face are ``direct``, and the recogniser on sharp faces is SHARP.
    """

    dataset: str
    recogniser: str
    pairs: dict[str, int]  # protocol -> how many
    direct: dict[str, str] = field(default_factory=dict)  # reader -> the student's name
    sharp: list[str] = field(default_factory=list)  # SHARP, if there
    missing: str = ""  # why nobody reads directly

    @property
    def beside(self) -> list[str]:
        """The readers that need no enlargement."""
        return [*self.direct, *self.sharp]


@dataclass(frozen=True, kw_only=True)
class Data(results.Data):
    """Everything that was read."""

    sets: dict[str, TestSet]  # by name
    verification: Verification | None  # None where no face was verified
    cost_for: tuple[int, int]  # height and width of the small picture whose multiply-adds are given

    def place(self, measure: str, of: str) -> Place:
        """Where a measure of a set or protocol stands."""
        return Place(measure, of, self.inputs.scale)

    def caption(self, text: str, *about: str) -> str:
        """The text, and what the data are; ``about`` are sets, or a protocol of verification."""
        if self.verification and set(about) & set(self.verification.pairs):
            (protocol,) = about
            basis = f"{count(self.verification.pairs[protocol], 'pair')}, {self.seeds}"
            judged = f"{self.verification.dataset}, {protocol}: {basis}; enlargement trained"
        else:
            parts = [f"{self.set_name(name)} ({count(self.sets[name].count, 'picture')})" for name in about]
            judged = f"{', '.join(parts)}; trained" if parts else "trained"
        return f"{text} Data: {judged} on {self.inputs.train}."

    def set_name(self, name: str) -> str:
        """What tables call the set, "rendered" included where its pictures are."""
        return named(self.sets[name].label, self.sets[name].rendered)

    @property
    def faces_set(self) -> str:
        """The set whose pictures are faces as those verified, else the first one."""
        about = self.verification
        alike = (name for name in self.sets if about and self.set_name(name) == about.dataset)
        return next(alike, next(iter(self.sets)))

    @property
    def drawn(self) -> bool:
        """Whether a program drew some of the pictures."""
        about = self.runs[self.inputs.floor][0]["recognition"]
        return any(each.rendered for each in self.sets.values()) or bool(about and about["rendered"])


def read(inputs: Inputs) -> Data:
    """Read all files. Raises InputError naming the first file that is missing or damaged or does not fit the others."""
    alike = Alike()
    found = results.evaluations(inputs, lambda *which: _evaluation(inputs, alike, *which))
    samples: dict[str, list[Sample]] = {}
    for variant, seeds in inputs.all.items():
        _samples(inputs.evaluations / variant / str(seeds[0]) / "samples.npz", inputs, variant, samples)
    common = results.common(inputs, found)
    verification = _verification(inputs, alike, common["outcomes"]) if alike["recognition"] else None
    sets = {
        name: TestSet(str(about["label"]), bool(about["rendered"]), about["count"], samples[name])
        for name, about in alike["sets"].items()
    }
    height, width = alike["cost_for"]
    return Data(
        **common,
        remarks=inputs.remarks,
        sets=sets,
        verification=verification,
        cost_for=(height, width),
    )


def _evaluation(inputs: Inputs, alike: Alike, folder: Path, variant: str, seed: int) -> Evaluation:
    run, path = _run(folder / "run.json", inputs, alike), folder / "metrics.csv"
    table = reading.metrics(path, variant, seed, task=TASK)
    counts = {name: about["count"] for name, about in run["sets"].items() if name in inputs.sets}
    pictures = reading.per_item(folder / "pictures.csv", alike, counts, by="set", item="picture", measures=PICTURES)
    scored, figures = {}, {}
    for name, rows in pictures.items():
        label = run["sets"][name]["label"]
        for measure in PICTURES:
            place = Place(measure, name, inputs.scale)
            stated = reading.value(path, table, place, counts[name])
            reading.same_mean(folder / "pictures.csv", f"the mean {measure} of {name}", rows[measure].mean(), stated)
            scored[place] = rows.set_index("picture")[measure]
        if others := set(table["dataset"][table["protocol"] == name]) - {label}:
            raise InputError(f"{path}: dataset of {name} is {min(others)} (expected {label}, as in run.json)")
    for metric in ("parameters", "multiply_adds") if variant in inputs.trained else ():
        reading.value(path, table, Place(metric))
    protocols, people = [], {}
    if about := run["recognition"]:
        if others := set(table["dataset"][table["metric"] == "accuracy"]) - {about["dataset"]}:
            raise InputError(f"{path}: dataset of an accuracy is {min(others)} (expected {about['dataset']})")
        read, figures, people = _verified(folder, inputs.scale, inputs.scale, table, alike)
        scored, protocols = scored | read, [place.protocol for place in read]
    # A set that the settings no longer name is as stale as a variant that they no longer name.
    kept = table["protocol"].isin(["", *inputs.sets, *protocols]) & table["condition"].isin(["", inputs.scale])
    return Evaluation(run, table[kept], scored, figures, people)


def _run(path: Path, inputs: Inputs, alike: Alike) -> dict[str, Any]:
    run = reading.run(path, RUN)
    if not isinstance(run["sets"], dict):
        raise InputError(f"{path}: sets is {run['sets']} (expected names with label, rendered and count)")
    if missing := [name for name in inputs.sets if name not in run["sets"]]:
        raise InputError(f"{path}: no set {missing[0]} (found {', '.join(run['sets']) or 'none'})")
    for name in inputs.sets:
        reading.require(path, f"set {name}", run["sets"][name], ("label", "rendered", "count"))
    about, size = run["recognition"], run["cost_for"]
    if about is not None:
        reading.require(path, "recognition", about, ("dataset", "rendered", "recogniser"), ", or null")
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
        raise InputError(f"{path}: cost_for is {size} (expected height and width)")
    same = {"cost_for": size, "recognition": about, "sets": {name: run["sets"][name] for name in inputs.sets}}
    for key, found in same.items():
        alike.check(path, key, found)
    return run


def _verified(
    folder: Path, condition: str, scale: str, table: pd.DataFrame, alike: Alike
) -> tuple[dict[Place, pd.Series], dict[Place, float], dict[Place, np.ndarray]]:
    """Whether pairs were called rightly at ``condition``, accuracies, and people, under the places of ``scale``."""
    scored, figures, people = {}, {}, {}
    for (protocol, _), rows in reading.scores(folder / "scores.csv", [condition], alike).items():
        place = Place("accuracy", protocol, scale)
        scored[place] = rows.set_index("pair")["correct"]
        people[place] = rows[reading.PEOPLE].to_numpy()
        figures[place] = reading.value(folder / "metrics.csv", table, place._replace(condition=condition))
    return scored, figures, people


def _verification(inputs: Inputs, alike: Alike, outcomes: dict[tuple[Place, str], Outcomes]) -> Verification:
    """Add the readers that the recognition task measured itself to ``outcomes``.

    Only results on the same data set, the same pairs and the same quality are taken. Raises InputError naming the file
    that is missing or damaged or has other pairs.
    """
    about = alike["recognition"]
    direct = {f"{name}, direct": name for name in inputs.readers}
    wanted = {reader: (name, inputs.scale, inputs.seeds) for reader, name in direct.items()}
    wanted[SHARP] = RECOGNISER, "x1", [inputs.recogniser_seed]
    missing, there = "", []
    for reader, (name, condition, seeds) in wanted.items():
        evaluated = []
        for seed in seeds:
            folder = inputs.recognition / name / str(seed)
            table = reading.metrics(folder / "metrics.csv", name, seed)
            if reason := _elsewhere(table, condition, about):
                missing = reason
                break
            evaluated.append(Evaluation({}, table, *_verified(folder, condition, inputs.scale, table, alike)))
        else:
            there.append(reader)
            outcomes |= results.outcomes({reader: evaluated})
    return Verification(
        dataset=named(str(about["dataset"]), bool(about["rendered"])),
        recogniser=str(about["recogniser"]),
        pairs={
            place.protocol: len(read.items)
            for (place, of), read in outcomes.items()
            if place.metric == "accuracy" and of == inputs.floor
        },
        direct={reader: name for reader, name in direct.items() if reader in there},
        sharp=[SHARP] if SHARP in there else [],
        missing=missing,
    )


def _elsewhere(table: pd.DataFrame, condition: str, about: Mapping[str, Any]) -> str:
    """Why these results cannot stand beside the others, or ""."""
    if other := sorted(set(table["dataset"]) - {about["dataset"]}):
        return f"the students of recognition were judged on {other[0]}"
    if condition not in set(table["condition"]):
        return f"the students of recognition were not judged at {condition}"
    return ""


def _samples(path: Path, inputs: Inputs, variant: str, found: dict[str, list[Sample]]) -> None:
    def size(kind: str, small: tuple[int, int]) -> tuple[int, int]:
        return small if kind == "small" else (small[0] * inputs.factor, small[1] * inputs.factor)

    reading.samples(path, variant, found, inputs.sets, shared=("small", "original"), made="result", size=size)
