"""Encoder-decoders from one kind of picture to another: U-Net and a residual network.

After pix2pix (Isola et al., CVPR 2017) and CycleGAN (Zhu et al., ICCV 2017), at any width and depth. Two things
differ from both. Each level has features of the encoder and of the decoder with the same width and side, so that what
one network decodes can be compared with what another encodes; and what is enlarged is repeated (nearest) and then
convolved, which leaves none of the checkerboard of strided transposed convolutions (Odena et al., Distill 2016).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.params.translators import Translator as TranslatorSettings


class InstanceNorm(nn.InstanceNorm2d):
    """torch's, which leaves rows first: channels last again, or every layer after it would copy what it gets."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> the same, each channel of each picture with mean 0 and variance 1."""
        return super().forward(features).contiguous(memory_format=torch.channels_last)


NORMS: dict[str, type[nn.Module]] = {"instance": InstanceNorm, "batch": nn.BatchNorm2d}


class Inside(NamedTuple):
    """What a translator made of pictures. Levels: side / 2^(l-1) for l = 1 (the picture's size) to levels + 1."""

    output: Tensor  # (B, C_out, H, W), float32, 0..1
    encoder: list[Tensor]  # (B, C_l, H_l, W_l), level 1 first
    decoder: list[Tensor]  # the same shapes from the coarsest, level levels + 1, to level 1

    def decoded(self, level: int) -> Tensor:
        """The decoder's features at a level, counted from 1 as the encoder's."""
        return self.decoder[len(self.decoder) - level]


def convolution(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, norm: str | None = None
) -> nn.Sequential:
    """Convolution of side in to side / stride out, normalised if asked, without activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=norm is None)  # a norm takes any bias away
    ]
    if norm is not None:
        layers.append(NORMS[norm](outputs))
    return nn.Sequential(*layers)


def enlarge(features: Tensor) -> Tensor:
    """Each place four times: (B, C, h, w) -> (B, C, 2h, 2w)."""
    return functional.interpolate(features, scale_factor=2, mode="nearest")


class Translator(nn.Module, ABC):
    """Pictures (B, inputs, H, W) in 0..1 to pictures (B, outputs, H, W) in 0..1; H and W multiples of 2^levels.

    An architecture says by ``encode`` and ``decode`` what happens between input and last convolution.
    """

    def __init__(self, inputs: int, outputs: int, *, widths: list[int], kernel: int) -> None:
        super().__init__()
        self.widths = list(widths)  # channels of the features, level by level from the finest
        self.head = convolution(widths[0], outputs, kernel)

    @abstractmethod
    def encode(self, pictures: Tensor) -> list[Tensor]:
        """(B, inputs, H, W) in -1..1 -> features of every level from the finest."""

    @abstractmethod
    def decode(self, encoded: list[Tensor]) -> list[Tensor]:
        """The encoder's features -> the decoder's, from the coarsest."""

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, inputs, H, W) in 0..1 -> (B, outputs, H, W) in 0..1, float32."""
        return self.look_inside(pictures).output

    def look_inside(self, pictures: Tensor) -> Inside:
        """As forward, with the features of every level of encoder and decoder."""
        encoded = self.encode(2 * pictures - 1)
        decoded = self.decode(encoded)
        # (tanh + 1) / 2, in float32: near white, which most of a sketch is, bfloat16 counts in whole grey levels.
        return Inside((torch.tanh(self.head(decoded[-1]).float()) + 1) / 2, encoded, decoded)


class UNet(Translator):
    """At each level down a convolution of stride 2; at each level up enlarge, join the encoder's features, convolve.

    No norm in the first layer and at the bottom, where there may be a single place, as in pix2pix.
    """

    def __init__(self, inputs: int, outputs: int, *, widths: list[int], norm: str, dropout: float) -> None:
        super().__init__(inputs, outputs, widths=widths, kernel=3)
        self.stem = convolution(inputs, widths[0])
        bottom = len(widths) - 1
        self.down = nn.ModuleList(
            convolution(widths[level - 1], widths[level], 4, 2, norm=None if level == bottom else norm)
            for level in range(1, bottom + 1)
        )
        self.bridge = convolution(widths[-1], widths[-1])
        # Narrowed before it is enlarged: a third of the work at the finest level, which costs most.
        self.narrow = nn.ModuleList(
            convolution(widths[level + 1], widths[level], 1) for level in reversed(range(bottom))
        )
        self.up = nn.ModuleList(
            convolution(2 * widths[level], widths[level], norm=norm) for level in reversed(range(bottom))
        )
        self.dropout = nn.Dropout(dropout)

    def encode(self, pictures: Tensor) -> list[Tensor]:
        """See Translator."""
        features = [functional.leaky_relu_(self.stem(pictures), 0.2)]
        for layer in self.down:
            features.append(functional.leaky_relu_(layer(features[-1]), 0.2))
        return features

    def decode(self, encoded: list[Tensor]) -> list[Tensor]:
        """See Translator."""
        features = [torch.relu_(self.bridge(encoded[-1]))]
        layers = zip(self.narrow, self.up, reversed(encoded[:-1]), strict=True)
        for place, (narrow, layer, skip) in enumerate(layers):
            joined = layer(torch.cat([enlarge(narrow(features[-1])), skip], dim=1))
            features.append(torch.relu_(self.dropout(joined) if place < 3 else joined))
        return features


class Block(nn.Module):
    """``F + norm conv relu norm conv F`` (CycleGAN's, with zeros beyond the border)."""

    def __init__(self, width: int, norm: str) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            convolution(width, width, norm=norm), nn.ReLU(inplace=True), convolution(width, width, norm=norm)
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return features + self.branch(features)


class ResNet(Translator):
    """Convolutions down, residual blocks at the bottom, whose output is the decoder's coarsest, convolutions up."""

    def __init__(self, inputs: int, outputs: int, *, widths: list[int], norm: str, blocks: int) -> None:
        super().__init__(inputs, outputs, widths=widths, kernel=7)
        self.stem = convolution(inputs, widths[0], 7, norm=norm)
        pairs = list(zip(widths, widths[1:], strict=False))
        self.down = nn.ModuleList(convolution(fine, coarse, 3, 2, norm=norm) for fine, coarse in pairs)
        self.blocks = nn.Sequential(*(Block(widths[-1], norm) for _ in range(blocks)))
        self.up = nn.ModuleList(convolution(coarse, fine, norm=norm) for fine, coarse in reversed(pairs))

    def encode(self, pictures: Tensor) -> list[Tensor]:
        """See Translator."""
        features = [torch.relu_(self.stem(pictures))]
        for layer in self.down:
            features.append(torch.relu_(layer(features[-1])))
        return features

    def decode(self, encoded: list[Tensor]) -> list[Tensor]:
        """See Translator."""
        features = [self.blocks(encoded[-1])]
        for layer in self.up:
            features.append(torch.relu_(layer(enlarge(features[-1]))))
        return features


NETWORKS: dict[str, type[Translator]] = {"unet": UNet, "resnet": ResNet}


def build(settings: TranslatorSettings, inputs: int, outputs: int) -> Translator:
    """The network with random weights, torch's own, channels last; ``inputs`` and ``outputs`` are channels."""
    options = settings.model_dump(exclude={"architecture", "levels", "width", "widest"})
    network = NETWORKS[settings.architecture](inputs, outputs, widths=settings.widths, **options)
    return network.to(memory_format=torch.channels_last)
