"""FaceNet: A Unified Embedding for Face Recognition and Clustering (Schroff, Kalenichenko, Philbin, CVPR 2015)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.models.head import Head


class TripletHead(Head):
    """Two faces of the same person closer than two of different people, by a margin; nothing in it is learned.

    ``L = mean max(||a - p||^2 - ||a - n||^2 + alpha, 0)`` (equation 1) over all pairs a, p of one person in the
    batch, on the unit sphere. n is semi-hard: of the other people's faces farther from a than p, the nearest. Where
    there is none, the farthest of all, [ours]: the paper does not say. A batch of a single person has no n, and so no
    triplet.
    """

    whole_batch = True

    def __init__(self, *, margin: float, images: int) -> None:
        super().__init__()
        self.margin, self.images = margin, images

    def losses(self, embedding: Tensor, labels: Tensor, classes: Tensor | None = None) -> dict[str, Tensor]:
        """Embeddings (B, D), labels (B,) -> triplet, a scalar; zero, gradient too, where the batch has no triplet."""
        with torch.autocast(embedding.device.type, enabled=False):
            unit = functional.normalize(embedding.float())
            distance = (unit[:, None] - unit[None]).square().sum(dim=2)  # exact, unlike 2 - 2 cos
        alike = labels[:, None] == labels[None]
        pairs = alike & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        anchor, positive = (pairs & ~alike.all(dim=1, keepdim=True)).nonzero(as_tuple=True)
        to_positive = distance[anchor, positive]
        others = distance[anchor].masked_fill(alike[anchor], torch.inf)  # (pairs, B)
        farther = others.masked_fill(others <= to_positive[:, None], torch.inf).amin(dim=1)
        farthest = distance[anchor].masked_fill(alike[anchor], -torch.inf).amax(dim=1)
        negative = torch.where(farther.isinf(), farthest, farther)
        violation = (to_positive - negative + self.margin).clamp(min=0)
        return {"triplet": violation.sum() / max(len(violation), 1)}
