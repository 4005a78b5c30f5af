"""A frozen network, as teachers and judges are: it computes, and never learns."""

from __future__ import annotations

from torch import nn


def freeze(model: nn.Module) -> nn.Module:
    """Evaluation mode, no gradients."""
    return model.eval().requires_grad_(False)
