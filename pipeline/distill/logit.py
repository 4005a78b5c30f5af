"""Distilling the Knowledge in a Neural Network (Hinton, Vinyals, Dean, 2015), on identity logits.

The "label knowledge" of "Knowledge Distillation Based Algorithm for Low Quality Face Image Recognition" (2025).
``L = T^2 KL(softmax(z_T / T) || softmax(z_S / T))``, mean over the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.distill import Knowledge
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = ("logits", "plain_logits")


class Settings(Base):
    """The weight is alpha; ``margin`` compares margin logits (as F-SKD's code does), else s cos(theta)."""

    weight: Positive
    temperature: Positive
    margin: bool = True


def logit_distillation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Logits (B, identities) of both -> scalar ``T^2 KL(p_T || p_S)``, batch mean, in nats times T^2."""
    from torch.nn import functional

    log_student = functional.log_softmax(student / temperature, dim=1)
    log_teacher = functional.log_softmax(teacher / temperature, dim=1)
    divergence = functional.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True)
    return temperature**2 * divergence


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See logit_distillation."""
    if settings.margin:
        return logit_distillation(student.logits, teacher.logits, settings.temperature)
    return logit_distillation(student.plain_logits, teacher.plain_logits, settings.temperature)
