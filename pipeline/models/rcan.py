"""Image Super-Resolution Using Very Deep Residual Channel Attention Networks (Zhang et al., ECCV 2018), RCAN."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.upscaling import Upscaler, convolution


class ChannelAttention(nn.Module):
    """``F * sigmoid(W_2 relu(W_1 mean_hw F))``, W_1 to width // reduction units (equations 8 to 10)."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        hidden = width // reduction
        self.gate = nn.Sequential(
            convolution(width, hidden, 1), nn.ReLU(inplace=True), convolution(hidden, width, 1), nn.Sigmoid()
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> the same, each channel weighed by a number in 0..1."""
        return features * self.gate(functional.adaptive_avg_pool2d(features, 1))


class Block(nn.Module):
    """Residual channel attention block: ``F + CA(conv relu conv F)`` (equation 11)."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            convolution(width, width),
            nn.ReLU(inplace=True),
            convolution(width, width),
            ChannelAttention(width, reduction),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return features + self.branch(features)


class Group(nn.Module):
    """Residual group: blocks, a convolution, a short skip (equation 6)."""

    def __init__(self, blocks: int, width: int, reduction: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(*(Block(width, reduction) for _ in range(blocks)), convolution(width, width))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return features + self.branch(features)


class RCAN(Upscaler):
    """Residual in residual: groups, a convolution, the long skip."""

    def __init__(
        self, scale: int, channels: int, *, groups: int, blocks: int, width: int, reduction: int, skip: str = "none"
    ) -> None:
        super().__init__(scale, channels, width=width, skip=skip)
        self.groups = nn.ModuleList(Group(blocks, width, reduction) for _ in range(groups))
        self.body_tail = convolution(width, width)

    def body(self, shallow: Tensor) -> Iterator[Tensor]:
        """The output of every group, then of the convolution after the last."""
        deep = shallow
        for group in self.groups:
            deep = group(deep)
            yield deep
        yield self.body_tail(deep)
