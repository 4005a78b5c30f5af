"""Wide Residual Networks (Zagoruyko, Komodakis, BMVC 2016), WRN-depth-width, as RepDistiller has them."""

from __future__ import annotations

from torch import Tensor, nn

from pipeline.models.staged import StagedClassifier, convolution, initialise


class Block(nn.Module):
    """Pre-activation: ``shortcut + conv dropout relu BN conv relu BN F``.

    Where the width changes, the shortcut is a 1x1 convolution of the activated input, else the input itself.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True))
        self.branch = nn.Sequential(
            convolution(inputs, outputs, stride=stride),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            convolution(outputs, outputs),
        )
        self.shortcut = None if inputs == outputs else convolution(inputs, outputs, 1, stride)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        active = self.before(features)
        return self.branch(active) + (features if self.shortcut is None else self.shortcut(active))


class WideResNet(StagedClassifier):
    """The stages' sides are 1, 1/2 and 1/4 of the picture's; their outputs come before batch norm and activation."""

    def __init__(
        self, image_size: int, channels: int, classes: int, *, depth: int, width: int, dropout: float = 0.0
    ) -> None:
        stages, inputs = [], 16
        for number, outputs in enumerate((16 * width, 32 * width, 64 * width)):
            blocks = []
            for position in range((depth - 4) // 6):
                blocks.append(Block(inputs, outputs, 2 if number and not position else 1, dropout))
                inputs = outputs
            stages.append(nn.Sequential(*blocks))
        tail = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True))
        super().__init__(convolution(channels, 16), stages, tail, inputs, classes)
        initialise(self)
        nn.init.zeros_(self.classifier.bias)
