"""A student: it learns identities, and takes over what its teachers know by the methods of its entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline import distill, together
from pipeline.models.resnext import Inside
from pipeline.tasks.recognition.knowledge import TeacherKnowledge, logits_of
from pipeline.tasks.recognition.learning import Batch, Identities


class Distilling(Identities):
    """Identities, with one more loss a method: ``weight * method.loss(student, teacher)``, the mean over the teachers.

    For logits that is, up to a constant, the distillation of the teachers' mean prediction.
    """

    def __init__(
        self, *args: Any, teachers: Sequence[TeacherKnowledge], methods: dict[str, Any], unlabelled: float = 0.0
    ) -> None:
        super().__init__(*args)
        self.teachers, self.unlabelled = teachers, unlabelled
        self.methods = {name: (distill.method(name), settings) for name, settings in methods.items()}
        self.epoch = 0.0

    def at(self, epoch: float) -> None:
        """See pipeline.training.Task: methods may change their weight over time."""
        self.epoch = epoch

    def draw(self, rows: Tensor, rng: torch.Generator) -> Batch:
        """As usual, and ``unlabelled`` times as many faces without a label, drawn evenly: no method needs one."""
        labels = self.faces.labels[rows]
        if count := round(self.unlabelled * len(rows)):
            others = torch.randint(len(self.faces.unlabelled), (count,), generator=rng)
            rows = torch.cat([rows, len(self.faces.faces) + others])
        return self.show(rows, labels, rng)

    def losses(self, batch: Batch, inside: Inside) -> dict[str, Tensor]:
        """Recognition, and each method by its name."""
        cosines = self.head.cosines(inside.embedding, batch.classes)
        logits, labelled = logits_of(self.head, cosines, batch.labels), len(batch.labels)
        student = distill.Knowledge(
            **inside._asdict(), logits=logits, plain_logits=self.head.scale * cosines, labels=batch.labels
        )
        terms = {"recognition": functional.cross_entropy(logits[:labelled], batch.labels)}
        for place, teacher in enumerate(self.teachers):
            asked = {name: m for name, m in self.methods.items() if place == 0 or m[0].FROM_ALL}
            known = teacher.of(batch, {need for module, _ in asked.values() for need in module.NEEDS})
            for name, (module, settings) in asked.items():
                share = distill.weight(module, settings, self.epoch) / (len(self.teachers) if module.FROM_ALL else 1)
                seen = together.seen(module, student), together.seen(module, known)
                terms[name] = terms.get(name, 0) + share * module.loss(*seen, settings)
        return terms
