"""From a recipe to files: what is written, by one run of the loop or several, and which interrupted training goes on."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn

from pipeline.params.networks import Schedule, Training
from pipeline.resume import FOLDER
from pipeline.trained import Recipe, Run, train_and_save
from pipeline.training import Interrupted, Task, sgd

TRAINING = Training(
    epochs=3, batch_size=2, learning_rate=0.1, momentum=0.9, weight_decay=0.0, schedule=Schedule(kind="cosine"),
    gradient_clip=0.0, precision="float32",
)  # fmt: skip


class Mean(Task):
    """One number learns the mean of those in a file; the process is told to stop in the step ``stop_at``."""

    def __init__(self, numbers: torch.Tensor, stop_at: int | None) -> None:
        self.numbers, self.samples, self.stop_at, self.steps = numbers, len(numbers), stop_at, 0
        self.network = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.network.weight)
        self.modules = {"network": self.network}
        self.optimisers = {"sgd": sgd([self.network], TRAINING)}

    def step(self, rows, rng):
        yield "sgd", {"distance": (self.network.weight - self.numbers[rows]).square().mean()}
        self.steps += 1
        if self.steps == self.stop_at:
            signal.raise_signal(signal.SIGTERM)


@dataclass(kw_only=True)
class MeanRecipe(Recipe):
    """A run for each of ``names``; ``made`` are the tasks in order."""

    numbers: Path
    factor: float = 1.0
    names: tuple[str, ...] = ("",)
    made: list[Mean] = field(default_factory=list, init=False)
    stop_at: int | None = field(default=None, init=False)

    def reads(self) -> list[Path]:
        return [self.numbers]

    def settings(self) -> dict[str, Any]:
        return {"factor": self.factor}

    def runs(self, device: torch.device, dtype: torch.dtype) -> Iterator[Run]:
        numbers = self.factor * torch.tensor(json.loads(self.numbers.read_text()))
        for name in self.names:
            self.made.append(Mean(numbers, self.stop_at))
            yield Run(self.made[-1], TRAINING, self.seed, name)

    def log(self, logs):
        if self.names == ("",):
            return super().log(logs)
        return pd.concat([pd.DataFrame(rows).assign(run=name) for name, rows in logs.items()])

    def save(self, provenance: dict[str, Any]) -> None:
        self.model.with_suffix(".json").write_text(json.dumps(provenance))
        self.model.write_text(json.dumps([task.network.weight.item() for task in self.made]))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_SAVE_SECONDS", "1000")
    Path("numbers.json").write_text("[1.0, 2.0, 3.0, 6.0]")


def recipe(**changes) -> MeanRecipe:
    given = {"name": "mean", "seed": 1, "model": Path("model.txt"), "losses": Path("losses.csv"), "training": TRAINING}
    return MeanRecipe(**given | {"numbers": Path("numbers.json")} | changes)


def interrupted(stop_at: int, **changes) -> None:
    """Leave the state of a training that was stopped in a step of the run in hand."""
    given = recipe(**changes)
    given.stop_at = stop_at
    with pytest.raises(Interrupted):
        train_and_save(given)
    assert not Path("model.txt").exists() and not Path("losses.csv").exists()


def test_weights_card_and_losses_are_written_and_no_state_is_left():
    made = recipe(factor=2.0)
    train_and_save(made)
    card, losses = json.loads(Path("model.json").read_text()), pd.read_csv("losses.csv")
    assert card["name"] == "mean" and card["factor"] == 2.0 and {"device", "precision", "versions"} <= set(card)
    assert losses.columns.tolist() == ["epoch", "learning_rate", "total", "distance"]
    assert losses["epoch"].tolist() == [1, 2, 3] and losses["distance"].iloc[-1] < losses["distance"].iloc[0]
    assert not FOLDER.exists()


def test_a_stopped_training_goes_on_where_it_was():
    train_and_save(recipe())
    whole = Path("model.txt").read_text(), Path("losses.csv").read_text()
    Path("model.txt").unlink(), Path("losses.csv").unlink()
    interrupted(4)
    rest = recipe()
    train_and_save(rest)
    assert rest.made[0].steps == 2 and (Path("model.txt").read_text(), Path("losses.csv").read_text()) == whole


@pytest.mark.parametrize("change", ["a field", "a file"])
def test_a_state_of_other_settings_or_files_is_left_aside(change, capsys):
    interrupted(4)
    if change == "a file":
        Path("numbers.json").write_text("[1.0, 2.0, 3.0, 5.0]")
    again = recipe(factor=0.5 if change == "a field" else 1.0)
    train_and_save(again)
    assert again.made[0].steps == 6 and "belongs to other parameters, inputs or code" in capsys.readouterr().err


def test_runs_follow_one_another_and_a_finished_one_is_not_begun_again():
    interrupted(4, names=("first", "second"))
    assert [file.name for file in FOLDER.iterdir()] == ["model-first.safetensors"]
    made = recipe(names=("first", "second"))
    made.stop_at = 5
    with pytest.raises(Interrupted):
        train_and_save(made)
    assert [task.steps for task in made.made] == [2, 5]
    last = recipe(names=("first", "second"))
    train_and_save(last)
    assert [task.steps for task in last.made] == [0, 1] and not FOLDER.exists()
    assert pd.read_csv("losses.csv")["run"].tolist() == ["first"] * 3 + ["second"] * 3
    first, second = json.loads(Path("model.txt").read_text())
    assert first == second != 0
