"""The one training loop. It owns time: epochs, steps, learning rate, seeds, resuming, progress and logs.

What is learned in a step belongs to a task, which may update several networks in turn: students that teach
each other, a generator and a discriminator, a teacher that learns from its students.
"""

from __future__ import annotations

import math
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline import together
from pipeline.checkpoints import tensors_of
from pipeline.errors import InputError
from pipeline.models.synchronised import synchronise
from pipeline.optimisers import SGD, Adam
from pipeline.params.networks import AdamTraining, Loop, Schedule, Training
from pipeline.processes import is_first
from pipeline.progress import Progress
from pipeline.randomness import derive, generator
from pipeline.resume import ResumeFile

# A GPU is asked for its losses this seldom: reading one makes the CPU wait for it. Several processes then also agree
# on whether to stop or to save.
STEPS_BETWEEN_CHECKS = {"cpu": 1, "cuda": 20}


class Task(ABC):
    """What is learned, as the loop sees it. A subclass sets ``modules``, ``optimisers`` and ``samples``, and has ``step``."""

    modules: dict[str, nn.Module]  # every network that is learned, by name
    optimisers: dict[str, Optimizer]  # by name
    samples: int  # images per epoch
    epoch: float = 0.0  # the time, in epochs from 0, fractions included: see ``at``

    @abstractmethod
    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Learn from the samples ``rows`` (B,): yield (name of an optimiser, its weighted losses by name).

        The loop sums the losses, updates that optimiser's parameters and asks for the next pair, so that code
        after a ``yield`` sees the updated network. All randomness comes from ``rng`` or torch's global state.

        Of several processes each is given the same: it draws for all ``rows`` and takes its share of them
        (pipeline.together.share), and its losses are means over that share, or losses of the whole batch.
        """

    def at(self, epoch: float) -> None:
        """Called before every step with the time, in epochs, for what changes over time."""
        self.epoch = epoch

    def diagnostics(self) -> dict[str, float]:
        """Called at the end of every epoch: numbers other than losses, by name, for the epoch's row of the log."""
        return {}


class Interrupted(SystemExit):
    """SIGTERM or Ctrl-C, after the state was saved; the exit status is 128 + the signal's number."""


def train(
    task: Task,
    settings: Loop,
    *,
    seed: int,
    device: torch.device,
    resume: ResumeFile,
    label: str,
    keep_end: bool = False,
) -> list[dict[str, float]]:
    """Train to the last epoch; returns the log: one row per epoch with epoch, learning_rate, total and each term.

    The terms are means over the epoch's steps, weights included, so that they sum to the total. Killed at any
    moment and started again it ends with the same bytes. Raises InputError at the first loss or gradient that
    is not finite, naming step and term; the last state saved is then from before it. ``keep_end`` saves the state at
    the end too, for a training of several runs: when it starts again, a finished run is over at once. Several
    processes (pipeline.processes) learn what a single process learns, up to the order of sums; the first saves, all
    stop at the same step.
    """
    together.join(device)
    batch = min(settings.batch_size, task.samples)
    steps = task.samples // batch  # the incomplete last batch is left out: batch statistics need whole batches
    start, sums, history = _restore(task, resume)
    progress = Progress(label, settings.epochs * steps * batch, done=start * batch)
    every = STEPS_BETWEEN_CHECKS[device.type]
    watch, meetings = _Watch(label, steps, sums, every), every if together.several() else 1
    last_save = time.monotonic()
    order, order_of = torch.empty(0), None
    for module in task.modules.values():
        if together.several():
            synchronise(module, device)
        module.train()
    together.check_alike(start, f"{resume.path}: steps done")
    next_update = together.averaging(task.modules.values())
    with _Signals() as signals:
        for position in range(start, settings.epochs * steps):
            epoch, step = divmod(position, steps)
            if epoch != order_of:
                order, order_of = torch.randperm(task.samples, generator=generator(seed, "order", epoch)), epoch
            rate = learning_rate(settings, position, steps)
            torch.manual_seed(derive(seed, "step", epoch, step))
            rng = generator(seed, "batch", epoch, step)
            task.at(position / steps)
            updates = task.step(order[step * batch : (step + 1) * batch], rng)
            while update := next_update(updates):
                name, losses = update
                norm = _update(task.optimisers[name], losses, rate, settings.gradient_clip)
                watch.add(position, losses, norm)
            last = step == steps - 1
            stop = due = 0
            if last or position % meetings == 0:
                stop, due = together.largest(signals.received, time.monotonic() - last_save >= resume.seconds)
            watch.check(force=last or bool(stop))
            if last:
                history.append({"epoch": epoch + 1, "learning_rate": rate} | watch.means() | task.diagnostics())
            progress.advance(batch, f"epoch {epoch + 1}/{settings.epochs}", watch.latest)
            ended = position + 1 == settings.epochs * steps
            if stop or (keep_end if ended else due):
                watch.check(force=True)
                _save(task, resume, position + 1, watch.sums, history)
                last_save = time.monotonic()
            if stop:
                together.leave()  # when the first has saved
                print(
                    f"\n{label}: stopped in epoch {epoch + 1}, step {step + 1}; the next start resumes there",
                    flush=True,
                )
                raise Interrupted(128 + stop)
    progress.close()
    return history


