"""The files of one evaluation of photo-sketch synthesis, checked against each other and against those of all others."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import InputError
from pipeline.report import reading, tidy

TASK = "synthesis"
DIRECTIONS = {"photo_to_sketch": "photo to sketch", "sketch_to_photo": "sketch to photo"}
MEASURES = ("ssim", "fsim", "difference")
COSTS = ("parameters", "multiply_adds")
NLDA = ("nlda_all_dimensions", "nlda_best_dimension")
FRECHET = "frechet_"  # and whose features
SAME = ("image_size", "data", "recogniser", "nlda")  # in all runs
RUN = ("device", "precision", "versions", "network", "health", "trained_with", *SAME)
KINDS = ("given", "true", "made")


@dataclass(frozen=True)
class Sample:
    """One test picture: what was given, the true one, and what each variant made of it, uint8 (S, S, 3)."""

    number: int
    given: np.ndarray
    true: np.ndarray
    made: dict[str, np.ndarray]


@dataclass
class First:
    """What the first files said, and all others must say as well."""

    same: dict[str, Any] = field(default_factory=dict)  # of run.json
    names: list[str] = field(default_factory=list)  # of the test pictures
    tested: np.ndarray | None = None  # (pictures,) bool: who is looked up in some split
    pairs: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    features: str = ""
    cost: dict[tuple[str, str], float] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    begun: bool = False


@dataclass(frozen=True)
class Evaluation:
    """One variant and seed; dictionaries are by direction."""

    run: dict[str, Any]
    metrics: pd.DataFrame
    pictures: dict[str, pd.DataFrame]
    overall: dict[str, dict[str, float]]
    dimensions: dict[str, pd.DataFrame]
    correct: dict[str, np.ndarray]


def evaluation(folder: Path, variant: str, seed: int, first: First, trained: bool) -> Evaluation:
    """All tables of one evaluation. Raises InputError naming the file that is missing, damaged or does not fit."""
    run = _run(folder / "run.json", first)
    if not trained and any(run["health"][direction]["symptoms"] for direction in DIRECTIONS):
        raise InputError(f"{folder / 'run.json'}: symptoms are listed (expected none: {variant} was not trained)")
    metrics = reading.metrics(folder / "metrics.csv", variant, seed, task=TASK, dataset=run["data"]["name"])
    overall = {direction: _overall(folder / "metrics.csv", metrics, direction, run, first) for direction in DIRECTIONS}
    pictures = _pictures(folder / "pictures.csv", overall, run, first)
    dimensions = _dimensions(folder / "dimensions.csv", overall, run)
    scores = reading.scores(folder / "scores.csv", [""], first.pairs, first=not first.begun)
    first.begun = True
    reading.accuracies(folder / "metrics.csv", metrics, list(first.pairs), [""])
    correct = {}
    for (direction, condition), (_, right) in scores.items():
        if direction not in DIRECTIONS:
            raise InputError(f"{folder / 'scores.csv'}: protocol is {direction} (expected {' or '.join(DIRECTIONS)})")
        overall[direction]["accuracy"] = reading.accuracy(metrics, direction, condition)
        correct[direction] = right
    if trained:
        _cost(folder / "metrics.csv", metrics, first)
    return Evaluation(run, metrics, pictures, overall, dimensions, correct)


def teacher_losses(path: Path) -> pd.DataFrame:
    """Losses by epoch, no rows where the teacher was not trained here. Raises InputError naming the file."""
    table = tidy.read(path, ("epoch", "learning_rate", "total"), empty=True)
    return table if table.empty else table.sort_values("epoch", kind="stable", ignore_index=True)


def samples(path: Path, variant: str, first: First) -> None:
    """Add the variant's pictures to ``first.samples``: filled by the first file, compared with by all others."""
    stored = reading.arrays(path)
    parts = [name.split("/") for name in stored]
    if odd := [one for one in parts if len(one) != 3 or one[0] not in DIRECTIONS or not one[1].isdecimal()]:
        raise InputError(f"{path}: an array is named {'/'.join(odd[0])} (expected DIRECTION/NUMBER/made or the like)")
    begun = bool(first.samples)
    for direction in DIRECTIONS:
        numbers = sorted({int(number) for of, number, _ in parts if of == direction})
        expected = first.samples.setdefault(direction, [])
        if begun and numbers != [sample.number for sample in expected]:
            raise InputError(f"{path}: the samples of {direction} are not those of the other files")
        for place, number in enumerate(numbers):
            if number >= len(first.names):
                pictures = len(first.names)
                raise InputError(f"{path}: a sample of {direction} has number {number} (expected below {pictures})")
            found = {}
            for kind in KINDS:
                name = f"{direction}/{number}/{kind}"
                if name not in stored:
                    raise InputError(f"{path}: an array is missing ({name})")
                found[kind] = reading.rgb(path, name, stored[name])
                side = first.same["image_size"]
                if found[kind].shape != (side, side, 3):
                    raise InputError(f"{path}: {name} is {found[kind].shape[:-1]} (expected {(side, side)})")
            if not begun:
                expected.append(Sample(number, found["given"], found["true"], {}))
            for kind in ("given", "true"):
                if not np.array_equal(found[kind], getattr(expected[place], kind)):
                    raise InputError(f"{path}: {direction}/{number}/{kind} is not that of the other files")
            expected[place].made[variant] = found["made"]


