"""After FFKD, forward and feedback distillation (Gou et al., IEEE TMM 2024): a teacher that learns from its students.

Stage 1 is forward and offline: students learn from a pretrained teacher that stays as it is. Stage 2 is feedback and
online: in every step the students learn, then the teacher learns of what they now say. All formulas are [ours].
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.data.class_batches import ClassBatches
from pipeline.models.freezing import freeze
from pipeline.params.networks import Training
from pipeline.tasks.classification.cost import ASKED, LEARNED
from pipeline.tasks.classification.feedback_losses import (
    feedback_distillation,
    forward_distillation,
    normalised,
    understanding,
)
from pipeline.tasks.classification.params.learning import Feedback
from pipeline.tasks.classification.supervised import ClassTask, asked, knowledge
from pipeline.training import sgd

PERCENTILES = (10, 50, 90)


class SeenWeights(nn.Module):
    """The weights of this epoch before normalisation (N, students), by sample; not a number: not seen yet."""

    def __init__(self, samples: int, students: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.full((samples, students), torch.nan))

    def summary(self) -> dict[str, float]:
        """Mean and percentiles over all samples and students that were seen; then all are unseen again."""
        seen = self.values[self.values.isfinite()].double()
        shares = torch.tensor(PERCENTILES, dtype=torch.double, device=seen.device) / 100
        self.values.fill_(torch.nan)
        # torch.quantile refuses more than 16 million values, sorting does not
        ranked, places = seen.sort().values, shares * (len(seen) - 1)
        low, high = ranked[places.floor().long()], ranked[places.ceil().long()]
        percentiles = (low + (high - low) * places.frac()).tolist()
        return {"weight_mean": seen.mean().item()} | {
            f"weight_p{percentile}": value for percentile, value in zip(PERCENTILES, percentiles, strict=True)
        }


class ForwardAndFeedback(ClassTask):
    """One stage. With ``teaches_only`` it is the first, or the second without feedback.

    Each student: ``CE + alpha T^2 KL(sg(p_T) || p_S)``, the teacher in evaluation mode. Then the teacher:
    ``CE + beta mean over students of T^2 mean(w KL(sg(p_S) || p_T))``, the students, which have just learned, in
    evaluation mode. Whoever learns is in training mode. The weights w are those of feedback_losses, or 1. Samples and
    their order are the same whether the teacher learns or not.
    """

    def __init__(
        self,
        teacher: nn.Module,
        students: dict[str, nn.Module],
        batches: ClassBatches,
        options: Feedback,
        settings: Training,
        dtype: torch.dtype,
        *,
        teaches_only: bool,
    ) -> None:
        super().__init__(batches, dtype)
        self.options = options
        self.teacher = freeze(teacher.to(batches.device))
        self.students = {name: student.to(batches.device) for name, student in students.items()}
        self.modules = dict(self.students)
        self.optimisers = {name: sgd([of], settings) for name, of in self.students.items()}
        self.passes = [(self.teacher, ASKED), *((student, LEARNED) for student in self.students.values())]
        self.seen = None
        if not teaches_only:
            self.modules["teacher"] = self.teacher.requires_grad_(True)
            self.optimisers["teacher"] = sgd([self.teacher], settings)
            self.optimisers["teacher"].param_groups[0]["rate_factor"] = options.teacher_rate
            self.seen = self.modules["weights"] = SeenWeights(batches.count, len(students)).to(batches.device)
            self.passes += [(self.teacher, LEARNED), *((student, ASKED) for student in self.students.values())]

    def diagnostics(self) -> dict[str, float]:
        """How the weights were spread over this epoch's samples and students."""
        return self.seen.summary() if self.seen is not None else {}

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        pictures, labels = self.batches.batch(rows, rng)
        taught = asked(self.teacher, pictures, self.dtype).logits
        options = self.options
        for name, student in self.students.items():
            answers = knowledge(student, pictures, self.dtype).logits
            yield (
                name,
                {
                    f"{name}_cross_entropy": functional.cross_entropy(answers, labels),
                    f"{name}_forward": options.alpha * forward_distillation(answers, taught, options.temperature),
                },
            )
        if self.seen is None:
            return
        said = [asked(student, pictures, self.dtype).logits for student in self.students.values()]
        weights = torch.stack([self._weights(taught, logits) for logits in said], dim=1)
        self.seen.values[rows.to(weights.device)] = weights
        answers = knowledge(self.teacher, pictures, self.dtype).logits
        temperature = options.feedback_temperature
        feedback = [
            feedback_distillation(answers, logits, normalised(weights[:, number]), temperature)
            for number, logits in enumerate(said)
        ]
        yield (
            "teacher",
            {
                "teacher_cross_entropy": functional.cross_entropy(answers, labels),
                "teacher_feedback": options.beta * sum(feedback) / len(feedback),
            },
        )

    def _weights(self, taught: Tensor, said: Tensor) -> Tensor:
        options = self.options
        if options.weighting == "constant":
            return torch.ones(len(said), device=said.device)
        return understanding(taught, said, options.feedback_temperature, options.tolerance, options.understood)
