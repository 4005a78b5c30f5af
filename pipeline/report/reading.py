"""Files that the steps of several tasks write alike, read and checked: scores, losses, times, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.arrays import read_arrays
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


def metrics(path: Path, variant: str, seed: int, **others: str) -> pd.DataFrame:
    """The tidy table of one evaluation. Raises InputError where it is of another variant, seed or other column."""
    table = tidy.read_tidy(path)
    for column, expected in {**others, "variant": variant, "seed": seed}.items():
        found = [value for value in table[column].unique() if value != expected]
        if found:
            raise InputError(f"{path}: {column} is {found[0]} (expected {expected})")
    return table


def single(path: Path, table: pd.DataFrame, metric: str) -> None:
    """Raise InputError where the metric has not exactly one row of the network as a whole."""
    if (table["metric"] == metric).sum() != 1:
        raise InputError(f"{path}: no single row for the metric {metric}")


def accuracies(path: Path, table: pd.DataFrame, protocols: Sequence[str], conditions: Sequence[str]) -> None:
    """Raise InputError where a protocol has not exactly one accuracy, a number, at each condition."""
    accuracy = table[table["metric"] == "accuracy"]
    for protocol in protocols:
        for condition in conditions:
            rows = accuracy[(accuracy["protocol"] == protocol) & (accuracy["condition"] == condition)]
            if len(rows) != 1 or rows["value"].isna().any():
                raise InputError(f"{path}: {len(rows)} accuracies for {_place(protocol, condition)} (expected 1)")


def accuracy(table: pd.DataFrame, protocol: str, condition: str) -> float:
    """The one accuracy, in 0..1, that ``accuracies`` made sure of."""
    rows = table[(table["metric"] == "accuracy") & (table["protocol"] == protocol)]
    return float(rows["value"][rows["condition"] == condition].iloc[0])


def scores(
    path: Path, conditions: Sequence[str], pairs: dict[str, tuple[np.ndarray, np.ndarray]], first: bool | None = None
) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Protocol and condition -> scores (pairs,) and correctness (pairs,) bool, in the order of the pairs.

    ``pairs`` (protocol -> names, same or not) is filled by the first file and compared with by all others. Where
    ``first`` is said, a set of faces may have no pairs: then no file has rows. Raises InputError naming the file where it is missing or damaged or has
    other pairs.
    """
    table = tidy.read(
        path, SCORE_COLUMNS, text=("protocol", "condition", "pair", "same", "correct"), empty=first is not None
    )
    if table.empty and pairs or not table.empty and not pairs and first is False:
        raise InputError(f"{path}: {'no' if table.empty else 'has'} pairs, unlike the other files")
    for column in ("same", "correct"):
        known = table[column].str.lower().map({"true": True, "1": True, "false": False, "0": False})
        if known.isna().any():
            raise InputError(f"{path}: column {column} holds something other than 0 and 1, True and False")
        table[column] = known.astype(bool)
    groups = dict(list(table.groupby(["protocol", "condition"], sort=False)))
    result = {}
    protocols = list(pairs) or list(dict.fromkeys(protocol for protocol, _ in groups))
    for protocol in protocols:
        for condition in conditions:
            if (protocol, condition) not in groups:
                raise InputError(f"{path}: no scores for {_place(protocol, condition)}")
            rows = groups[protocol, condition]
            number = pd.to_numeric(rows["pair"], errors="coerce")
            rows = rows.iloc[np.argsort(number if number.notna().all() else rows["pair"], kind="stable")]
            found = rows["pair"].to_numpy(str), rows["same"].to_numpy()
            expected = pairs.setdefault(protocol, found)
            # Paired tests need the very same pairs in every file.
            if not all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True)):
                raise InputError(f"{path}: the pairs of {_place(protocol, condition)} are not those of the other files")
            if rows["score"].isna().any():
                raise InputError(f"{path}: a score of {_place(protocol, condition)} is missing")
            result[protocol, condition] = rows["score"].to_numpy(float), rows["correct"].to_numpy()
    return result


def run(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """The description of an evaluation, which must have ``keys``. Raises InputError naming the file."""
    found = read_json(path)
    missing = [key for key in keys if not isinstance(found, dict) or key not in found]
    if missing:
        raise InputError(f"{path}: no {', '.join(missing)}")
    return found


def losses(path: Path) -> pd.DataFrame:
    """A training's losses by epoch. Raises InputError naming the file."""
    table = tidy.read(path, ("epoch", "learning_rate", "total"))
    return table.sort_values("epoch", kind="stable", ignore_index=True)


def latency(path: Path, networks: Mapping[str, str]) -> pd.DataFrame:
    """One row per variant and batch size: variants that share an architecture share its times.

    ``networks`` maps each variant to its network's name in the file. Raises InputError naming the file.
    """
    table = tidy.read(path, LATENCY_COLUMNS, text=("network", "device"))
    rows = []
    for variant, network in networks.items():
        if network not in set(table["network"]):
            raise InputError(f"{path}: no row for {network}")
        rows.append(table[table["network"] == network].assign(variant=variant))
    return pd.concat(rows, ignore_index=True)


def arrays(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays ``names`` of an .npz file, all of them by default. Raises InputError naming the file."""
    return read_arrays(path, names)


def rgb(path: Path, name: str, pictures: np.ndarray) -> np.ndarray:
    """uint8 (..., H, W, 1 or 3) as (..., H, W, 3). Raises InputError naming file and array for anything else."""
    if pictures.ndim < 3 or pictures.shape[-1] not in (1, 3) or pictures.dtype != np.uint8 or not pictures.size:
        found = f"{pictures.dtype} {pictures.shape}"
        raise InputError(f"{path}: {name}: expected uint8 pictures (H, W, 1 or 3), found {found}")
    return np.broadcast_to(pictures, (*pictures.shape[:-1], 3))


def _place(protocol: str, condition: str) -> str:
    """cross-age at x4; a task that has no conditions leaves them empty."""
    return f"{protocol} at {condition}" if condition else protocol
