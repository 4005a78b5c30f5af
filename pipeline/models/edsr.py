"""Enhanced Deep Residual Networks for Single Image Super-Resolution (Lim et al., CVPR Workshops 2017), EDSR."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from pipeline.models.upscaling import Upscaler, convolution


class Block(nn.Module):
    """``F + residual_scale * conv relu conv F``, without batch norm (figure 2c and section 3.3)."""

    def __init__(self, width: int, residual_scale: float) -> None:
        super().__init__()
        self.branch = nn.Sequential(convolution(width, width), nn.ReLU(inplace=True), convolution(width, width))
        self.residual_scale = residual_scale

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return features + self.residual_scale * self.branch(features)


class EDSR(Upscaler):
    """Residual blocks, a convolution, the long skip. A block counts as a group: taps count blocks."""

    def __init__(
        self, scale: int, channels: int, *, blocks: int, width: int, residual_scale: float, skip: str = "none"
    ) -> None:
        super().__init__(scale, channels, width=width, skip=skip)
        self.groups = nn.ModuleList(Block(width, residual_scale) for _ in range(blocks))
        self.body_tail = convolution(width, width)

    def body(self, shallow: Tensor) -> Iterator[Tensor]:
        """The output of every block, then of the convolution after the last."""
        deep = shallow
        for block in self.groups:
            deep = block(deep)
            yield deep
        yield self.body_tail(deep)
