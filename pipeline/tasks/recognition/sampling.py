"""Batches that hold several faces of each person, for losses that compare faces with each other."""

from __future__ import annotations

import torch
from torch import Tensor


class SeveralOfEach:
    """Draws batches of some people with ``images`` faces each.

    ``labels`` (N,) are whole numbers from 0, every number below the largest among them.
    """

    def __init__(self, labels: Tensor, images: int) -> None:
        self.labels, self.images = labels, images
        self.order = labels.argsort(stable=True)
        self.counts = labels.bincount()
        self.starts = self.counts.cumsum(0) - self.counts

    def draw(self, rows: Tensor, rng: torch.Generator) -> Tensor:
        """Rows (B,) -> rows (P K,): the first B / K people among them, K faces each, all different where they have K."""
        people = list(dict.fromkeys(self.labels[rows].tolist()))[: max(len(rows) // self.images, 2)]
        drawn = []
        for person in people:
            count = int(self.counts[person])
            chosen = torch.cat([torch.randperm(count, generator=rng) for _ in range(-(-self.images // count))])
            drawn.append(self.order[self.starts[person] + chosen[: self.images]])
        return torch.cat(drawn)
