"""What the steps of photo-sketch synthesis wrote, read and checked: only variants and seeds that the settings name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.remarks import Remark, recorded
from pipeline.report import reading, tidy
from pipeline.tasks.synthesis.report import reading as files
from pipeline.tasks.synthesis.report.contrasts import control
from pipeline.tasks.synthesis.report.health import far_from_control
from pipeline.tasks.synthesis.report.reading import DIRECTIONS, MEASURES, TASK, Sample


@dataclass(frozen=True)
class Inputs:
    """Where the results on one collection of pairs are and what was asked for.

    ``variants`` maps each name, in the order of the tables, to the settings of
    pipeline.tasks.synthesis.params.variants.SynthesisVariant as plain values.
    """

    evaluations: Path  # VARIANT/SEED/{metrics.csv,pictures.csv,dimensions.csv,scores.csv,samples.npz,run.json}
    losses: Path  # VARIANT/SEED/losses.csv
    teacher_losses: Path  # DOMAIN/losses.csv
    efficiency: Path
    collection: str
    variants: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int]
    domains: Sequence[str]  # what the teachers know: photos, drawings, both
    teacher: Mapping[str, Any]  # the teachers' architecture
    floor: str = "copy"

    @property
    def all(self) -> dict[str, list[int]]:
        """What needs no network, then all that were trained, each with its seeds."""
        return {self.floor: [0], **{name: list(self.seeds) for name in self.variants}}

    @property
    def control(self) -> str | None:
        """The variant without a teacher or anything else, None where there is none."""
        return control(self.variants)

    @property
    def slug(self) -> str:
        """How the section's files begin."""
        return f"{TASK}-{self.collection}"


@dataclass(frozen=True)
class Judged:
    """How one variant did in one direction; arrays have one row per seed, failed ones included.

    ``pictures``: measure -> (seeds, pictures): ssim, fsim, difference (grey levels), and nlda, the share of splits that
    recognise a person, NaN for whom none tests; left out where there were too few people. ``overall``: metric ->
    (seeds,).
    """

    seeds: Sequence[int]
    pictures: dict[str, np.ndarray]
    overall: dict[str, np.ndarray]
    correct: np.ndarray | None  # (seeds, pairs) of faces called rightly, where faces were verified
    dimensions: list[pd.DataFrame]  # split, dimension, rank1
    variety: np.ndarray  # (seeds,), as a share of that of the true pictures
    symptoms: tuple[tuple[str, ...], ...] = ()  # a tuple of sentences a seed, empty where nothing is wrong

    @property
    def sound(self) -> np.ndarray:
        """(seeds,) bool: whose training shows no symptom."""
        return np.array([not one for one in self.symptoms])


@dataclass(frozen=True)
class Data:
    """Everything that was read."""

    inputs: Inputs
    metrics: pd.DataFrame  # tidy; the condition is the collection, of failed runs "COLLECTION, failed"
    dataset: str
    rendered: bool
    train: int  # pairs
    test: int
    image_size: int
    names: list[str]  # of the test pictures
    nlda: dict[str, int] | None  # people that train the analysis and that are tested, of each split
    features: str  # whose the Frechet distance is
    pairs: int  # of faces to verify
    judged: dict[tuple[str, str], Judged]  # direction, variant
    samples: dict[str, list[Sample]]  # by direction, of the first seed
    losses: dict[str, list[pd.DataFrame]]  # one table per seed
    teacher_losses: dict[str, pd.DataFrame]  # by domain, where a teacher was trained here
    runs: dict[str, list[dict[str, Any]]]  # run.json, one a seed
    latency: pd.DataFrame
    cost: dict[tuple[str, str], float] = field(default_factory=dict)  # direction, metric
    remarks: Sequence[Remark] = ()  # on the pairs


