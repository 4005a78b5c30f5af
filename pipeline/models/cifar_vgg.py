"""Very Deep Convolutional Networks (Simonyan, Zisserman, ICLR 2015), VGG with batch norm, for small pictures.

As RepDistiller has them: five blocks, a mean over places and one linear layer in place of the three of the paper.
"""

from __future__ import annotations

from torch import nn

from pipeline.models.staged import StagedClassifier, initialise

CONVOLUTIONS = {8: (1, 1, 1, 1, 1), 11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3)}  # a block, by depth
WIDTHS = (64, 128, 256, 512, 512)
LARGE = 64  # pixels per side from which on the last block's input is pooled too


class VGG(StagedClassifier):
    """The stem is the first block; the stages' sides are 1/2, 1/4, 1/8, and 1/8 again, 1/16 from 64 pixels on."""

    def __init__(self, image_size: int, channels: int, classes: int, *, depth: int, width: float = 1.0) -> None:
        blocks, inputs = [], channels
        for number, (count, published) in enumerate(zip(CONVOLUTIONS[depth], WIDTHS, strict=True)):
            pooled = number and (number < 4 or image_size >= LARGE)
            layers: list[nn.Module] = [nn.MaxPool2d(2)] if pooled else []
            outputs = max(1, round(published * width))
            for _ in range(count):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
                inputs = outputs
            blocks.append(nn.Sequential(*layers))
        super().__init__(blocks[0], blocks[1:], nn.Identity(), inputs, classes)
        initialise(self, linear=0.01)
