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
from pipeline.report import reading, tidy
from pipeline.tasks.super_resolution.report.recognition import Verification, add_readers

TASK = "super_resolution"
RUN = ("device", "precision", "versions", "network", "cost_for", "sets", "recognition", "trained_with")
MEASURES = ("psnr", "ssim")


@dataclass(frozen=True)
class Inputs:
    """Where the results at one scale are and what was asked for.

    ``variants`` maps each student's name, in the order of the tables, to its settings (``description``, ``distill``;
    both optional). ``control`` has no teacher, ``output`` imitates the teacher's pictures and nothing else; a variant
    of that name need not be there.
    """

    evaluations: Path  # VARIANT/SEED/{metrics.csv,pictures.csv,scores.csv,samples.npz,run.json}
    losses: Path  # VARIANT/SEED/losses.csv
    efficiency: Path
    recognition: Path  # the recognition task's own VARIANT/SEED/{metrics.csv,scores.csv}
    scale: str  # "x4"
    factor: int
    variants: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int]
    teacher_seed: int
    sets: Sequence[str]  # names of the test sets
    train: str  # what tables call the training set
    readers: Sequence[str]  # students of recognition, which read small faces directly
    recogniser_seed: int  # of the teacher of recognition, which reads all others
    networks: Mapping[str, str] = field(default_factory=dict)  # variant -> its network in ``efficiency``, if other
    floor: str = "bicubic"
    teacher: str = "teacher"
    control: str = "scratch"
    output: str = "output_kd"
    remarks: Sequence[Remark] = ()  # on the sets of pictures

    @property
    def trained(self) -> dict[str, list[int]]:
        """The students, then the teacher, each with the seeds it was trained with."""
        return {**{name: list(self.seeds) for name in self.variants}, self.teacher: [self.teacher_seed]}

    @property
    def all(self) -> dict[str, list[int]]:
        """What needs no network, then all that were trained."""
        return {self.floor: [0], **self.trained}

    @property
    def slug(self) -> str:
        """How the section's files begin."""
        return f"{TASK}-{self.scale}"


@dataclass(frozen=True)
class Sample:
    """One test picture, small, large, and as each variant enlarges it: uint8 (h, w, 3) and (H, W, 3)."""

    number: int
    small: np.ndarray
    original: np.ndarray
    results: dict[str, np.ndarray]


@dataclass(frozen=True)
class TestSet:
    """A set of test pictures, and how well each variant enlarges each of them."""

    label: str
    rendered: bool
    pictures: np.ndarray  # their numbers, ascending
    values: dict[tuple[str, str], np.ndarray]  # measure, variant -> (seeds, pictures)
    samples: list[Sample]  # of the first seed

    __test__ = False  # nothing for pytest to collect


@dataclass(frozen=True)
class Data:
    """Everything that was read."""

    inputs: Inputs
    metrics: pd.DataFrame  # tidy
    sets: dict[str, TestSet]  # by name
    verification: Verification | None  # None where no face was verified
    losses: dict[str, list[pd.DataFrame]]  # one table per seed
    runs: dict[str, list[dict[str, Any]]]  # run.json, one a seed
    latency: pd.DataFrame

    @property
    def cost_for(self) -> tuple[int, int]:
        """Height and width of the small picture whose multiply-adds are given."""
        height, width = self.runs[self.inputs.teacher][0]["cost_for"]
        return height, width

    def cost(self, metric: str, variant: str) -> float:
        """Parameters or multiply-adds of a trained variant."""
        rows = self.metrics
        return float(rows["value"][(rows["metric"] == metric) & (rows["variant"] == variant)].iloc[0])


