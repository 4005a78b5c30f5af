"""A Discriminative Feature Learning Approach for Deep Face Recognition (Wen et al., ECCV 2016): center loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.head import Head


class CenterHead(Head):
    """Softmax over the identities, and a pull of each embedding to the centre of its identity.

    ``L = CE(W x + b, y) + lambda / 2 * mean ||x - c_y||^2`` (the paper sums over the batch, here the mean). Centres
    are no parameters: in training each batch moves them by ``alpha * sum(c_j - x_i) / (1 + n_j)`` (equation 4).
    """

    whole_batch = True  # a centre is moved by all faces of its identity in the batch

    def __init__(self, embedding: int, identities: int, *, weight: float, rate: float) -> None:
        super().__init__()
        self.classifier = nn.Linear(embedding, identities)
        self.register_buffer("centers", torch.zeros(identities, embedding))
        self.weight, self.rate = weight, rate

    def losses(self, embedding: Tensor, labels: Tensor, classes: Tensor | None = None) -> dict[str, Tensor]:
        """Embeddings (B, D), labels (B,) -> recognition and center, scalars; in training the centres then move."""
        with torch.autocast(embedding.device.type, enabled=False):
            embedding = embedding.float()
            away = embedding - self.centers[labels]
            losses = {
                "recognition": functional.cross_entropy(self.classifier(embedding), labels),
                "center": self.weight / 2 * away.square().sum(dim=1).mean(),
            }
        if self.training:
            self._move(away.detach(), labels)
        return losses

    @torch.no_grad()
    def _move(self, away: Tensor, labels: Tensor) -> None:
        count = torch.ones(len(self.centers), device=away.device).index_add_(0, labels, torch.ones_like(away[:, 0]))
        total = torch.zeros_like(self.centers).index_add_(0, labels, away)
        # A new tensor: the backward pass may still need the old tensor.
        self.centers = self.centers + self.rate * total / count[:, None]
