"""Decoupled Knowledge Distillation (Zhao, Cui, Song, Qiu, Liang, CVPR 2022), DKD, on identity logits.

``L = T^2 (alpha TCKD + beta NCKD)`` (equation 7 with the temperature of the authors' code): TCKD is the divergence of
(p_y, 1 - p_y), what both say of the true identity, and NCKD that of the distributions over the others. With
alpha = 1 and beta = 1 - p_y of the teacher it is the distillation of Hinton et al. The authors raise the weight over
the first 20 epochs on CIFAR-100, which ``warmup_epochs`` says; left out, the weight is constant.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipeline.distill import Knowledge
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Positive

if TYPE_CHECKING:
    from torch import Tensor

NEEDS = ("logits", "plain_logits", "labels")


class Settings(Base):
    """``alpha`` and ``beta`` weigh the true identity and the others; ``margin`` as in the method ``logit``."""

    weight: Positive
    temperature: Positive
    alpha: Annotated[float, Field(ge=0)] = 1.0
    beta: Annotated[float, Field(ge=0)] = 8.0
    margin: bool = True
    warmup_epochs: Annotated[int, Field(ge=0, le=1_000_000)] = 0


def weight_at(settings: Settings, epoch: float) -> float:
    """Epoch by epoch in equal parts to 1, as the authors' code: 1/20 in the first of 20."""
    return min(1.0, (math.floor(epoch) + 1) / max(1, settings.warmup_epochs))


def decoupled_terms(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Logits (B, identities) of both, labels (B,) -> TCKD and NCKD, scalars in nats, batch means, without T^2."""
    import torch
    from torch.nn import functional

    true = functional.one_hot(labels, student.shape[1]).bool()
    about_true, about_others = [], []
    for logits in (student / temperature, teacher / temperature):
        log_p = functional.log_softmax(logits, dim=1)
        others = log_p[~true].view(len(labels), -1)
        total = others.logsumexp(dim=1)  # log(1 - p_y), also where p_y is nearly one
        about_true.append(torch.stack([log_p[true], total], dim=1))
        about_others.append(others - total[:, None])
    return tuple(
        functional.kl_div(of_student, of_teacher, reduction="batchmean", log_target=True)
        for of_student, of_teacher in (about_true, about_others)
    )


def loss(student: Knowledge, teacher: Knowledge, settings: Settings) -> Tensor:
    """See decoupled_terms."""
    logits = (student.logits, teacher.logits) if settings.margin else (student.plain_logits, teacher.plain_logits)
    true, others = decoupled_terms(*logits, student.labels, settings.temperature)
    return settings.temperature**2 * (settings.alpha * true + settings.beta * others)