def read(inputs: Inputs) -> Data:
    """Read all files. Raises InputError naming the first file that is missing or damaged or does not fit the others."""
    metrics, runs, losses = [], {}, {}
    quality: dict[tuple[str, str], list[pd.DataFrame]] = {}
    samples: dict[str, list[Sample]] = {}
    pairs: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    through: dict[tuple[str, str], list[tuple[float, np.ndarray]]] = {}
    first: dict[str, Any] = {}
    for variant, seeds in inputs.all.items():
        for seed in seeds:
            folder = inputs.evaluations / variant / str(seed)
            run = _run(folder / "run.json", inputs, first)
            runs.setdefault(variant, []).append(run)
            table = _metrics(folder / "metrics.csv", inputs, variant, seed, run)
            _pictures(folder / "pictures.csv", inputs, table, variant, run["sets"], quality)
            if run["recognition"]:
                scores = reading.scores(folder / "scores.csv", [inputs.scale], pairs)
                reading.accuracies(folder / "metrics.csv", table, list(pairs), [inputs.scale])
                for protocol in pairs:
                    value = reading.accuracy(table, protocol, inputs.scale)
                    through.setdefault((protocol, variant), []).append((value, scores[protocol, inputs.scale][1]))
            metrics.append(table)
            if variant in inputs.trained:
                path = inputs.losses / variant / str(seed) / "losses.csv"
                losses.setdefault(variant, []).append(reading.losses(path))
        _samples(inputs.evaluations / variant / str(seeds[0]) / "samples.npz", inputs, variant, samples)
    about = first["recognition"]
    networks = {variant: inputs.networks.get(variant, variant) for variant in inputs.trained}
    return Data(
        inputs=inputs,
        metrics=tidy.ordered(metrics),
        sets={name: _test_set(inputs, name, first["sets"][name], quality, samples[name]) for name in inputs.sets},
        verification=add_readers(inputs, about, pairs, through) if about else None,
        losses=losses,
        runs=runs,
        latency=reading.latency(inputs.efficiency, networks),
    )


def _run(path: Path, inputs: Inputs, first: dict[str, Any]) -> dict[str, Any]:
    """``first`` holds what must be the same in all files, as in the first of them."""
    run = reading.run(path, RUN)
    if not isinstance(run["sets"], dict):
        raise InputError(f"{path}: sets is {run['sets']} (expected names with label, rendered and count)")
    if missing := [name for name in inputs.sets if name not in run["sets"]]:
        raise InputError(f"{path}: no set {missing[0]} (found {', '.join(run['sets']) or 'none'})")
    for name in inputs.sets:
        about = run["sets"][name]
        if not isinstance(about, dict) or not {"label", "rendered", "count"} <= set(about):
            raise InputError(f"{path}: set {name} is {about} (expected label, rendered and count)")
    about = run["recognition"]
    if about is not None and not (isinstance(about, dict) and {"dataset", "rendered", "recogniser"} <= set(about)):
        raise InputError(f"{path}: recognition is {about} (expected dataset, rendered and recogniser, or null)")
    size = run["cost_for"]
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
        raise InputError(f"{path}: cost_for is {size} (expected height and width)")
    same = {"cost_for": size, "recognition": about, "sets": {name: run["sets"][name] for name in inputs.sets}}
    for key, found in same.items():
        if found != first.setdefault(key, found):
            raise InputError(f"{path}: {key} is {found} (expected {first[key]}, as in the other files)")
    return run


def _metrics(path: Path, inputs: Inputs, variant: str, seed: int, run: Mapping[str, Any]) -> pd.DataFrame:
    table = reading.metrics(path, variant, seed, task=TASK)
    for name in inputs.sets:
        about = run["sets"][name]
        for measure in MEASURES:
            rows = table[
                (table["protocol"] == name) & (table["condition"] == inputs.scale) & (table["metric"] == measure)
            ]
            if len(rows) != 1:
                raise InputError(f"{path}: {len(rows)} rows of {measure} for {name} at {inputs.scale} (expected 1)")
            for column, expected in (("dataset", about["label"]), ("n", about["count"])):
                if (found := rows.iloc[0][column]) != expected:
                    raise InputError(f"{path}: {column} of {name} is {found} (expected {expected}, as in run.json)")
    for metric in ("parameters", "multiply_adds") if variant in inputs.trained else ():
        reading.single(path, table, metric)
    if about := run["recognition"]:
        others = set(table["dataset"][table["metric"] == "accuracy"]) - {about["dataset"]}
        if others:
            raise InputError(f"{path}: dataset of an accuracy is {min(others)} (expected {about['dataset']})")
    verified = table["protocol"][table["metric"] == "accuracy"] if run["recognition"] else ()
    # A set that the settings no longer name is as stale as a variant that they no longer name.
    return table[table["protocol"].isin(["", *inputs.sets, *verified]) & table["condition"].isin(["", inputs.scale])]


