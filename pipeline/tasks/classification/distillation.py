"""Learning classes from labels, and from a teacher that does not change."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pipeline.data.class_batches import ClassBatches
from pipeline.distill import Knowledge
from pipeline.distilling import Lessons
from pipeline.models.freezing import freeze
from pipeline.params.loading import Settings
from pipeline.params.networks import Training
from pipeline.tasks.classification.cost import ASKED
from pipeline.tasks.classification.supervised import Classes, asked
from pipeline.training import sgd


class Distilled(Classes):
    """Classes, and each method's loss.

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
        methods: Mapping[str, Settings],
        cross_entropy: float,
        seed: int,
    ) -> None:
        super().__init__(network, batches, settings, dtype, cross_entropy)
        self.teacher = freeze(teacher.to(batches.device))
        self.passes.append((self.teacher, ASKED))
        self.lessons = Lessons(methods)
        probe = torch.zeros(1, batches.channels, batches.size, batches.size, device=batches.device)
        shapes = [asked(of, probe, dtype) for of in (self.network, self.teacher)]
        self.lessons.build(*shapes, batches.labels, seed=seed, device=batches.device)
        self.modules |= {f"parts_{name}": part for name, part in self.lessons.parts.items()}
        self.optimisers["sgd"] = sgd(list(self.modules.values()), settings)

    def learned_besides(self, student: Knowledge, pictures: Tensor) -> dict[str, Tensor]:
        """Each method by its name."""
        return self.lessons.losses(student, [lambda needs: asked(self.teacher, pictures, self.dtype)], self.epoch)