def _run(path: Path, first: First) -> dict[str, Any]:
    run = reading.run(path, RUN)
    about, size, nlda = run["data"], run["image_size"], run["nlda"]
    if not isinstance(about, dict) or not {"name", "rendered", "train", "test", "sets"} <= set(about):
        raise InputError(f"{path}: data is {about} (expected name, rendered, train, test and sets)")
    sets = list(about["sets"].values()) if isinstance(about["sets"], dict) else [None]
    if not all(isinstance(one, dict) and {"label", "train", "test"} <= set(one) for one in sets):
        raise InputError(f"{path}: data has the sets {about['sets']} (expected label, train and test of each)")
    if not all(type(about[key]) is int and about[key] > 0 for key in ("train", "test")):
        raise InputError(f"{path}: data has {about['train']} and {about['test']} pairs (expected numbers above 0)")
    if type(size) is not int or size < 1:
        raise InputError(f"{path}: image_size is {size} (expected a number of pixels)")
    if nlda is not None and not (isinstance(nlda, dict) and {"train", "tested"} <= set(nlda)):
        raise InputError(f"{path}: nlda is {nlda} (expected train and tested, or null)")
    health = run["health"]
    for direction in DIRECTIONS:
        one = health.get(direction) if isinstance(health, dict) else None
        if not isinstance(one, dict) or not {"symptoms", "variety", "variety_of_true"} <= set(one):
            raise InputError(f"{path}: health of {direction} is {one} (expected symptoms, variety and variety_of_true)")
        said = one["symptoms"]
        if not isinstance(said, list) or not all(isinstance(text, str) and text for text in said):
            raise InputError(f"{path}: symptoms of {direction} are {said} (expected a list of sentences)")
        for key in ("variety", "variety_of_true"):
            if type(one[key]) not in (int, float) or not math.isfinite(one[key]):
                raise InputError(f"{path}: {key} of {direction} is {one[key]} (expected a number)")
    for key in SAME:
        if run[key] != first.same.setdefault(key, run[key]):
            raise InputError(f"{path}: {key} is {run[key]} (expected {first.same[key]}, as in the other files)")
    return run


def _overall(path: Path, table: pd.DataFrame, direction: str, run: dict[str, Any], first: First) -> dict[str, float]:
    """The metrics of one direction, each a finite number on the pictures that it should be of."""
    rows = table[table["protocol"] == direction]
    distances = sorted(name for name in set(rows["metric"]) if name.startswith(FRECHET))
    if len(distances) != 1:
        raise InputError(f"{path}: {len(distances)} Frechet distances for {direction} (expected 1)")
    features = distances[0].removeprefix(FRECHET)
    first.features = first.features or features
    if features != first.features:
        raise InputError(f"{path}: a Frechet distance is of {features} (expected {first.features}, as in other files)")
    expected = dict.fromkeys((*MEASURES, distances[0]), run["data"]["test"])
    if run["nlda"]:
        expected |= dict.fromkeys(NLDA, run["nlda"]["tested"])
    found = {}
    for metric, number in expected.items():
        line = rows[rows["metric"] == metric]
        if len(line) != 1 or not np.isfinite(line["value"]).all():
            raise InputError(f"{path}: {len(line)} rows of {metric} for {direction} (expected 1, a number)")
        if (n := int(line["n"].iloc[0])) != number:
            raise InputError(f"{path}: n of {metric} for {direction} is {n} (expected {number}, as in run.json)")
        found["frechet" if metric == distances[0] else metric] = float(line["value"].iloc[0])
    return found