def _pictures(
    path: Path,
    inputs: Inputs,
    metrics: pd.DataFrame,
    variant: str,
    about: Mapping[str, Any],
    quality: dict[tuple[str, str], list[pd.DataFrame]],
) -> None:
    """Append each set's table, sorted by picture, under (set, variant)."""
    table = tidy.read(path, ("set", "picture", *MEASURES), text=("set", "name"))
    for name in inputs.sets:
        rows = table[table["set"] == name].sort_values("picture", kind="stable", ignore_index=True)
        if rows["picture"].isna().any() or rows["picture"].nunique() != len(rows) or len(rows) != about[name]["count"]:
            raise InputError(f"{path}: {len(rows)} pictures of {name} (expected {about[name]['count']}, each once)")
        for measure in MEASURES:
            bad = rows[~np.isfinite(rows[measure])]
            if not bad.empty:
                number, value = bad.iloc[0][["picture", measure]]
                raise InputError(f"{path}: {measure} of picture {number:g} of {name} is {value} (expected a number)")
            # A table of pictures that is older than the means, or newer, would pass for theirs.
            stated = metrics["value"][(metrics["protocol"] == name) & (metrics["metric"] == measure)].iloc[0]
            if not abs(rows[measure].mean() - stated) < 1e-6:
                raise InputError(
                    f"{path}: the mean {measure} of {name} is {rows[measure].mean():.6f}"
                    f" (expected {stated:.6f}, as in metrics.csv)"
                )
        others = next((tables[0] for (of, _), tables in quality.items() if of == name), rows)
        # Paired tests need the very same pictures in every file.
        if not np.array_equal(rows["picture"], others["picture"]):
            raise InputError(f"{path}: the pictures of {name} are not those of the other files")
        quality.setdefault((name, variant), []).append(rows)


def _samples(path: Path, inputs: Inputs, variant: str, samples: dict[str, list[Sample]]) -> None:
    """Add the variant's pictures to ``samples``, set by set: filled by the first file, compared with by all others."""
    stored = reading.arrays(path)
    names = [name.split("/") for name in stored]
    if odd := [name for name in names if len(name) != 3 or not name[1].isdecimal()]:
        raise InputError(f"{path}: an array is named {'/'.join(odd[0])} (expected SET/NUMBER/result or the like)")
    for of in inputs.sets:
        numbers = sorted({int(number) for name, number, _ in names if name == of})
        expected = samples.setdefault(of, [])
        first = not expected and variant == inputs.floor
        if not first and numbers != [sample.number for sample in expected]:
            raise InputError(f"{path}: the samples of {of} are not those of the other files")
        for place, number in enumerate(numbers):
            parts = {}
            for kind in ("small", "original", "result"):
                name = f"{of}/{number}/{kind}"
                if name not in stored:
                    raise InputError(f"{path}: an array is missing ({name})")
                parts[kind] = reading.rgb(path, name, stored[name])
                large = kind != "small"
                shape = tuple(side * (inputs.factor if large else 1) for side in parts["small"].shape[:2])
                if parts[kind].ndim != 3 or parts[kind].shape[:2] != shape:
                    raise InputError(f"{path}: {name} is {parts[kind].shape[:2]} (expected {shape})")
            if first:
                expected.append(Sample(number, parts["small"], parts["original"], {}))
            sample = expected[place]
            for kind in ("small", "original"):
                if not np.array_equal(parts[kind], getattr(sample, kind)):
                    raise InputError(f"{path}: {of}/{number}/{kind} is not that of the other files")
            sample.results[variant] = parts["result"]


def _test_set(
    inputs: Inputs,
    name: str,
    about: Mapping[str, Any],
    quality: Mapping[tuple[str, str], list[pd.DataFrame]],
    samples: list[Sample],
) -> TestSet:
    values = {
        (measure, variant): np.stack([table[measure].to_numpy(float) for table in quality[name, variant]])
        for measure in MEASURES
        for variant in inputs.all
    }
    numbers = quality[name, inputs.floor][0]["picture"].to_numpy().astype(int)
    return TestSet(str(about["label"]), bool(about["rendered"]), numbers, values, samples)
