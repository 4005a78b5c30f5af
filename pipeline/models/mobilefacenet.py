"""MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification (Chen et al., 2018).

Table 1 of the paper for faces of 112 pixels; smaller faces take the same stages on smaller maps, for which the first
stride is a parameter, and the width multiplies all channels but the embedding's. It has no attention maps.
"""

from __future__ import annotations

from torch import Tensor, nn

from pipeline.models.resnext import Inside

# Expansion, channels, blocks, stride of the first block (table 1, rows 3 to 7).
STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm, PReLU; the side becomes side / stride, rounded up."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.PReLU(outputs),
    )


class InvertedResidual(nn.Module):
    """1x1 expand, 3x3 depthwise (stride), 1x1 project without activation; a shortcut where shapes allow."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.branch = nn.Sequential(
            convolution(inputs, inner, 1),
            convolution(inner, inner, 3, stride, groups=inner),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.add = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H/stride, W/stride)."""
        return features + self.branch(features) if self.add else self.branch(features)


class MobileFaceNet(nn.Module):
    """Faces (B, channels, size, size) in [-1, 1] to embeddings (B, embedding), not normalised."""

    stage_ends: tuple[int, ...] = ()  # no block has an attention map

    def __init__(self, *, image_size: int, channels: int, stem_stride: int, width: float, embedding: int) -> None:
        super().__init__()
        scaled = lambda count: max(8, round(count * width / 8) * 8)  # noqa: E731, multiples of 8 run fastest
        inputs, side = scaled(64), -(-image_size // stem_stride)
        self.stem = nn.Sequential(
            convolution(channels, inputs, 3, stem_stride), convolution(inputs, inputs, 3, groups=inputs)
        )
        stages = []
        for expansion, count, blocks, stride in STAGES:
            stage = []
            for position in range(blocks):
                step = stride if position == 0 else 1
                stage.append(InvertedResidual(inputs, scaled(count), stride=step, expansion=expansion))
                inputs = scaled(count)
            side = -(-side // stride)
            stages.append(nn.Sequential(*stage))
        self.stages = nn.ModuleList(stages)
        self.head = nn.Sequential(
            convolution(inputs, scaled(512), 1),
            # A global depthwise convolution weighs each place of the map, where an average would not.
            nn.Conv2d(scaled(512), scaled(512), side, groups=scaled(512), bias=False),
            nn.BatchNorm2d(scaled(512)),
            nn.Flatten(),
            nn.Linear(scaled(512), embedding, bias=False),
            nn.BatchNorm1d(embedding),
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, faces: Tensor) -> Tensor:
        """(B, channels, size, size) in [-1, 1] -> (B, embedding)."""
        return self.look_inside(faces).embedding

    def look_inside(self, faces: Tensor) -> Inside:
        """As forward, with the features of every stage; the lists of attention maps are empty."""
        features = self.stem(faces)
        outputs = []
        for stage in self.stages:
            features = stage(features)
            outputs.append(features)
        return Inside(self.head(features), [], [], outputs)