def _pictures(
    path: Path, overall: dict[str, dict[str, float]], run: dict[str, Any], first: First
) -> dict[str, pd.DataFrame]:
    """Each direction's table, sorted by picture."""
    table = tidy.read(path, ("direction", "picture", "name", *MEASURES, "nlda"), text=("direction", "name"))
    result = {}
    for direction, means in overall.items():
        rows = table[table["direction"] == direction].sort_values("picture", kind="stable", ignore_index=True)
        count = run["data"]["test"]
        if not np.array_equal(rows["picture"], np.arange(count)):
            raise InputError(f"{path}: {len(rows)} pictures of {direction} (expected {count}, numbered from 0)")
        first.names = first.names or rows["name"].tolist()
        # Paired tests need the very same pictures in every file.
        if rows["name"].tolist() != first.names:
            raise InputError(f"{path}: the pictures of {direction} are not those of the other files")
        for measure in MEASURES:
            bad = rows[~np.isfinite(rows[measure])]
            if not bad.empty:
                raise InputError(
                    f"{path}: {measure} of picture {bad['picture'].iloc[0]:g} of {direction} is"
                    f" {bad[measure].iloc[0]} (expected a number)"
                )
            # A table of pictures that is older than the means, or newer, would pass for theirs.
            if not abs(rows[measure].mean() - means[measure]) < 1e-6:
                raise InputError(
                    f"{path}: the mean {measure} of {direction} is {rows[measure].mean():.6f}"
                    f" (expected {means[measure]:.6f}, as in metrics.csv)"
                )
        tested = rows["nlda"].notna().to_numpy()
        first.tested = tested if first.tested is None else first.tested
        if not np.array_equal(tested, first.tested) or tested.any() != bool(run["nlda"]):
            raise InputError(f"{path}: nlda of {direction} is of {tested.sum()} people, not those of the other files")
        if not rows["nlda"].dropna().between(0, 1).all():
            raise InputError(f"{path}: nlda of {direction} has a share outside 0 to 1")
        result[direction] = rows
    return result


def _dimensions(path: Path, overall: dict[str, dict[str, float]], run: dict[str, Any]) -> dict[str, pd.DataFrame]:
    table = tidy.read(path, ("direction", "split", "dimension", "rank1"), text=("direction",), empty=True)
    result = {}
    for direction, means in overall.items():
        rows = table[table["direction"] == direction].sort_values(["split", "dimension"], ignore_index=True)
        if rows.empty == bool(run["nlda"]):
            raise InputError(f"{path}: {len(rows)} rows of {direction} (expected {'some' if run['nlda'] else 'none'})")
        if run["nlda"]:
            found = rows.groupby("split")["rank1"].last().mean()
            if not abs(found - means[NLDA[0]]) < 1e-6:
                raise InputError(
                    f"{path}: rank-1 of {direction} in all dimensions is {found:.6f} (expected {means[NLDA[0]]:.6f},"
                    " as in metrics.csv)"
                )
        result[direction] = rows
    return result


def _cost(path: Path, table: pd.DataFrame, first: First) -> None:
    """All variants share the networks; only their losses differ."""
    for direction in DIRECTIONS:
        for metric in COSTS:
            rows = table[(table["protocol"] == direction) & (table["metric"] == metric)]
            if len(rows) != 1:
                raise InputError(f"{path}: {len(rows)} rows of {metric} for {direction} (expected 1)")
            value = float(rows["value"].iloc[0])
            if value != first.cost.setdefault((direction, metric), value):
                expected = first.cost[direction, metric]
                raise InputError(f"{path}: {metric} of {direction} is {value:g} (expected {expected:g}, as of others)")
