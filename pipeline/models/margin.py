"""Margin softmax over cosines, as CosFace, ArcFace and others have it; what the margin does is in pipeline.face_losses.

With ``sampled`` below 1, as Partial FC (An et al., ICCV Workshops 2021, CVPR 2022): a step's softmax runs over the
identities of its batch and a random share of the others, which is what makes 100,000 identities affordable.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.head import Head


class MarginHead(Head):
    """Embeddings to identity logits by cosine, with a margin that the right identity must overcome.

    The right identity has the logit ``s moved(cos t)``, the others ``s cos t``; ``moved`` takes and gives (B, 1).

    ``sampled`` is the share of the identities that a step's softmax runs over. To the optimiser the others have a
    gradient of zero: weight decay and momentum go on for their rows too, where the authors' code leaves them alone
    [ours]. Decay changes only the length of a row, which the cosine divides out.
    """

    def __init__(
        self,
        embedding: int,
        identities: int,
        moved: Callable[[Tensor], Tensor],
        *,
        scale: float,
        sampled: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(identities, embedding))
        nn.init.xavier_uniform_(self.weight)
        self.moved, self.scale, self.sampled = moved, scale, sampled

    def sample(self, labels: Tensor, rng: torch.Generator) -> tuple[Tensor | None, Tensor]:
        """Labels (B,) of a whole batch, on the CPU -> the identities (C,) of its softmax, sorted, and the labels in it.

        These identities are those of the batch, and others drawn evenly until they are the share ``sampled``. Where
        that is all, the first is None and the labels are as they were.
        """
        if self.sampled == 1:
            return None, labels
        present = labels.unique()
        drawn = torch.rand(len(self.weight), generator=rng)
        drawn[present] = 2.0  # above all others
        count = max(round(self.sampled * len(self.weight)), len(present))
        classes = drawn.topk(count).indices.sort().values
        return classes, torch.searchsorted(classes, labels)

    def cosines(self, embedding: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, D) -> cosine with every identity's direction (B, identities), or with those of ``classes`` (B, C); float32."""
        weight = self.weight if classes is None else self.weight[classes]
        with torch.autocast(embedding.device.type, enabled=False):  # bf16's 8 bits are too few for angles
            return functional.linear(functional.normalize(embedding.float()), functional.normalize(weight))

    def logits(self, cosines: Tensor, labels: Tensor) -> Tensor:
        """Cosines (B, identities) and labels (B,) -> margin logits (B, identities); labels are columns."""
        right = labels.unsqueeze(1)
        return self.scale * cosines.scatter(1, right, self.moved(cosines.gather(1, right)))

    def losses(self, embedding: Tensor, labels: Tensor, classes: Tensor | None = None) -> dict[str, Tensor]:
        """Embeddings (B, D), labels (B,) -> recognition, the cross-entropy of the margin logits, a scalar.

        With ``classes`` (C,) over these alone, and labels in them: both as ``sample`` gives them.
        """
        return {"recognition": functional.cross_entropy(self.logits(self.cosines(embedding, classes), labels), labels)}
