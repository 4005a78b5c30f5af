"""Knowledge Distillation by On-the-Fly Native Ensemble (Lan, Zhu, Gong, NeurIPS 2018), ONE: the network with
branches.

The stem and all stages but the last are shared; each branch has its own last stage and linear layer. A gate, as
in the authors' code ``softmax relu BN linear`` of the mean over places of what is shared, weighs the branches'
logits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pipeline.models.staged import Inside, StagedClassifier


class Branch(nn.Module):
    """A network's part behind the stages that branches share."""

    def __init__(self, network: StagedClassifier) -> None:
        super().__init__()
        self.stages, self.tail, self.classifier = network.stages[-1:], network.tail, network.classifier


def finish(branch: Branch | StagedClassifier, shared: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) before the last stage -> logits (B, classes) and embedding (B, D)."""
    embedding = branch.tail(branch.stages[-1](shared)).mean(dim=(2, 3))
    return branch.classifier(embedding), embedding


class Branched(nn.Module):
    """Networks of the same architecture that share the first network's stem and stages; the first network is kept."""

    def __init__(self, networks: Sequence[StagedClassifier], shared: Tensor) -> None:
        """``shared`` (B, C, H, W): what the stages before the last make of any picture, for its channels."""
        super().__init__()
        self.first = networks[0]
        self.others = nn.ModuleList(Branch(network) for network in networks[1:])
        self.gate = nn.Sequential(nn.Linear(shared.shape[1], len(networks)), nn.BatchNorm1d(len(networks)), nn.ReLU())

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) -> the ensemble's logits (B, classes)."""
        return self.look_inside(pictures).logits

    def look_inside(self, pictures: Tensor) -> Inside:
        """The ensemble's logits, the branches' embeddings side by side (B, m D), the features of the shared stages."""
        logits, weights, embeddings, features = self._all(pictures)
        return Inside(gated(logits, weights), embeddings, features)

    def answers(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> the branches' logits (m, B, classes) and the ensemble's (B, classes)."""
        logits, weights, _, _ = self._all(pictures)
        return logits, gated(logits, weights)

    def _all(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        features, outputs = self.first.stem(pictures), []
        for stage in self.first.stages[:-1]:
            features = stage(features)
            outputs.append(features)
        answers = [finish(branch, features) for branch in (self.first, *self.others)]
        weights = self.gate(features.mean(dim=(2, 3))).softmax(dim=1)
        return torch.stack([a[0] for a in answers]), weights, torch.cat([a[1] for a in answers], dim=1), outputs


def gated(logits: Tensor, weights: Tensor) -> Tensor:
    """Logits (m, B, classes) of branches and weights (B, m) -> their weighted sum (B, classes)."""
    return torch.einsum("mbk,bm->bk", logits.float(), weights.float())
