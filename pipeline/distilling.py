"""What a student learns from its teachers by the methods of its entry: the loop over methods, for every task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from pipeline import distill, together
from pipeline.distill import Knowledge, Method
from pipeline.randomness import derive

# A teacher's answer for the current batch, without gradient: names of the fields needed -> Knowledge with these, at least.
Ask = Callable[[set[str]], Knowledge]


class Lessons:
    """The methods of a student's entry, by name, with their settings and parts."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.methods: dict[str, tuple[Method, Any]] = {name: (distill.method(name), of) for name, of in entry.items()}
        self.parts: dict[str, nn.Module] = {}  # of the methods that learn or remember something themselves

    @property
    def needs(self) -> set[str]:
        """The fields of Knowledge that some method compares."""
        return {need for method, _ in self.methods.values() for need in method.NEEDS}

    def build(self, student: Knowledge, teacher: Knowledge, labels: Tensor, *, seed: int, device: torch.device) -> None:
        """Make the methods' parts, initialised from ``seed``; the shapes are those of both networks' knowledge of a probe.

        ``labels`` (N,) are those of all samples. The task has them learn with the student: see ``parts``.
        """
        torch.manual_seed(derive(seed, "parts of methods"))
        for name, (method, settings) in self.methods.items():
            if method.build is not None:
                self.parts[name] = method.build(settings, student, teacher, labels).to(device)

    def losses(self, student: Knowledge, teachers: Sequence[Ask], epoch: float) -> dict[str, Tensor]:
        """Each method's loss by its name, weighted as at ``epoch``, fractions included.

        A method that learns from all teachers has the mean of its losses with them; for logits that is, up to a
        constant, the distillation of the teachers' mean prediction. All others learn from the first teacher.
        """
        terms: dict[str, Tensor] = {}
        for place, ask in enumerate(teachers):
            taught = {name: of for name, of in self.methods.items() if place == 0 or of[0].FROM_ALL}
            known = ask({need for method, _ in taught.values() for need in method.NEEDS})
            for name, (method, settings) in taught.items():
                weight = method.weight(settings, epoch) / (len(teachers) if method.FROM_ALL else 1)
                seen = _seen(method, student), _seen(method, known)
                parts = (self.parts[name],) if name in self.parts else ()
                terms[name] = terms.get(name, 0) + weight * method.loss(*seen, settings, *parts)
        return terms


def _seen(method: Method, knowledge: Knowledge) -> Knowledge:
    """A method's input: knowledge of this process's share of a batch or, for WHOLE_BATCH methods, of the whole batch."""
    if not (together.several() and method.WHOLE_BATCH):
        return knowledge
    gathered: dict[str, Any] = {}
    for need in method.NEEDS:
        values = getattr(knowledge, need)
        if isinstance(values, list):
            gathered[need] = [together.whole_batch(value) for value in values]
        else:
            gathered[need] = together.whole_batch(values)
    return replace(knowledge, **gathered)
