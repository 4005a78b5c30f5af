"""A student: it learns identities, and takes over what the teacher knows by the methods of its entry."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pipeline import distill
from pipeline.tasks.recognition.knowledge import TeacherKnowledge
from pipeline.tasks.recognition.learning import Answer, Batch, Identities


class Distilling(Identities):
    """Identities, with one more loss a method: ``weight * method.loss(student, teacher)``."""

    def __init__(self, *args: Any, teacher: TeacherKnowledge, methods: dict[str, Any]) -> None:
        super().__init__(*args)
        self.teacher = teacher
        self.methods = {name: (distill.method(name), settings) for name, settings in methods.items()}
        self.needs = {need for module, _ in self.methods.values() for need in module.NEEDS}

    def losses(self, batch: Batch, answer: Answer) -> dict[str, Tensor]:
        """Recognition, and each method by its name."""
        student = distill.Knowledge(
            **answer.inside._asdict(),
            logits=answer.logits,
            plain_logits=self.head.scale * answer.cosines,
            labels=batch.labels,
        )
        teacher = self.teacher.of(batch, self.needs)
        terms = {
            name: settings.weight * module.loss(student, teacher, settings)
            for name, (module, settings) in self.methods.items()
        }
        return super().losses(batch, answer) | terms
