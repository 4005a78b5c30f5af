"""What the steps of a task wrote, for any task: where it is, which variants and seeds were asked for, what came out.

Each task's own results.py says what differs: its files, and what of them stands in tables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.remarks import Remark
from pipeline.report import reading, tidy
from pipeline.report.comparing import Outcomes
from pipeline.report.numbers import Place
from pipeline.report.words import count


@dataclass(frozen=True, kw_only=True)
class Inputs(ABC):
    """Where results are and what was asked for.

    ``variants`` maps each name, in the order of the tables, to its settings as plain values. Subclasses say which
    variants were trained, and with which seeds, in ``trained``.
    """

    evaluations: Path  # VARIANT/SEED/, with metrics.csv, run.json and the task's own files
    losses: Path  # VARIANT/SEED/losses.csv
    efficiency: Path
    variants: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int]
    networks: Mapping[str, str] = field(default_factory=dict)  # variant -> its network in ``efficiency``, if other
    teacher: str = "teacher"
    floor: str | None = None  # what needs no network
    equivalence_margin: float | None = (
        None  # a difference of the primary measure that does not matter, in the unit that is shown
    )

    @property
    def trained(self) -> dict[str, list[int]]:
        """Variants that are networks, in the order of the tables, each with its seeds."""
        return self.students

    @property
    def students(self) -> dict[str, list[int]]:
        """The variants, each with its seeds."""
        return {name: list(self.seeds) for name in self.variants}

    @property
    def all(self) -> dict[str, list[int]]:
        """What needs no network, then all that were trained."""
        return ({} if self.floor is None else {self.floor: [0]}) | self.trained

    @property
    @abstractmethod
    def slug(self) -> str:
        """How the names of the section's figures begin."""

    def network(self, variant: str) -> str:
        """The name of the variant's network."""
        return self.networks.get(variant, "student")

    def taught(self, variant: str) -> str:
        """What a variant is and learns from, in a few words; its network, if that is another than the student's."""
        settings = self.variants[variant]
        text = str(settings.get("description") or self.composed(settings))
        network = self.network(variant)
        return text if network == "student" else f"{text}; network {network}"

    def composed(self, settings: Mapping[str, Any]) -> str:
        """What a variant without a description learns from."""
        return " + ".join(settings.get("distill") or ()) or "no teacher"


@dataclass(frozen=True, kw_only=True)
class Data(ABC):
    """Everything that was read; subclasses have what is particular to a task."""

    inputs: Any  # Inputs of the task
    metrics: pd.DataFrame  # tidy
    runs: dict[str, list[dict[str, Any]]]  # run.json, one a seed
    losses: dict[str, list[pd.DataFrame]]  # one table per seed, of those that were trained here
    latency: pd.DataFrame
    outcomes: dict[tuple[Place, str], Outcomes]  # by place and variant
    remarks: Sequence[Remark] = ()  # on what networks learned from and were judged on

    @abstractmethod
    def caption(self, text: str, *about: str) -> str:
        """A caption that says what the data are: no table or figure can be taken out of this context."""

    def values(self, place: Place, variant: str) -> np.ndarray:
        """(seeds,) of a metric, seeds ascending; empty where it was not measured."""
        rows = self.metrics
        rows = rows[(rows["metric"] == place.metric) & (rows["variant"] == variant)]
        rows = rows[(rows["protocol"] == place.protocol) & (rows["condition"] == place.condition)]
        return rows.sort_values("seed", kind="stable")["value"].to_numpy()

    def cost(self, metric: str, variant: str) -> float:
        """Parameters or multiply-adds of a variant's network; NaN where they are not known."""
        rows = self.metrics
        return float(rows["value"][(rows["metric"] == metric) & (rows["variant"] == variant)].iloc[0])

    @property
    def every_run(self) -> list[dict[str, Any]]:
        """run.json of all variants and seeds."""
        return [run for per_seed in self.runs.values() for run in per_seed]

    @property
    def seeds(self) -> str:
        """How many networks of each kind, for a caption."""
        return f"{count(len(self.inputs.seeds), 'seed')} per student, one teacher"


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation wrote, by place.

    ``scored``: the score of each item, with its name as the index. ``figures``: the whole network's, where that is not
    the mean of these. ``people``: who is on each item, where items may share people. ``extra``: what else the task keeps.
    """

    run: dict[str, Any]
    metrics: pd.DataFrame
    scored: dict[Place, pd.Series]
    figures: dict[Place, float] = field(default_factory=dict)
    people: dict[Place, np.ndarray] = field(default_factory=dict)
    extra: Any = None


Evaluations = dict[str, list[Evaluation]]  # by variant, one a seed


def evaluations(inputs: Inputs, read: Callable[[Path, str, int], Evaluation]) -> Evaluations:
    """Every evaluation that was asked for; ``read`` is given its folder, the variant and the seed."""
    return {
        variant: [read(inputs.evaluations / variant / str(seed), variant, seed) for seed in seeds]
        for variant, seeds in inputs.all.items()
    }


def outcomes(
    found: Evaluations, sound: Callable[[str, Place], Sequence[bool]] | None = None, floor: str | None = None
) -> dict[tuple[Place, str], Outcomes]:
    """Each place that a variant has, as Outcomes; ``sound`` says which of the seeds count, all by default.

    ``floor`` is what needs no training.
    """
    stacked = {}
    for variant, evaluated in found.items():
        for place in dict.fromkeys([*evaluated[0].scored, *evaluated[0].figures]):
            counts = sound(variant, place) if sound else [True] * len(evaluated)
            kept = [each for each, counted in zip(evaluated, counts, strict=True) if counted]
            scored = [each.scored[place] for each in kept if place in each.scored]
            if kept:
                stacked[place, variant] = Outcomes(
                    values=np.stack([series.to_numpy() for series in scored]) if scored else None,
                    items=scored[0].index.to_numpy() if scored else None,
                    means=np.array([each.figures[place] for each in kept]) if place in kept[0].figures else None,
                    people=kept[0].people.get(place),
                    trained=variant != floor,
                )
    return stacked


def common(
    inputs: Inputs,
    found: Evaluations,
    *,
    trained_here: Iterable[str] | None = None,
    read_losses: Callable[[Path], pd.DataFrame] = reading.losses,
    timed: Mapping[str, str] | None = None,
    sound: Callable[[str, Place], Sequence[bool]] | None = None,
) -> dict[str, Any]:
    """The fields of Data that all tasks fill alike.

    Args:
        trained_here: whose losses are read, all networks by default. timed: variant -> its network in the table of
            times, by default as ``inputs`` say. sound: as for outcomes.
    """
    networks = {name: inputs.networks.get(name, name) for name in inputs.trained} if timed is None else timed
    return {
        "inputs": inputs,
        "losses": {
            variant: [
                read_losses(inputs.losses / variant / str(seed) / "losses.csv") for seed in inputs.trained[variant]
            ]
            for variant in (inputs.trained if trained_here is None else trained_here)
        },
        "latency": reading.latency(inputs.efficiency, networks),
        "outcomes": outcomes(found, sound, inputs.floor),
        "metrics": tidy.ordered([each.metrics for of_variant in found.values() for each in of_variant]),
        "runs": {variant: [each.run for each in of_variant] for variant, of_variant in found.items()},
    }
