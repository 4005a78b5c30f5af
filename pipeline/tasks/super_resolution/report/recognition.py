"""Is an enlarged face still recognised? Verification through super-resolution, beside that without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.report import reading

if TYPE_CHECKING:
    from pipeline.tasks.super_resolution.report.data import Inputs

THROUGH, DIRECT, SHARP = "through", "direct", "sharp"
Reader = tuple[str, str]  # how it reads the face, and the variant's name
RECOGNISER = "teacher"  # of the recognition task


@dataclass(frozen=True)
class Judged:
    """One reader on one protocol."""

    accuracies: np.ndarray  # (seeds,) in 0..1
    correct: np.ndarray  # (seeds, pairs) bool


@dataclass(frozen=True)
class Verification:
    """Who reads the same pairs how well.

    Readers: THROUGH a variant's enlargement by one recogniser, a student of recognition that reads the small face
    DIRECT, and the recogniser on SHARP faces.
    """

    dataset: str
    rendered: bool
    recogniser: str
    pairs: dict[str, int]  # protocol -> how many
    judged: dict[tuple[str, Reader], Judged]  # protocol, reader
    missing: str  # why nobody reads directly; "" where somebody does

    @property
    def readers(self) -> list[Reader]:
        """In the order of the tables."""
        return list(dict.fromkeys(reader for _, reader in self.judged))

    def of(self, how: str) -> list[Reader]:
        """Those that read in one way."""
        return [reader for reader in self.readers if reader[0] == how]


def add_readers(
    inputs: Inputs,
    about: Mapping[str, Any],
    pairs: dict[str, tuple[np.ndarray, np.ndarray]],
    through: Mapping[tuple[str, str], list[tuple[float, np.ndarray]]],
) -> Verification:
    """Put what the recognition task measured itself beside what was measured ``through`` each variant.

    ``through`` is (protocol, variant) -> accuracy and correctness (pairs,), a seed each. Only results on the same data
    set, the same pairs and the same quality are taken. Raises InputError naming the file that is missing or damaged or
    has other pairs.
    """
    judged = {
        (protocol, (THROUGH, variant)): Judged(np.array([one[0] for one in found]), np.stack([one[1] for one in found]))
        for (protocol, variant), found in through.items()
    }
    wanted = {(SHARP, RECOGNISER): ("x1", [inputs.recogniser_seed])}
    wanted = {**{(DIRECT, name): (inputs.scale, list(inputs.seeds)) for name in inputs.readers}, **wanted}
    missing = ""
    for reader, (condition, seeds) in wanted.items():
        each: dict[str, list[tuple[float, np.ndarray]]] = {}
        for seed in seeds:
            folder = inputs.recognition / reader[1] / str(seed)
            table = reading.metrics(folder / "metrics.csv", reader[1], seed)
            if reason := _elsewhere(table, condition, about):
                missing, each = reason, {}
                break
            reading.accuracies(folder / "metrics.csv", table, list(pairs), [condition])
            scores = reading.scores(folder / "scores.csv", [condition], pairs)
            for protocol in pairs:
                correct = scores[protocol, condition][1]
                each.setdefault(protocol, []).append((reading.accuracy(table, protocol, condition), correct))
        for protocol, found in each.items():
            judged[protocol, reader] = Judged(np.array([one[0] for one in found]), np.stack([one[1] for one in found]))
    return Verification(
        dataset=str(about["dataset"]),
        rendered=bool(about["rendered"]),
        recogniser=str(about["recogniser"]),
        pairs={protocol: len(names) for protocol, (names, _) in pairs.items()},
        judged=judged,
        missing=missing,
    )


def _elsewhere(table: pd.DataFrame, condition: str, about: Mapping[str, Any]) -> str:
    """Why these results cannot stand beside the others, or ""."""
    if other := sorted(set(table["dataset"]) - {about["dataset"]}):
        return f"the students of recognition were judged on {other[0]}"
    if condition not in set(table["condition"]):
        return f"the students of recognition were not judged at {condition}"
    return ""
