"""The loop: schedules, logs, resuming to the same bytes, and losses that are not finite."""

from __future__ import annotations

import math
import os
import signal

import pytest
import torch
from torch import nn

from pipeline.errors import InputError
from pipeline.params.networks import Schedule, Training
from pipeline.resume import ResumeFile, fingerprint
from pipeline.training import Interrupted, Task, learning_rate, sgd, train

CPU = torch.device("cpu")


def settings(**changes) -> Training:
    values = {
        "epochs": 3,
        "batch_size": 4,
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 1e-3,
        "schedule": Schedule(kind="cosine", warmup_epochs=1),
        "gradient_clip": 0.0,
        "precision": "float32",
    }
    return Training(**values | changes)


class Pair(Task):
    """Two networks that learn in turn, as a generator and a discriminator do; dropout and rng are both used."""

    samples = 22

    def __init__(self, training: Training, *, stop_at: int | None = None, bad_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.modules = {
            "a": nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1)),
            "b": nn.Linear(3, 1),
        }
        self.optimisers = {name: sgd([module], training) for name, module in self.modules.items()}
        self.data = torch.randn(self.samples, 3)
        self.steps, self.stop_at, self.bad_at, self.seen = 0, stop_at, bad_at, []

    def step(self, rows, rng):
        self.seen.append(rows.tolist())
        x = self.data[rows] + 0.1 * torch.randn(len(rows), 3, generator=rng)
        scale = math.nan if self.steps == self.bad_at else 1.0
        yield (
            "a",
            {"fit": (self.modules["a"](x) - 1).square().mean(), "size": scale * self.modules["a"](x).abs().mean()},
        )
        yield "b", {"match": (self.modules["b"](x) - self.modules["a"](x).detach()).square().mean()}
        self.steps += 1
        if self.steps == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    def bytes(self):
        return [t.tolist() for m in self.modules.values() for t in m.state_dict().values()]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_SAVE_SECONDS", "1000")


def run(task, training, resume=None, seed=5):
    return train(task, training, seed=seed, device=CPU, resume=resume or ResumeFile("out/model", []), label="t")


def test_the_log_names_each_term_and_sums_to_the_total():
    history = run(Pair(settings()), settings())
    assert [row["epoch"] for row in history] == [1, 2, 3]
    for row in history:
        assert set(row) == {"epoch", "learning_rate", "total", "fit", "size", "match"}
        assert row["total"] == pytest.approx(row["fit"] + row["size"] + row["match"])


