"""The learned maps and memories of CRD (pipeline.distill.crd)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class ContrastiveMemory(nn.Module):
    """Embeddings of two networks scaled to length 1, and a memory of these for every sample, (N, width) each.

    ``labels`` (N,) of all samples, of two classes at least. Maps are learned; memories are buffers.
    """

    def __init__(
        self,
        widths: tuple[int, int],
        labels: Tensor,
        *,
        width: int,
        negatives: int,
        temperature: float,
        momentum: float,
    ) -> None:
        super().__init__()
        self.negatives, self.temperature, self.momentum = negatives, temperature, momentum
        self.of_student, self.of_teacher = (nn.Linear(of, width) for of in widths)
        bound = math.sqrt(3 / width)  # of uniform values whose vectors have length one in the mean square
        for name in ("student", "teacher"):
            self.register_buffer(f"{name}_memory", torch.empty(len(labels), width).uniform_(-bound, bound))
            self.register_buffer(f"{name}_sum", torch.zeros(()))  # Z of the scores of this network's values
        classes, counts = labels.unique(return_counts=True)
        self.register_buffer("by_class", labels.argsort(stable=True))
        self.register_buffer("classes", classes)
        self.register_buffer("ends", counts.cumsum(0))

    def forward(self, student: Tensor, teacher: Tensor, labels: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (B, D_S) and (B, D_T), labels and rows (B,) -> scores (B, 1 + K) of both, the true pair's first.

        Then the memories of the batch take the new values.
        """
        student = functional.normalize(self.of_student(student), dim=1)
        teacher = functional.normalize(self.of_teacher(teacher), dim=1)
        pairs = torch.cat([rows[:, None], self.draw(labels)], dim=1)
        # Clones: the memories change before the gradients are asked for.
        scores = (
            self._scores(student, self.teacher_memory.clone(), pairs, self.student_sum),
            self._scores(teacher, self.student_memory.clone(), pairs, self.teacher_sum),
        )
        self._remember(self.student_memory, student, rows)
        self._remember(self.teacher_memory, teacher, rows)
        return scores

    def draw(self, labels: Tensor) -> Tensor:
        """Labels (B,) -> rows (B, K) of samples of other classes, each as likely, with replacement."""
        place = torch.searchsorted(self.classes, labels)
        ends = self.ends[place, None]
        size = ends - torch.where(place[:, None] > 0, self.ends[place - 1, None], 0)
        others = len(self.by_class) - size
        # float64 is exact far beyond any number of samples; below one, so that the product is below ``others``
        draws = torch.rand(len(labels), self.negatives, dtype=torch.double, device=labels.device)
        chosen = (draws * others).long()
        return self.by_class[torch.where(chosen >= ends - size, chosen + size, chosen)]

    def _scores(self, values: Tensor, memory: Tensor, pairs: Tensor, constant: Tensor) -> Tensor:
        # All N products, then those of the pairs: less memory than B (1 + K) vectors.
        powers = ((values @ memory.T).gather(1, pairs) / self.temperature).exp()
        with torch.no_grad():
            constant.copy_(torch.where(constant > 0, constant, powers.mean() * len(memory)))
        return powers / constant

    @torch.no_grad()
    def _remember(self, memory: Tensor, values: Tensor, rows: Tensor) -> None:
        memory[rows] = functional.normalize(self.momentum * memory[rows] + (1 - self.momentum) * values, dim=1)
