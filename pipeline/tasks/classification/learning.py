"""Learning classes from labels, and from a teacher that does not change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from pipeline import distill
from pipeline.data.class_batches import ClassBatches
from pipeline.device import autocast
from pipeline.distill import Knowledge
from pipeline.models.freezing import freeze
from pipeline.params.networks import Training
from pipeline.randomness import derive
from pipeline.tasks.classification.cost import ASKED, LEARNED, forwards_backwards
from pipeline.training import sgd


class Classes:
    """A task for pipeline.training: cross-entropy with the labels. ``labels_weight`` is its weight."""

    def __init__(
        self,
        network: nn.Module,
        batches: ClassBatches,
        settings: Training,
        dtype: torch.dtype,
        labels_weight: float = 1.0,
    ) -> None:
        self.network = network.to(batches.device)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self.optimisers: dict[str, Optimizer] = {"sgd": sgd([self.network], settings)}
        self.batches, self.samples, self.dtype, self.labels_weight = batches, batches.count, dtype, labels_weight
        self.passes = [(self.network, LEARNED)]

    def forwards_backwards(self, batch: int) -> int:
        """Multiply-adds of a step with ``batch`` pictures."""
        return work(self.passes, self.batches, batch)

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """See pipeline.training.Task."""
        pictures, labels = self.batches.batch(rows, rng)
        student = knowledge(self.network, pictures, self.dtype, labels=labels, rows=rows.to(pictures.device))
        terms = {}
        if self.labels_weight:
            terms["cross_entropy"] = self.labels_weight * functional.cross_entropy(student.logits, labels)
        yield "sgd", terms | self.lessons(student, pictures)

    def lessons(self, student: Knowledge, pictures: Tensor) -> dict[str, Tensor]:
        """What is learned beside the labels: weighted losses by name."""
        return {}


class Distilled(Classes):
    """Classes, with one more loss a method: ``weight * method.loss(student, teacher)``.

    The teacher sees the same pictures, moved and mirrored alike, and is asked in every step: of so many positions none
    could be stored. Parts of methods, initialised from ``seed``, learn with the student.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: ClassBatches,
        settings: Training,
        dtype: torch.dtype,
        *,
        teacher: nn.Module,
        methods: dict[str, Any],
        cross_entropy: float,
        seed: int,
    ) -> None:
        super().__init__(network, batches, settings, dtype, cross_entropy)
        self.teacher = freeze(teacher.to(batches.device))
        self.passes.append((self.teacher, ASKED))
        self.methods = {name: (distill.method(name), options) for name, options in methods.items()}
        self.epoch = 0.0
        torch.manual_seed(derive(seed, "parts of methods"))
        probe = torch.zeros(1, batches.channels, batches.size, batches.size, device=batches.device)
        shapes = [asked(of, probe, dtype) for of in (self.network, self.teacher)]
        self.parts: dict[str, tuple[nn.Module, ...]] = {}
        for name, (module, options) in self.methods.items():
            made = module.build(options, *shapes, batches.labels) if hasattr(module, "build") else None
            self.parts[name] = () if made is None else (made.to(batches.device),)
            self.modules |= {f"parts_{name}": part for part in self.parts[name]}
        self.optimisers["sgd"] = sgd(list(self.modules.values()), settings)

    def at(self, epoch: float) -> None:
        """See pipeline.training.Task: methods may change their weight over time."""
        self.epoch = epoch

    def lessons(self, student: Knowledge, pictures: Tensor) -> dict[str, Tensor]:
        """Each method by its name."""
        teacher = asked(self.teacher, pictures, self.dtype)
        terms = {}
        for name, (module, options) in self.methods.items():
            weight = distill.weight(module, options, self.epoch)
            terms[name] = weight * module.loss(student, teacher, options, *self.parts[name])
        return terms


def knowledge(network: nn.Module, pictures: Tensor, dtype: torch.dtype, **known: Tensor) -> Knowledge:
    """What a network makes of pictures (B, C, S, S); there is no margin, so that both logits are the same, float32."""
    with autocast(pictures.device, dtype):
        inside = network.look_inside(pictures)
    logits = inside.logits.float()
    return Knowledge(logits=logits, plain_logits=logits, embedding=inside.embedding, features=inside.features, **known)


def asked(network: nn.Module, pictures: Tensor, dtype: torch.dtype) -> Knowledge:
    """The same in evaluation mode and without gradients; the network's own mode comes back."""
    mode = network.training
    with torch.no_grad():
        known = knowledge(network.eval(), pictures, dtype)
    network.train(mode)
    return known


def work(passes: list[tuple[nn.Module, int]], batches: ClassBatches, batch: int) -> int:
    """See pipeline.tasks.classification.cost.forwards_backwards."""
    return forwards_backwards(passes, (batches.channels, batches.size, batches.size), batch)
