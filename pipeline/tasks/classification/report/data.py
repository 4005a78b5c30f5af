"""What the steps of classification wrote, read and checked: only the variants and seeds that the settings name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.classes import open_classes, sample_sheet
from pipeline.data.remarks import recorded
from pipeline.errors import InputError
from pipeline.report import reading, tidy

TASK = "classification"
RUN = ("device", "precision", "versions", "network", "classes", "data", "trained_with")
ITSELF, AFTER = "test", "teacher_after"  # conditions: the network itself, and the teacher as its training left it
PICTURES = ("image", "label", "predicted", "correct")
BINS = ("low", "high", "count", "confidence", "accuracy")
ROWS = 10  # classes on the sample sheet
DIAGNOSTICS = "weight_"  # how columns of the losses begin that are no loss


@dataclass(frozen=True)
class Inputs:
    """Where the results on one set are and what was asked for.

    ``variants`` maps each student's name, in the order of the tables, to its settings: ``learning`` with all its
    values, and perhaps ``description``.
    """

    name: str  # of the set in params.yaml
    evaluations: Path  # VARIANT/SEED/{metrics.csv,pictures.csv,reliability.csv,run.json}
    losses: Path  # VARIANT/SEED/losses.csv
    efficiency: Path
    data: Path  # the prepared images
    variants: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int]
    teacher_seed: int
    sample_images: int
    networks: Mapping[str, str] = field(default_factory=dict)  # variant -> its network in ``efficiency``
    teacher: str = "teacher"

    @property
    def all(self) -> dict[str, list[int]]:
        """The students, then the teacher, each with the seeds it was trained with."""
        return {**{name: list(self.seeds) for name in self.variants}, self.teacher: [self.teacher_seed]}

    @property
    def slug(self) -> str:
        """How the section's files begin."""
        return f"{TASK}-{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Data:
    """Everything that was read."""

    inputs: Inputs
    metrics: pd.DataFrame  # tidy
    about: dict[str, Any]  # of the set: name, rendered, images in each part
    classes: list[str]
    correct: dict[tuple[str, str], np.ndarray]  # condition, variant -> (seeds, images) bool
    reliability: dict[tuple[str, str], list[pd.DataFrame]]  # likewise -> one table per seed
    losses: dict[str, list[pd.DataFrame]]  # one table per seed; epochs count on through the stages
    runs: dict[str, list[dict[str, Any]]]  # run.json, one a seed
    latency: pd.DataFrame
    sheet: np.ndarray  # (H, W, 3) uint8: images by class

    def value(self, metric: str, variant: str, condition: str = ITSELF) -> np.ndarray:
        """(seeds,) of a measure; empty where it does not apply."""
        rows = self.metrics
        chosen = (rows["metric"] == metric) & (rows["variant"] == variant) & (rows["condition"] == condition)
        return rows[chosen].sort_values("seed", kind="stable")["value"].to_numpy()

    def work(self, variant: str) -> float:
        """Multiply-adds of the whole training, the mean over seeds."""
        return float(np.mean([_work(run) for run in self.runs[variant]]))

    @property
    def changed(self) -> list[str]:
        """Variants whose teacher has learned."""
        return [variant for variant in self.inputs.variants if (AFTER, variant) in self.correct]

    @property
    def images(self) -> int:
        """Test images."""
        return self.correct[ITSELF, self.inputs.teacher].shape[1]


def read(inputs: Inputs) -> Data:
    """Read all files. Raises InputError naming the first file that is missing or damaged or does not fit the others."""
    first: dict[str, Any] = {}
    metrics, runs, losses = [], {}, {}
    correct: dict[tuple[str, str], list[np.ndarray]] = {}
    bins: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for variant, seeds in inputs.all.items():
        for seed in seeds:
            folder = inputs.evaluations / variant / str(seed)
            run = _run(folder / "run.json", first)
            runs.setdefault(variant, []).append(run)
            table = _metrics(folder / "metrics.csv", inputs, variant, seed, run)
            metrics.append(table)
            conditions = list(dict.fromkeys(table["condition"]))
            for condition, calls in _pictures(folder / "pictures.csv", table, conditions, first).items():
                correct.setdefault((condition, variant), []).append(calls)
            for condition, rows in _reliability(folder / "reliability.csv", table, conditions).items():
                bins.setdefault((condition, variant), []).append(rows)
            losses.setdefault(variant, []).append(_losses(inputs.losses / variant / str(seed) / "losses.csv"))
        counts = {condition: len(calls) for (condition, of), calls in correct.items() if of == variant}
        if short := [condition for condition, count in counts.items() if count != len(seeds)]:
            folder = inputs.evaluations / variant
            raise InputError(f"{folder}: {short[0]} of {counts[short[0]]} seeds (expected {len(seeds)}, or none)")
    found = open_classes(inputs.data)
    if found.names != first["classes"]:
        raise InputError(f"{inputs.data}: the classes are not those of the evaluations")
    networks = {variant: inputs.networks.get(variant, variant) for variant in inputs.all}
    return Data(
        inputs=inputs,
        metrics=tidy.ordered(metrics),
        about=first["data"],
        classes=first["classes"],
        correct={key: np.stack(calls) for key, calls in correct.items()},
        reliability=bins,
        losses=losses,
        runs=runs,
        latency=reading.latency(inputs.efficiency, networks),
        sheet=sample_sheet(found, rows=ROWS, photos=inputs.sample_images),
    )


