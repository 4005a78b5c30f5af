"""MobileNetV2: Inverted Residuals and Linear Bottlenecks (Sandler et al., CVPR 2018), for small pictures.

As RepDistiller has it: the paper's table 2 with plain ReLUs, without dropout, one stride of 2 less (the second
row's). The papers on distillation take expansion 6 and half the width.
"""

from __future__ import annotations

from torch import Tensor, nn

from pipeline.models.staged import StagedClassifier, convolution, initialise

# Expansion (None: the network's), channels, blocks, stride of the first; a list per stage.
STAGES = (
    ((1, 16, 1, 1), (None, 24, 2, 1)),
    ((None, 32, 3, 2),),
    ((None, 64, 4, 2), (None, 96, 3, 1)),
    ((None, 160, 3, 2), (None, 320, 1, 1)),
)


def activated(inputs: int, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1) -> list[nn.Module]:
    """Convolution, batch norm, ReLU."""
    return [convolution(inputs, outputs, kernel, stride, groups=groups), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


class InvertedResidual(nn.Module):
    """1x1 expand, 3x3 depthwise (stride), 1x1 project without activation; a shortcut where shapes allow."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.branch = nn.Sequential(
            *activated(inputs, inner, 1),
            *activated(inner, inner, 3, stride, groups=inner),
            convolution(inner, outputs, 1),
            nn.BatchNorm2d(outputs),
        )
        self.add = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        return features + self.branch(features) if self.add else self.branch(features)


class MobileNetV2(StagedClassifier):
    """The stages' sides are 1/2, 1/4, 1/8 and 1/16 of the picture's."""

    def __init__(self, image_size: int, channels: int, classes: int, *, expansion: int, width: float) -> None:
        inputs = max(1, int(32 * width))
        stem = nn.Sequential(*activated(channels, inputs, 3, 2))
        stages = []
        for rows in STAGES:
            blocks = []
            for fixed, published, count, stride in rows:
                outputs = max(1, int(published * width))
                for position in range(count):
                    step = 1 if position else stride
                    blocks.append(InvertedResidual(inputs, outputs, stride=step, expansion=fixed or expansion))
                    inputs = outputs
            stages.append(nn.Sequential(*blocks))
        last = int(1280 * max(width, 1.0))
        super().__init__(stem, stages, nn.Sequential(*activated(inputs, last, 1)), last, classes)
        initialise(self, linear=0.01)
