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

from pipeline.data.arrays import DAMAGE
from pipeline.errors import InputError
from pipeline.files import read_json
from pipeline.report import tidy

SCORE_COLUMNS = ("protocol", "condition", "pair", "fold", "same", "score", "correct")
LATENCY_COLUMNS = (
    "network",
    "parameters",
    "multiply_adds",
    "batch",
    "median_ms",
    "p10_ms",
    "p90_ms",
    "device",
)


@dataclass(frozen=True)
class Inputs:
    """Where the recognition results are and what was asked for.

    ``variants`` maps each student's name, in the order of the tables, to its settings (``description``,
    ``train_qualities``, ``distill``; all optional). ``plain`` and ``control`` name the two controls.
    """

    evaluations: Path  # VARIANT/SEED/{metrics.csv,scores.csv,samples.npz,run.json}
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

    @property
    def conditions(self) -> list[str]:
        """The qualities as the tables name them."""
        return [f"x{quality}" for quality in self.qualities]

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
    losses: dict[str, list[pd.DataFrame]]  # a table a seed, of those that were trained here
    samples: dict[str, Samples]  # of the first seed
    runs: dict[str, list[dict[str, Any]]]  # run.json, one a seed
    latency: pd.DataFrame
    contact_sheet: bytes

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
            per_seed.append(_scores(folder / "scores.csv", inputs, pairs))
            runs.setdefault(variant, []).append(_run(folder / "run.json"))
            if variant != inputs.teacher or inputs.own_teacher is None:
                losses.setdefault(variant, []).append(_losses(inputs.losses / variant / str(seed) / "losses.csv"))
        for protocol, condition in per_seed[0]:
            key = protocol, variant, condition
            scores[key] = np.stack([table[protocol, condition][0] for table in per_seed])
            correct[key] = np.stack([table[protocol, condition][1] for table in per_seed])
        samples[variant] = _samples(inputs.evaluations / variant / str(seeds[0]) / "samples.npz", inputs)
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
        latency=_latency(inputs.efficiency, inputs),
        contact_sheet=_picture(inputs.contact_sheet),
    )


def _metrics(path: Path, inputs: Inputs, variant: str, seed: int) -> pd.DataFrame:
    table = tidy.read_tidy(path)
    for column, expected in (("dataset", inputs.dataset), ("variant", variant), ("seed", seed)):
        found = [value for value in table[column].unique() if value != expected]
        if found:
            raise InputError(f"{path}: {column} is {found[0]} (expected {expected})")
    accuracy = table[table["metric"] == "accuracy"]
    for protocol in accuracy["protocol"].unique():
        for condition in inputs.conditions:
            rows = accuracy[(accuracy["protocol"] == protocol) & (accuracy["condition"] == condition)]
            if len(rows) != 1 or rows["value"].isna().any():
                raise InputError(f"{path}: {len(rows)} accuracies for {protocol} at {condition} (expected 1)")
    for metric in ("parameters", "multiply_adds"):
        if (table["metric"] == metric).sum() != 1:
            raise InputError(f"{path}: no single row for the metric {metric}")
    # A quality that the settings no longer name is as stale as a variant that they no longer name.
    return table[table["condition"].isin(["", *inputs.conditions])]


def _scores(path: Path, inputs: Inputs, pairs: dict[str, tuple]) -> dict[tuple[str, str], tuple]:
    """Protocol and condition -> scores and correctness in the order of the pairs.

    ``pairs`` (protocol -> names, same or not) is filled by the first file and compared with by all others.
    """
    table = tidy.read(path, SCORE_COLUMNS, text=("protocol", "condition", "pair", "same", "correct"))
    for column in ("same", "correct"):
        known = table[column].str.lower().map({"true": True, "1": True, "false": False, "0": False})
        if known.isna().any():
            raise InputError(f"{path}: column {column} holds something other than 0 and 1, True and False")
        table[column] = known.astype(bool)
    groups = dict(list(table.groupby(["protocol", "condition"], sort=False)))
    result = {}
    protocols = list(pairs) or list(dict.fromkeys(protocol for protocol, _ in groups))
    for protocol in protocols:
        for condition in inputs.conditions:
            if (protocol, condition) not in groups:
                raise InputError(f"{path}: no scores for {protocol} at {condition}")
            rows = groups[protocol, condition]
            number = pd.to_numeric(rows["pair"], errors="coerce")
            rows = rows.iloc[np.argsort(number if number.notna().all() else rows["pair"], kind="stable")]
            found = rows["pair"].to_numpy(str), rows["same"].to_numpy()
            expected = pairs.setdefault(protocol, found)
            # Paired tests need the very same pairs in every file.
            if not all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True)):
                raise InputError(
                    f"{path}: the pairs of {protocol} at {condition} are not those of the other files"
                )
            if rows["score"].isna().any():
                raise InputError(f"{path}: a score of {protocol} at {condition} is missing")
            result[protocol, condition] = rows["score"].to_numpy(float), rows["correct"].to_numpy()
    return result


def _run(path: Path) -> dict[str, Any]:
    run = read_json(path)
    expected = ("device", "precision", "dataset", "versions", "model")
    missing = [key for key in expected if not isinstance(run, dict) or key not in run]
    if missing:
        raise InputError(f"{path}: no {', '.join(missing)}")
    return run


def _losses(path: Path) -> pd.DataFrame:
    table = tidy.read(path, ("epoch", "learning_rate", "total"))
    return table.sort_values("epoch", kind="stable", ignore_index=True)


def _samples(path: Path, inputs: Inputs) -> Samples:
    try:
        stored = np.load(path, allow_pickle=False)
        if isinstance(stored, np.ndarray):
            raise ValueError("one array found, expected several")
        with stored:
            pictures = {name: _rgb(stored[name]) for name in inputs.conditions}
            maps = {name: stored[f"maps_{name}"].astype(np.float32) for name in inputs.conditions}
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except KeyError as error:
        raise InputError(f"{path}: an array is missing ({error.args[0]})") from error
    except DAMAGE as error:
        raise InputError(f"{path}: cannot be read as arrays ({error})") from error
    counts = {len(array) for array in (*pictures.values(), *maps.values())}
    if len(counts) != 1 or 0 in counts or any(array.ndim != 4 for array in maps.values()):
        raise InputError(f"{path}: expected as many faces as maps at every quality, found {sorted(counts)}")
    return Samples(pictures, maps)


def _rgb(pictures: np.ndarray) -> np.ndarray:
    if pictures.ndim != 4 or pictures.shape[-1] not in (1, 3) or pictures.dtype != np.uint8:
        raise ValueError(
            f"expected uint8 pictures (n, H, W, 1 or 3), found {pictures.dtype} {pictures.shape}"
        )
    return np.broadcast_to(pictures, (*pictures.shape[:3], 3))


def _latency(path: Path, inputs: Inputs) -> pd.DataFrame:
    """A row a variant and batch size: variants that share an architecture share its times."""
    table = tidy.read(path, LATENCY_COLUMNS, text=("network", "device"))
    rows = []
    for variant in inputs.models_and_seeds:
        network = inputs.networks.get(variant, variant)
        if network not in set(table["network"]):
            raise InputError(f"{path}: no row for {network}")
        rows.append(table[table["network"] == network].assign(variant=variant))
    return pd.concat(rows, ignore_index=True)


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