def learning_rate(settings: Loop, position: int, steps: int) -> float:
    """The rate at step ``position`` of ``settings.epochs * steps``: warm-up from one step's share, then the schedule."""
    schedule: Schedule = settings.schedule
    warmup = schedule.warmup_epochs * steps
    if position < warmup:
        return settings.learning_rate * (position + 1) / warmup
    if schedule.kind == "cosine":
        done = (position - warmup) / (settings.epochs * steps - warmup)
        return settings.learning_rate * (1 + math.cos(math.pi * done)) / 2
    drops = sum(position // steps >= milestone for milestone in schedule.milestones)
    return settings.learning_rate * schedule.factor**drops


def sgd(modules: list[nn.Module], settings: Training) -> Optimizer:
    """SGD with momentum over all learnable parameters; weight decay on everything, as A-SKD does."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    return SGD(
        parameters,
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.nesterov and settings.momentum > 0,
    )


def adam(modules: list[nn.Module], settings: AdamTraining) -> Optimizer:
    """Adam over all learnable parameters."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    betas = settings.beta1, settings.beta2
    return Adam(parameters, lr=settings.learning_rate, betas=betas, eps=settings.epsilon)


def _update(optimiser: Optimizer, losses: dict[str, Tensor], rate: float, clip: float) -> Tensor:
    optimiser.zero_grad(set_to_none=True)
    sum(losses.values()).backward()
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(parameters, clip if clip > 0 else math.inf)
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("rate_factor", 1.0)
    optimiser.step()
    return norm


class _Watch:
    """Adds up the losses of an epoch and stops the run at the first that is not finite."""

    def __init__(self, label: str, steps: int, sums: dict[str, float], every: int) -> None:
        self.label, self.steps, self.sums, self.every = label, steps, sums, every
        self.pending: list[tuple[int, list[str], Tensor]] = []
        self.latest: dict[str, float] = {}

    def add(self, position: int, losses: dict[str, Tensor], norm: Tensor) -> None:
        values = torch.stack([*(loss.detach().double() for loss in losses.values()), norm.detach().double()])
        self.pending.append((position, [*losses, "gradient norm"], values))

    def check(self, force: bool) -> None:
        if not force and len(self.pending) < self.every:
            return
        if not self.pending:
            return
        every = together.mean(torch.cat([values for _, _, values in self.pending])).tolist()
        for position, names, values in self.pending:
            of_step, every = every[: len(values)], every[len(values) :]
            for name, value in zip(names, of_step, strict=True):
                if not math.isfinite(value):
                    epoch, step = divmod(position, self.steps)
                    raise InputError(
                        f"{self.label}: {name} is {value} in epoch {epoch + 1}, step {step + 1}, expected a finite"
                        " number (a lower learning_rate or a gradient_clip may help)"
                    )
                if name != "gradient norm":
                    self.latest[name] = value
                    self.sums[name] = self.sums.get(name, 0.0) + value
        self.pending.clear()

    def means(self) -> dict[str, float]:
        means = {name: value / self.steps for name, value in self.sums.items()}
        self.sums.clear()
        return {"total": sum(means.values())} | means


class _Signals:
    """While training, SIGTERM and Ctrl-C are noted and obeyed between two steps; a signal that is ignored stays ignored."""

    def __init__(self) -> None:
        self.received = 0

    def __enter__(self) -> _Signals:
        heeded = [s for s in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(s) is not signal.SIG_IGN]
        self.previous = {s: signal.signal(s, self._note) for s in heeded}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: object) -> None:
        self.received = number


def _save(task: Task, resume: ResumeFile, position: int, sums: dict[str, float], history: list[dict]) -> None:
    """Everything that a resumed run needs, as a flat state by names; of several processes the first writes it."""
    if not is_first():
        return
    tensors = tensors_of({f"module.{name}": module for name, module in task.modules.items()})
    for name, optimiser in task.optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{name}.{index}.{k}": v for k, v in state.items() if isinstance(v, Tensor)}
    resume.save(tensors, {"position": position, "sums": sums, "history": history})


def _restore(task: Task, resume: ResumeFile) -> tuple[int, dict[str, float], list[dict[str, float]]]:
    saved = resume.load()
    if saved is None:
        return 0, {}, []
    tensors, notes = saved
    for name, module in task.modules.items():
        prefix = f"module.{name}."
        module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    for name, optimiser in task.optimisers.items():
        prefix, state = f"optimiser.{name}.", optimiser.state_dict()
        momenta: dict[int, dict[str, Any]] = {}
        for key, value in tensors.items():
            if key.startswith(prefix):
                index, _, field = key.removeprefix(prefix).partition(".")
                momenta.setdefault(int(index), {})[field] = value
        optimiser.load_state_dict(state | {"state": momenta})
    print(f"{resume.path}: resuming after step {notes['position']}", flush=True)
    return notes["position"], dict(notes["sums"]), list(notes["history"])