def test_every_epoch_sees_each_sample_once_in_an_order_of_its_own():
    task = Pair(settings())
    run(task, settings())
    epochs = [sum(task.seen[i : i + 5], []) for i in (0, 5, 10)]  # 22 samples: five whole batches of four
    assert all(len(set(rows)) == 20 for rows in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    again = Pair(settings())
    run(again, settings())
    assert again.seen == task.seen
    other = Pair(settings())
    run(other, settings(), seed=6)
    assert other.seen != task.seen


def test_a_task_is_told_the_time_and_adds_to_the_log():
    class Told(Pair):
        times = ()

        def at(self, epoch):
            self.times += (epoch,)

        def diagnostics(self):
            return {"told": len(self.times)}

    task = Told(settings())
    history = run(task, settings())
    assert task.times == pytest.approx([step / 5 for step in range(15)])
    assert [row["told"] for row in history] == [5, 10, 15]
    assert [{k: v for k, v in row.items() if k != "told"} for row in history] == run(Pair(settings()), settings())


@pytest.mark.parametrize("stop_at", [1, 4, 5, 6, 14])
def test_a_stopped_run_resumes_to_the_same_bytes(stop_at, capsys):
    whole = Pair(settings())
    expected = run(whole, settings())
    resume = ResumeFile("out/model", ["binding"])
    with pytest.raises(Interrupted) as stopped:
        run(Pair(settings(), stop_at=stop_at), settings(), resume)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert resume.path.exists() and "resumes there" in capsys.readouterr().out
    second = Pair(settings())
    history = run(second, settings(), ResumeFile("out/model", ["binding"]))
    assert second.steps == 15 - stop_at
    assert history == expected and second.bytes() == whole.bytes()
    resume.clear()
    assert not resume.path.exists() and not resume.path.parent.exists()


def test_a_state_of_other_parameters_or_a_damaged_one_is_ignored(capsys):
    with pytest.raises(Interrupted):
        run(Pair(settings(), stop_at=3), settings(), ResumeFile("out/model", ["one"]))
    other = Pair(settings())
    run(other, settings(), ResumeFile("out/model", ["two"]))
    assert other.steps == 15 and "ignored" in capsys.readouterr().err
    state = ResumeFile("out/model", ["one"]).path
    state.write_bytes(state.read_bytes()[:-7])
    third = Pair(settings())
    run(third, settings(), ResumeFile("out/model", ["one"]))
    assert third.steps == 15 and "ignored" in capsys.readouterr().err


@pytest.mark.parametrize("every", ["0", "1000"])
def test_a_loss_that_is_not_finite_names_step_and_term_and_keeps_the_last_good_state(every, monkeypatch):
    monkeypatch.setenv("PIPELINE_SAVE_SECONDS", every)
    resume = ResumeFile("out/model", [])
    with pytest.raises(InputError, match=r"t: size is nan in epoch 2, step 3"):
        run(Pair(settings(), bad_at=7), settings(), resume)
    assert resume.path.exists() == (every == "0")
    if every == "0":
        tensors, notes = resume.load()
        assert notes["position"] == 7 and all(torch.isfinite(t).all() for t in tensors.values())


def test_schedules():
    cosine = settings(epochs=4, schedule=Schedule(kind="cosine", warmup_epochs=1))
    rates = [learning_rate(cosine, p, 10) for p in range(40)]
    assert rates[0] == pytest.approx(0.01) and rates[9] == pytest.approx(0.1)
    for p in range(10, 40):
        assert rates[p] == pytest.approx(0.05 * (1 + math.cos(math.pi * (p - 10) / 30)))
    drops = settings(epochs=20, schedule=Schedule(kind="steps", milestones=[6, 11], factor=0.1))
    assert [round(learning_rate(drops, e * 3, 3), 6) for e in (0, 5, 6, 10, 11, 19)] == [
        0.1,
        0.1,
        0.01,
        0.01,
        0.001,
        0.001,
    ]


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_with_momentum_and_decay_by_hand(nesterov):
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 2.0)
    optimiser = sgd([layer], settings(weight_decay=0.1, momentum=0.5, nesterov=nesterov))
    weight, velocity = 2.0, 0.0
    for _ in range(3):
        optimiser.zero_grad()
        layer(torch.ones(1, 1)).sum().backward()
        optimiser.step()
        gradient = 1 + 0.1 * weight
        velocity = 0.5 * velocity + gradient
        weight -= 0.1 * (gradient + 0.5 * velocity if nesterov else velocity)
        assert layer.weight.item() == pytest.approx(weight, rel=1e-6)


def test_gradient_clip_bounds_the_update():
    training = settings(gradient_clip=1e-9, weight_decay=0.0, epochs=1, schedule=Schedule(kind="cosine"))
    task = Pair(training)
    before = [p.clone() for p in task.modules["b"].parameters()]
    run(task, training)
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(before, task.modules["b"].parameters(), strict=True))


def test_fingerprints_follow_content_and_not_names_or_times(tmp_path):
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder" / "a"
    file.write_bytes(b"one")
    first = fingerprint([tmp_path / "folder"])
    os.utime(file, (1, 1))
    assert fingerprint([tmp_path / "folder"]) == first
    file.write_bytes(b"two")
    assert fingerprint([tmp_path / "folder"]) != first
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(65 * 2**20)
    before = fingerprint([large])
    with large.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"x")
    assert fingerprint([large]) != before
