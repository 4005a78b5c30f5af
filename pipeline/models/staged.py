"""What all classifiers of small pictures have in common: a stem, stages, a mean over places, a linear layer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor, nn


class Inside(NamedTuple):
    """What a classifier made of pictures."""

    logits: Tensor  # (B, classes)
    embedding: Tensor  # (B, D), what the linear layer reads
    features: list[Tensor]  # (B, C_s, H_s, W_s), the output of every stage


class StagedClassifier(nn.Module):
    """Pictures (B, C, H, W), normalised, of any side that the stages can halve, to logits (B, classes).

    The stages' numbers, from 1, are those that RepDistiller's hint layers have; what comes before them is the stem.
    ``tail`` is what lies between the last stage and the mean over places.
    """

    def __init__(self, stem: nn.Module, stages: Iterable[nn.Module], tail: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.stem, self.stages, self.tail = stem, nn.ModuleList(stages), tail
        self.classifier = nn.Linear(width, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, classes)."""
        return self.look_inside(pictures).logits

    def look_inside(self, pictures: Tensor) -> Inside:
        """As forward, with the embedding and the features of every stage."""
        features, outputs = self.stem(pictures), []
        for stage in self.stages:
            features = stage(features)
            outputs.append(features)
        embedding = self.tail(features).mean(dim=(2, 3))
        return Inside(self.classifier(embedding), embedding, outputs)


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, groups: int = 1) -> nn.Conv2d:
    """Without a bias, which the batch norm after it has; the side becomes side / stride, rounded up."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


def initialise(model: nn.Module, *, linear: float | None = None) -> None:
    """Convolutions normal with variance 2 / (kernel area * output channels) (He et al., 2015, "fan out"), biases zero.

    Linear layers normal with standard deviation ``linear``; None keeps PyTorch's weights.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            # Of a depthwise convolution too, as the original code has it: kaiming_normal_ counts its groups apart.
            area = module.kernel_size[0] * module.kernel_size[1]
            nn.init.normal_(module.weight, std=math.sqrt(2 / (area * module.out_channels)))
        elif isinstance(module, nn.Linear) and linear is not None:
            nn.init.normal_(module.weight, std=linear)
        if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
            nn.init.zeros_(module.bias)
