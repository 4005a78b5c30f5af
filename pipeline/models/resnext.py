"""ResNeXt (Xie et al., CVPR 2017) with CBAM in every block and a face-embedding head.

After the network of "Knowledge Distillation Based Algorithm for Low Quality Face Image Recognition" (2025),
whose depth, cardinality and widths are not public: they are parameters here, chosen by this project. The
stem (3x3, no max-pooling) and the head (BN, dropout, FC, BN) follow the IR-ResNet of A-SKD.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from pipeline.models.cbam import CBAM


class Inside(NamedTuple):
    """What a network made of faces. Maps: one per block, before the sigmoid. Features: one per stage, its last output."""

    embedding: Tensor  # (B, embedding)
    channel_maps: list[Tensor]  # (B, C_l)
    spatial_maps: list[Tensor]  # (B, H_l, W_l)
    features: list[Tensor]  # (B, C_s, H_s, W_s)


class Bottleneck(nn.Module):
    """1x1 reduce, 3x3 grouped (stride), 1x1 expand, CBAM, added to the shortcut, ReLU."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int, cardinality: int, group_width: int, reduction: int, kernel: int
    ) -> None:
        super().__init__()
        inner = cardinality * group_width
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=cardinality, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.attention = CBAM(outputs, reduction, kernel)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) -> features (B, C', H/stride, W/stride), channel map (B, C'), spatial map."""
        weighted, channel, spatial = self.attention(self.branch(features))
        return self.activation(weighted + self.shortcut(features)), channel, spatial


class ResNeXtCBAM(nn.Module):
    """Faces (B, channels, size, size) in [-1, 1] to embeddings (B, embedding), not normalised."""

    def __init__(
        self,
        *,
        image_size: int,
        channels: int,
        stem_width: int,
        stem_stride: int,
        depths: Sequence[int],
        widths: Sequence[int],
        cardinality: int,
        group_widths: Sequence[int],
        reduction: int,
        attention_kernel: int,
        embedding: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, stem_width, 3, stem_stride, 1, bias=False),
            nn.BatchNorm2d(stem_width),
            nn.ReLU(inplace=True),
        )
        blocks: list[Bottleneck] = []
        self.stage_ends: list[int] = []  # index of each stage's last block, for attention pictures
        inputs, side = stem_width, -(-image_size // stem_stride)
        for depth, width, group_width in zip(depths, widths, group_widths, strict=True):
            for position in range(depth):
                blocks.append(
                    Bottleneck(
                        inputs,
                        width,
                        stride=2 if position == 0 else 1,
                        cardinality=cardinality,
                        group_width=group_width,
                        reduction=reduction,
                        kernel=attention_kernel,
                    )
                )
                inputs = width
            side = -(-side // 2)
            self.stage_ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(inputs * side * side, embedding),
            nn.BatchNorm1d(embedding),
        )
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for block in self.blocks:
            # Each block starts near its shortcut, which lets short schedules start at a high learning rate.
            nn.init.constant_(block.branch[-1].weight, 0.2)

    def forward(self, faces: Tensor) -> Tensor:
        """(B, channels, size, size) in [-1, 1] -> (B, embedding)."""
        return self.look_inside(faces).embedding

    def look_inside(self, faces: Tensor) -> Inside:
        """As forward, with the attention maps of every block and the features of every stage."""
        features = self.stem(faces)
        channel_maps, spatial_maps, outputs = [], [], []
        for block in self.blocks:
            features, channel, spatial = block(features)
            channel_maps.append(channel)
            spatial_maps.append(spatial)
            outputs.append(features)
        return Inside(self.head(features), channel_maps, spatial_maps, [outputs[end] for end in self.stage_ends])


def parameters_of(model: nn.Module) -> int:
    """Number of learnable values."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


__all__ = ["Bottleneck", "Inside", "ResNeXtCBAM", "parameters_of"]
