"""Margin softmax: CosFace (Wang et al., CVPR 2018) and ArcFace (Deng et al., CVPR 2019)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class MarginHead(nn.Module):
    """Embeddings to identity logits by cosine, with a margin that the right identity must overcome.

    CosFace: ``s (cos t - m)`` for the right identity; ArcFace: ``s cos(t + m)``, and where t + m would pass pi
    its linear continuation ``s (cos t - m sin m)``, as in InsightFace. Others: ``s cos t``.
    """

    def __init__(self, embedding: int, identities: int, *, kind: str, scale: float, margin: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(identities, embedding))
        nn.init.xavier_uniform_(self.weight)
        self.kind, self.scale, self.margin = kind, scale, margin

    def cosines(self, embedding: Tensor) -> Tensor:
        """(B, D) -> cosine with every identity's direction (B, identities), float32."""
        with torch.autocast(embedding.device.type, enabled=False):  # bf16's 8 bits are too few for angles
            return functional.linear(functional.normalize(embedding.float()), functional.normalize(self.weight))

    def logits(self, cosines: Tensor, labels: Tensor) -> Tensor:
        """Cosines (B, identities) and labels (B,) -> margin logits (B, identities)."""
        right = labels.unsqueeze(1)
        target = cosines.gather(1, right)
        if self.kind == "cosface":
            moved = target - self.margin
        else:
            sine = (1 - target.square()).clamp(min=0).sqrt()
            beyond = target <= -math.cos(self.margin)  # t + m > pi: cos(t + m) would rise again
            moved = torch.where(
                beyond,
                target - self.margin * math.sin(self.margin),
                target * math.cos(self.margin) - sine * math.sin(self.margin),
            )
        return self.scale * cosines.scatter(1, right, moved)

    def losses(self, embedding: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Embeddings (B, D), labels (B,) -> recognition, the cross-entropy of the margin logits, a scalar."""
        return {"recognition": functional.cross_entropy(self.logits(self.cosines(embedding), labels), labels)}
