"""Deep Residual Learning for Image Recognition (He et al., CVPR 2016), section 4.2: ResNets for pictures of 32 pixels.

As RepDistiller has them: a 3x3 stem, three stages of n blocks, 1x1 convolutions with batch norm where a shortcut
changes shape. resnet8x4 and resnet32x4 are the same four times as wide from the first stage on.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from pipeline.models.staged import StagedClassifier, convolution, initialise


class Block(nn.Module):
    """``relu(shortcut(F) + BN conv relu BN conv F)``, 3x3 convolutions, the stride in the first."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            convolution(inputs, outputs, stride=stride),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            convolution(outputs, outputs),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        return self.activation(self.branch(features) + self.shortcut(features))


class CifarResNet(StagedClassifier):
    """The stages' sides are 1, 1/2 and 1/4 of the picture's."""

    def __init__(
        self, image_size: int, channels: int, classes: int, *, depth: int, stem_width: int, widths: Sequence[int]
    ) -> None:
        stem = nn.Sequential(convolution(channels, stem_width), nn.BatchNorm2d(stem_width), nn.ReLU(inplace=True))
        stages, inputs = [], stem_width
        for number, width in enumerate(widths):
            blocks = []
            for position in range((depth - 2) // 6):
                blocks.append(Block(inputs, width, stride=2 if number and not position else 1))
                inputs = width
            stages.append(nn.Sequential(*blocks))
        super().__init__(stem, stages, nn.Identity(), inputs, classes)
        initialise(self)
