"""From paths and settings to a trained network on disk, for all tasks: the device, what the result was made
with, resuming, the training, the losses by epoch, the checkpoint.

What differs between tasks is a Recipe: which files are read, what the loop trains, and how the weights are saved.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline import together
from pipeline.checkpoints import Trained
from pipeline.device import select_device, select_dtype
from pipeline.files import write_csv
from pipeline.params.networks import Loop
from pipeline.processes import is_first
from pipeline.provenance import provenance
from pipeline.resume import ResumeFile, fingerprint
from pipeline.training import Task, train

Log = list[dict[str, Any]]  # one row per epoch: see pipeline.training.train


@dataclass(frozen=True)
class Run:
    """One run of the loop. A training has a single run, or several in turn, each with a name."""

    task: Task
    training: Loop
    seed: int
    name: str = ""


@dataclass(kw_only=True)
class Recipe(ABC):
    """What a step hands over for a training: these fields, and those that a task's recipe adds.

    A resumed training must have equal fields, and the files that it ``reads`` the same content.
    """

    name: str  # in the log and on the card
    seed: int
    model: Path  # to write: the weights, .safetensors, and the card beside them, .json
    losses: Path  # to write: one row per epoch, .csv
    training: Loop
    trained: Trained = field(init=False)  # the networks, when they are built

    @abstractmethod
    def reads(self) -> list[Path]:
        """The files and folders that the weights depend on."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The settings that the card keeps, as plain values."""

    @abstractmethod
    def runs(self, device: torch.device, dtype: torch.dtype) -> Iterator[Run]:
        """Read the files, build ``trained``, and yield runs to train; each is asked for when the run before it has ended.

        Raises InputError where files and settings do not fit.
        """

    def log(self, logs: dict[str, Log]) -> pd.DataFrame:
        """The losses to write, from the logs of the runs by name; by default there is a single run."""
        (rows,) = logs.values()
        return pd.DataFrame(rows)

    def save(self, provenance: dict[str, Any]) -> None:
        """Write the trained networks, with ``provenance`` on their card."""
        self.trained.save(self.model, provenance)


def train_and_save(recipe: Recipe) -> None:
    """Train as the recipe says and write the results; an interrupted training goes on where it stopped.

    Of several processes, which train together, the first writes.
    """
    device = select_device()
    dtype = select_dtype(device, recipe.training.precision)
    made_with = provenance(device, dtype)
    binding = [_given(recipe), made_with, fingerprint(recipe.reads())]
    logs: dict[str, Log] = {}
    states: list[ResumeFile] = []
    for run in recipe.runs(device, dtype):
        suffix = run.name and f"-{run.name}"
        states.append(ResumeFile(recipe.model.with_stem(f"{recipe.model.stem}{suffix}"), [*binding, run.name]))
        label = f"{recipe.name}, seed {recipe.seed}" + (run.name and f", {run.name}")
        logs[run.name] = train(
            run.task, run.training, seed=run.seed, device=device, resume=states[-1], label=label,
            keep_end=bool(run.name),
        )  # fmt: skip
    if is_first():
        write_csv(recipe.losses, recipe.log(logs))
        recipe.save(made_with | {"name": recipe.name} | recipe.settings())
        for state in states:
            state.clear()
    together.leave()


def _given(recipe: Recipe) -> dict[str, Any]:
    """The recipe's settings by field, without what it sets while it trains."""
    return {each.name: vars(recipe)[each.name] for each in fields(recipe) if each.init}