def read(inputs: Inputs) -> Data:
    """Read all files. Raises InputError naming the first file that is missing or damaged or does not fit the others."""
    first = files.First()
    found: dict[str, list[files.Evaluation]] = {}
    losses: dict[str, list[pd.DataFrame]] = {}
    for variant, seeds in inputs.all.items():
        for seed in seeds:
            folder = inputs.evaluations / variant / str(seed)
            trained = variant in inputs.variants
            found.setdefault(variant, []).append(files.evaluation(folder, variant, seed, first, trained))
            if trained:
                path = inputs.losses / variant / str(seed) / "losses.csv"
                losses.setdefault(variant, []).append(reading.losses(path))
        files.samples(inputs.evaluations / variant / str(seeds[0]) / "samples.npz", variant, first)
    teachers = {one: files.teacher_losses(inputs.teacher_losses / one / "losses.csv") for one in inputs.domains}
    judged = {
        (direction, variant): _judged(direction, seeds, found[variant])
        for direction in DIRECTIONS
        for variant, seeds in inputs.all.items()
    }
    for direction in DIRECTIONS:
        _compare_with_control(inputs, direction, judged)
    about = first.same["data"]
    return Data(
        inputs=inputs,
        metrics=_metrics(inputs.collection, found, judged),
        dataset=about["name"],
        rendered=about["rendered"],
        train=about["train"],
        test=about["test"],
        remarks=recorded(about),
        image_size=first.same["image_size"],
        names=first.names,
        nlda=first.same["nlda"],
        features=first.features,
        pairs=sum(len(names) for names, _ in first.pairs.values()),
        judged=judged,
        samples=first.samples,
        losses=losses,
        teacher_losses={domain: table for domain, table in teachers.items() if not table.empty},
        runs={variant: [one.run for one in each] for variant, each in found.items()},
        latency=reading.latency(inputs.efficiency, {"student": "student"}),
        cost=first.cost,
    )


def _judged(direction: str, seeds: Sequence[int], found: Sequence[files.Evaluation]) -> Judged:
    health = [one.run["health"][direction] for one in found]
    measures = [*MEASURES, *(["nlda"] if found[0].run["nlda"] else [])]
    pictures = [one.pictures[direction] for one in found]
    overall = [one.overall[direction] for one in found]
    correct = [one.correct.get(direction) for one in found]
    variety = [one["variety"] / one["variety_of_true"] if one["variety_of_true"] else np.nan for one in health]
    return Judged(
        seeds=seeds,
        pictures={name: np.stack([table[name].to_numpy(float) for table in pictures]) for name in measures},
        overall={name: np.array([values[name] for values in overall]) for name in overall[0]},
        correct=None if correct[0] is None else np.stack(correct),
        dimensions=[one.dimensions[direction] for one in found],
        variety=np.array(variety),
        symptoms=tuple(tuple(one["symptoms"]) for one in health),
    )


def _compare_with_control(inputs: Inputs, direction: str, judged: dict[tuple[str, str], Judged]) -> None:
    """Add the symptom that shows only beside the control; nothing without a sound seed of it."""
    if inputs.control is None or not judged[direction, inputs.control].sound.any():
        return
    one = judged[direction, inputs.control]
    against = one.overall["difference"][one.sound]
    for variant in inputs.variants:
        if variant != inputs.control:
            one = judged[direction, variant]
            said = far_from_control(one.overall["difference"], against)
            symptoms = tuple((*own, *([new] if new else [])) for own, new in zip(one.symptoms, said, strict=True))
            judged[direction, variant] = dataclasses.replace(one, symptoms=symptoms)


def _metrics(
    collection: str, found: Mapping[str, Sequence[files.Evaluation]], judged: Mapping[tuple[str, str], Judged]
) -> pd.DataFrame:
    """All rows; of failed runs under a condition of their own, so that nobody averages them with the others."""
    tables = []
    for variant, each in found.items():
        for place, one in enumerate(each):
            failed = [direction for direction in DIRECTIONS if not judged[direction, variant].sound[place]]
            rows = one.metrics
            marked = rows["protocol"].isin(failed) & ~rows["metric"].isin(files.COSTS)
            tables.append(rows.assign(condition=np.where(marked, f"{collection}, failed", collection)))
    return tidy.ordered(tables)
