"""What the recognition steps wrote, read and checked: only the variants and seeds that the settings name."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.data.remarks import Remark
from pipeline.errors import InputError
from pipeline.report import reading, tidy
from pipeline.tasks.recognition.report import identification_data

RUN = ("device", "precision", "dataset", "versions", "model")


@dataclass(frozen=True)
class Inputs:
    """Where the recognition results are and what was asked for.

    ``variants`` maps each student's name, in the order of the tables, to its settings (``description``,
    ``train_qualities``, ``distill``; all optional). ``plain`` and ``control`` name the two controls.
    """

    evaluations: Path  # VARIANT/SEED/{metrics.csv,scores.csv,ranks.csv,samples.npz,run.json}
    losses: Path  # VARIANT/SEED/losses.csv
    efficiency: Path
    contact_sheet: Path
    variants: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int]
    teacher_seeds: Sequence[int]
    qualities: Sequence[int]  # downsampling factors, 1 is sharp
    dataset: str
    rendered: bool
    plain: str = "basicnet"  # sharp faces, no teacher
    control: str = "degraded_only"  # degraded faces, no teacher
    teacher: str = "teacher"
    own_teacher: str | None = None  # the file of a teacher of the user's own, which was not trained here
    networks: Mapping[str, str] = field(default_factory=dict)  # variant -> its network in ``efficiency``, if other
    remarks: Sequence[Remark] = ()  # on the data

    @property
    def conditions(self) -> list[str]:
        """The qualities as the tables name them."""
        return [f"x{quality}" for quality in self.qualities]

    @property
    def controls(self) -> dict[str, list[str]]:
        """Each control that was trained, and who is compared with it: everybody with the plain one.

        With ``control``, and with baselines that are what it is for another network, the students of the same network:
        beside a larger control a small student would say nothing of its teacher.
        """

        def network(name: str) -> str:
            return self.networks.get(name, "student")

        found = {}
        if self.plain in self.variants:
            found[self.plain] = [name for name in self.variants if name != self.plain]
        qualities = self.variants.get(self.control, {}).get("train_qualities")
        for name, settings in self.variants.items():
            alike = name != self.plain and not settings.get("distill") and settings.get("train_qualities") == qualities
            if name == self.control or (qualities and alike and network(name) != network(self.control)):
                students = [n for n, own in self.variants.items() if own.get("distill") and network(n) == network(name)]
                found[name] = students
        return {name: others for name, others in found.items() if others}

    @property
    def worst(self) -> str:
        """The lowest quality."""
        return f"x{max(self.qualities)}"

    @property
    def models_and_seeds(self) -> dict[str, list[int]]:
        """The teacher, then the students, each with the seeds it was trained with."""
        return {self.teacher: list(self.teacher_seeds), **{name: list(self.seeds) for name in self.variants}}


@dataclass(frozen=True)
class Samples:
    """Some faces at each quality as a network sees them, and where it looks."""

    pictures: dict[str, np.ndarray]  # condition -> (n, H, W, 3) uint8
    maps: dict[str, np.ndarray]  # condition -> (n, stages, h, w) float32 in 0..1


@dataclass(frozen=True)
class Data:
    """Everything that was read."""

    inputs: Inputs
    metrics: pd.DataFrame  # tidy
    protocols: list[str]
    same: dict[str, np.ndarray]  # protocol -> (pairs,) bool
    scores: dict[tuple[str, str, str], np.ndarray]  # protocol, variant, condition -> (seeds, pairs)
    correct: dict[tuple[str, str, str], np.ndarray]  # likewise, bool
    losses: dict[str, list[pd.DataFrame]]  # one table per seed, of those that were trained here
    samples: dict[str, Samples]  # of the first seed
    runs: dict[str, list[dict[str, Any]]]  # run.json, one a seed
    latency: pd.DataFrame
    contact_sheet: bytes
    searches: identification_data.Searches

    def values(self, metric: str, protocol: str, variant: str, condition: str) -> np.ndarray:
        """One metric, a value a seed, seeds ascending."""
        rows = self.metrics
        chosen = rows[
            (rows["metric"] == metric)
            & (rows["protocol"] == protocol)
            & (rows["variant"] == variant)
            & (rows["condition"] == condition)
        ]
        return chosen.sort_values("seed")["value"].to_numpy()


def read(inputs: Inputs) -> Data:
    """Read all files. Raises InputError naming the first file that is missing or damaged."""
    metrics, pairs, scores, correct = [], {}, {}, {}
    losses, samples, runs = {}, {}, {}
    for variant, seeds in inputs.models_and_seeds.items():
        per_seed = []
        for seed in seeds:
            folder = inputs.evaluations / variant / str(seed)
            metrics.append(_metrics(folder / "metrics.csv", inputs, variant, seed))
            per_seed.append(reading.scores(folder / "scores.csv", inputs.conditions, pairs, first=len(metrics) == 1))
            runs.setdefault(variant, []).append(reading.run(folder / "run.json", RUN))
            if variant != inputs.teacher or inputs.own_teacher is None:
                own = reading.losses(inputs.losses / variant / str(seed) / "losses.csv")
                losses.setdefault(variant, []).append(own)
        for protocol, condition in per_seed[0]:
            key = protocol, variant, condition
            scores[key] = np.stack([table[protocol, condition][0] for table in per_seed])
            correct[key] = np.stack([table[protocol, condition][1] for table in per_seed])
        samples[variant] = _samples(inputs.evaluations / variant / str(seeds[0]) / "samples.npz", inputs)
    networks = {variant: inputs.networks.get(variant, variant) for variant in inputs.models_and_seeds}
    return Data(
        inputs=inputs,
        metrics=tidy.ordered(metrics),
        protocols=list(pairs),
        same={protocol: truth for protocol, (_, truth) in pairs.items()},
        scores=scores,
        correct=correct,
        losses=losses,
        samples=samples,
        runs=runs,
        latency=reading.latency(inputs.efficiency, networks),
        contact_sheet=_picture(inputs.contact_sheet),
        searches=identification_data.read(inputs, runs),
    )


def _metrics(path: Path, inputs: Inputs, variant: str, seed: int) -> pd.DataFrame:
    table = reading.metrics(path, variant, seed, dataset=inputs.dataset)
    protocols = table["protocol"][table["metric"] == "accuracy"].unique()
    reading.accuracies(path, table, protocols, inputs.conditions)
    for metric in ("parameters", "multiply_adds"):
        reading.single(path, table, metric)
    # A quality that the settings no longer name is as stale as a variant that they no longer name.
    return table[table["condition"].isin(["", *inputs.conditions])]


def _samples(path: Path, inputs: Inputs) -> Samples:
    stored = reading.arrays(path, [*inputs.conditions, *(f"maps_{name}" for name in inputs.conditions)])
    pictures = {name: reading.rgb(path, name, stored[name]) for name in inputs.conditions}
    maps = {name: stored[f"maps_{name}"].astype(np.float32) for name in inputs.conditions}
    counts = {len(array) for array in (*pictures.values(), *maps.values())}
    if len(counts) != 1 or 0 in counts or any(array.ndim != 4 for array in (*pictures.values(), *maps.values())):
        raise InputError(f"{path}: expected as many faces as maps at every quality, found {sorted(counts)}")
    return Samples(pictures, maps)


def _picture(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            kind = image.format
            image.load()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a picture ({error})") from error
    if kind != "PNG":
        raise InputError(f"{path}: a {kind} picture (expected PNG)")
    return data
