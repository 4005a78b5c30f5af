"""What all kinds of learning classes share, and the simplest kind: from labels alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.data.class_batches import ClassBatches
from pipeline.device import autocast
from pipeline.distill import Knowledge
from pipeline.params.networks import Training
from pipeline.tasks.classification.cost import LEARNED, forwards_backwards
from pipeline.training import Task, sgd


class ClassTask(Task):
    """A task that learns from batches of pictures, and knows what a step costs. It fills in ``passes``."""

    def __init__(self, batches: ClassBatches, dtype: torch.dtype) -> None:
        self.batches, self.samples, self.dtype = batches, batches.count, dtype
        self.passes: list[tuple[nn.Module, int]] = []  # see pipeline.tasks.classification.cost

    def forwards_backwards(self, batch: int) -> int:
        """Multiply-adds of a step with ``batch`` pictures."""
        return forwards_backwards(self.passes, (self.batches.channels, self.batches.size, self.batches.size), batch)


class Classes(ClassTask):
    """Cross-entropy with the labels. ``labels_weight`` is its weight."""

    def __init__(
        self,
        network: nn.Module,
        batches: ClassBatches,
        settings: Training,
        dtype: torch.dtype,
        labels_weight: float = 1.0,
    ) -> None:
        super().__init__(batches, dtype)
        self.network, self.labels_weight = network.to(batches.device), labels_weight
        self.modules = {"network": self.network}
        self.optimisers = {"sgd": sgd([self.network], settings)}
        self.passes.append((self.network, LEARNED))

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        pictures, labels = self.batches.batch(rows, rng)
        student = knowledge(self.network, pictures, self.dtype, labels=labels, rows=rows.to(pictures.device))
        terms = {}
        if self.labels_weight:
            terms["cross_entropy"] = self.labels_weight * functional.cross_entropy(student.logits, labels)
        yield "sgd", terms | self.learned_besides(student, pictures)

    def learned_besides(self, student: Knowledge, pictures: Tensor) -> dict[str, Tensor]:
        """What is learned beside the labels: weighted losses by name."""
        return {}


def knowledge(network: nn.Module, pictures: Tensor, dtype: torch.dtype, **known: Tensor) -> Knowledge:
    """What a network knows of pictures (B, C, S, S); without a margin both kinds of logits, float32, are equal."""
    with autocast(pictures.device, dtype):
        inside = network.look_inside(pictures)
    logits = inside.logits.float()
    return Knowledge(logits=logits, plain_logits=logits, embedding=inside.embedding, features=inside.features, **known)


def asked(network: nn.Module, pictures: Tensor, dtype: torch.dtype) -> Knowledge:
    """The same in evaluation mode and without gradients; the network's mode is restored."""
    mode = network.training
    with torch.no_grad():
        known = knowledge(network.eval(), pictures, dtype)
    network.train(mode)
    return known
