"""Losses of networks that teach one another, DML and ONE: pure functions of logits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from pipeline.distill.logit import logit_distillation


def mutual_learning(logits: Tensor, others: Sequence[Tensor], temperature: float) -> Tensor:
    """Logits (B, classes) of a network and of each of its peers -> ``T^2 mean_j KL(p_j || p)``, batch mean.

    Deep Mutual Learning (Zhang, Xiang, Hospedales, Lu, CVPR 2018), DML, equations 5 and 8, where T = 1. Peers are
    targets: no gradient goes to them.
    """
    return sum(logit_distillation(logits, other.detach(), temperature) for other in others) / len(others)


def native_ensemble(branches: Tensor, ensemble: Tensor, temperature: float) -> Tensor:
    """Logits (m, B, classes) of branches, (B, classes) of their ensemble -> ``T^2 sum_i KL(p_e || p_i)``, batch mean.

    Knowledge Distillation by On-the-Fly Native Ensemble (Lan, Zhu, Gong, NeurIPS 2018), ONE, equation 7, where T = 3.
    The ensemble is a target, as in the authors' code: no gradient goes to it.
    """
    return sum(logit_distillation(branch, ensemble.detach(), temperature) for branch in branches)


def sigmoid_ramp(epoch: float, length: int) -> float:
    """``exp(-5 (1 - t)^2)``, t = epoch / length up to 1, by whole epochs from 0 (Laine, Aila, ICLR 2017)."""
    if length == 0:
        return 1.0
    return math.exp(-5 * (1 - min(math.floor(epoch) / length, 1.0)) ** 2)
