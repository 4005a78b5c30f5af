"""Very Deep Convolutional Networks (Simonyan, Zisserman, ICLR 2015), with batch norm and a face embedding.

Widths and depths are parameters, so that a teacher of faces can be trained in minutes; the head (BN, dropout, FC, BN)
is that of the recognition task's networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pipeline.params.vgg import VGG as VGGSettings


class Inside(NamedTuple):
    """What a network made of pictures. Features: a stage's last ReLU, sides S, S / 2, S / 4, ... rounded down."""

    embedding: Tensor | None  # (B, embedding), not normalised; None where the network has no faces to know
    features: list[Tensor]  # (B, C_s, H_s, W_s)


def repeat_grey(pictures: Tensor, channels: int) -> Tensor:
    """(B, 1 or channels, H, W) -> (B, channels, H, W): grey as often as asked, what has the channels as it is."""
    return pictures.expand(-1, channels, -1, -1)


def stage(inputs: int, width: int, depth: int) -> nn.Sequential:
    """``depth`` times 3x3 convolution, batch norm, ReLU; the side stays."""
    layers: list[nn.Module] = []
    for position in range(depth):
        layers += [
            nn.Conv2d(width if position else inputs, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class VGG(nn.Module):
    """Pictures (B, channels, S, S) in 0..1, or grey pictures, to embeddings (B, embedding), not normalised."""

    def __init__(
        self,
        *,
        image_size: int,
        channels: int,
        widths: Sequence[int],
        depths: Sequence[int],
        embedding: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.channels, self.widths = channels, list(widths)  # of what comes in; of the features, stage by stage
        self.stages = nn.ModuleList(
            stage(inputs, width, depth)
            for inputs, width, depth in zip([channels, *widths[:-1]], widths, depths, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        side = image_size // 2 ** (len(widths) - 1)
        self.head = nn.Sequential(
            nn.BatchNorm2d(widths[-1]),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(widths[-1] * side * side, embedding),
            nn.BatchNorm1d(embedding),
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 1 or channels, S, S) in 0..1 -> (B, embedding)."""
        return self.look_inside(pictures).embedding

    def look_inside(self, pictures: Tensor) -> Inside:
        """As forward, with the features of every stage."""
        features = self.features(pictures, len(self.stages))
        return Inside(self.head(features[-1]), features)

    def features(self, pictures: Tensor, stages: int) -> list[Tensor]:
        """(B, 1 or channels, H, W) in 0..1, of any size -> the features of the first ``stages``, without the others."""
        pictures = 2 * repeat_grey(pictures, self.channels) - 1
        values = pictures.contiguous(memory_format=torch.channels_last)
        made = []
        for place, layers in enumerate(self.stages[:stages]):
            values = layers(self.pool(values) if place else values)
            made.append(values)
        return made


def build(settings: VGGSettings, image_size: int, channels: int) -> VGG:
    """The network with random weights, channels last."""
    options = settings.model_dump(exclude={"architecture"})
    return VGG(image_size=image_size, channels=channels, **options).to(memory_format=torch.channels_last)
