"""Losses after FFKD, "forward and feedback knowledge distillation": pure functions of logits.

The method is after Gou et al., IEEE Transactions on Multimedia 26, 2024, 7901-7916, whose abstract says that a
pretrained teacher teaches students offline, is then updated online by their feedback, and that a weight measures how
well they understand. Its formulas are not public: every formula here is [ours].
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.distill.logit import logit_distillation

SMALLEST = 1e-6  # added to every weight, so that a batch without any is weighed evenly


def divergence(target: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Logits (B, classes) -> ``KL(p_target || p_other)`` of every sample (B,), in nats, both softened by T."""
    log_target, log_other = (functional.log_softmax(logits / temperature, dim=1) for logits in (target, other))
    return functional.kl_div(log_other, log_target, reduction="none", log_target=True).sum(dim=1)


def forward_distillation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """What a student learns: ``T^2 KL(sg(p_T) || p_S)``, batch mean."""
    return logit_distillation(student, teacher.detach(), temperature)


@torch.no_grad()
def understanding(
    teacher: Tensor, student: Tensor, temperature: float, tolerance: float, understood: Literal["up", "down"]
) -> Tensor:
    """Logits (B, classes) -> weights (B,) in 0..1, without gradient.

    ``u = exp(-KL(p_T || p_S) / tau)`` is 1 where the student says what the teacher says; ``up`` gives u, so that what
    was misunderstood counts less, ``down`` gives 1 - u, so that it counts more.
    """
    exponent = -divergence(teacher, student, temperature) / tolerance
    return exponent.exp() if understood == "up" else -exponent.expm1()


def normalised(weights: Tensor) -> Tensor:
    """Weights (B,) >= 0 over their mean: what is learned in all stays the same, whatever the students understand."""
    return (weights + SMALLEST) / (weights + SMALLEST).mean()


def feedback_distillation(teacher: Tensor, student: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """What the teacher learns of a student: ``T^2 w KL(sg(p_S) || p_T)``, batch mean, with weights (B,) as they are."""
    return temperature**2 * (weights.detach() * divergence(student.detach(), teacher, temperature)).mean()