def _run(path: Path, first: dict[str, Any]) -> dict[str, Any]:
    """``first`` holds what must be the same in all files, as in the first of them."""
    run = reading.run(path, RUN)
    if not isinstance(run["classes"], list) or len(run["classes"]) < 2:
        raise InputError(f"{path}: classes is {run['classes']} (expected two names or more)")
    about = run["data"]
    if not isinstance(about, dict) or not {"name", "rendered", "images"} <= set(about):
        raise InputError(f"{path}: data is {about} (expected name, rendered and images)")
    recorded(about, path)
    try:
        work = _work(run)
    except (KeyError, TypeError):
        raise InputError(f"{path}: trained_with has no work (expected the multiply-adds of each stage)") from None
    if not work > 0:
        raise InputError(f"{path}: trained_with.work is {work} multiply-adds (expected more)")
    for key in ("classes", "data"):
        if run[key] != first.setdefault(key, run[key]):
            raise InputError(f"{path}: {key} is not as in the other files")
    return run


def _work(run: Mapping[str, Any]) -> int:
    return sum(stage["multiply_adds"] for stage in run["trained_with"]["work"])


def _metrics(path: Path, inputs: Inputs, variant: str, seed: int, run: Mapping[str, Any]) -> pd.DataFrame:
    table = reading.metrics(path, variant, seed, task=TASK, protocol=inputs.name, dataset=run["data"]["name"])
    wanted = ["top1", "nll", "ece", *(["top5"] if len(run["classes"]) > 5 else [])]
    wanted += [] if variant == inputs.teacher else ["agreement", "kl"]
    if odd := set(table["condition"]) - {ITSELF, AFTER}:
        raise InputError(f"{path}: condition is {min(odd)} (expected {ITSELF} or {AFTER})")
    for condition in dict.fromkeys([ITSELF, *table["condition"]]):
        own = table[table["condition"] == condition]
        for metric in wanted + (["parameters", "multiply_adds"] if condition == ITSELF else []):
            reading.single(path, own, metric)
            if not np.isfinite(own["value"][own["metric"] == metric]).all():
                raise InputError(f"{path}: {metric} at {condition} is no number")
    return table


def _pictures(
    path: Path, metrics: pd.DataFrame, conditions: Sequence[str], first: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Condition -> (images,) whether each was called rightly. Paired tests need the very same images in every file."""
    table = tidy.read(path, ("condition", *PICTURES), text=("condition",))
    found = {}
    for condition in conditions:
        rows = table[table["condition"] == condition].sort_values("image", kind="stable")
        values = rows[list(PICTURES)].to_numpy(float)
        if not len(values) or not np.isfinite(values).all() or rows["image"].duplicated().any():
            raise InputError(f"{path}: {len(rows)} images at {condition} (expected some, each once, with whole rows)")
        asked = rows[["image", "label"]].to_numpy(int)
        if not np.array_equal(asked, first.setdefault("images", asked)):
            raise InputError(f"{path}: the images or labels at {condition} are not those of the other files")
        calls = (rows["predicted"] == rows["label"]).to_numpy()
        if not np.array_equal(calls, rows["correct"].to_numpy() == 1):
            raise InputError(f"{path}: correct at {condition} is not whether predicted is label")
        _same_mean(path, metrics, condition, float(calls.mean()))
        found[condition] = calls
    return found


def _same_mean(path: Path, metrics: pd.DataFrame, condition: str, mean: float) -> None:
    """A table that is older than the means, or newer, would pass for theirs."""
    stated = metrics["value"][(metrics["condition"] == condition) & (metrics["metric"] == "top1")].iloc[0]
    if not abs(mean - stated) < 1e-6:
        raise InputError(f"{path}: top-1 at {condition} is {mean:.6f} (expected {stated:.6f}, as in metrics.csv)")


def _reliability(path: Path, metrics: pd.DataFrame, conditions: Sequence[str]) -> dict[str, pd.DataFrame]:
    table = tidy.read(path, ("condition", *BINS), text=("condition",))
    found = {}
    for condition in conditions:
        rows = table[table["condition"] == condition].sort_values("low", kind="stable", ignore_index=True)
        full = rows[rows["count"] > 0]
        if full.empty or not np.isfinite(full[list(BINS)]).all(axis=None):
            raise InputError(f"{path}: no whole bins at {condition}")
        _same_mean(path, metrics, condition, float(full["accuracy"] @ full["count"] / full["count"].sum()))
        found[condition] = rows
    return found


def _losses(path: Path) -> pd.DataFrame:
    """The losses in the order of the file, the stages one after another; ``epoch`` counts on from stage to stage."""
    table = tidy.read(path, ("stage", "epoch", "learning_rate", "total"), text=("stage",))
    for stage, rows in table.groupby("stage", sort=False):
        if rows["epoch"].tolist() != list(range(1, len(rows) + 1)):
            raise InputError(f"{path}: the epochs of {stage} are not 1 to {len(rows)}, in this order")
    return table.assign(epoch=range(1, len(table) + 1))
