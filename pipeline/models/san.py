"""Second-Order Attention Network for Single Image Super-Resolution (Dai et al., CVPR 2019), SAN.

After the authors' code, from which it differs in this: what that code builds and never uses (a convolution after the
body, an attention in the non-local module, a factor in every group: 38,044 values at width 64) is left out, so there
are 15.82 M parameters where 15.86 M are published; the covariance has a little noise on its diagonal, without which a
constant map gives NaN, and takes in the whole map, where the code crops those above 1,000 pixels; positions attend
in the fused form, which never holds the matrix of all pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.second_order import second_order_statistics
from pipeline.models.upscaling import Upscaler, convolution


class SecondOrderAttention(nn.Module):
    """``F * sigmoid(W_2 relu(W_1 z))``, z the column means of the root of the channels' covariance (section 3.3)."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        hidden = width // reduction
        self.gate = nn.Sequential(
            convolution(width, hidden, 1), nn.ReLU(inplace=True), convolution(hidden, width, 1), nn.Sigmoid()
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> the same, each channel weighed by a number in 0..1."""
        return features * self.gate(second_order_statistics(features)[:, :, None, None]).to(features.dtype)


class NonLocal(nn.Module):
    """Region-level non-local module (section 3.2): every position attends to its quarter of the map.

    ``F + W sum_j softmax_j(theta_i . phi_j) g_j`` (embedded Gaussian, width / 4 inner channels); W starts at zero. The
    sum runs over the quarter in fields of 2 x 2, of which phi and g are the maxima: so the authors' code has it, though
    the paper does not say it. An odd last row or column is left out, as there, unless it is all there is.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(width // 4, 1)
        self.embed = nn.ModuleDict({name: convolution(width, inner, 1) for name in ("theta", "phi", "g")})
        self.project = convolution(inner, width, 1)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W). The quarters need not be of equal size; of a single row there are two."""
        height, width = features.shape[2:]
        embedded = [self.embed[name](features) for name in ("theta", "phi", "g")]
        bands = []
        for rows in (slice(0, height // 2), slice(height // 2, height)):
            parts = []
            for columns in (slice(0, width // 2), slice(width // 2, width)):
                region = [values[:, :, rows, columns] for values in embedded]
                if region[0].numel():
                    field = [min(side, 2) for side in region[0].shape[2:]]
                    region[1:] = [functional.max_pool2d(part, field) for part in region[1:]]
                    query, key, value = (part.flatten(2).transpose(1, 2).unsqueeze(1) for part in region)
                    attended = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
                    parts.append(attended[:, 0].transpose(1, 2).reshape(region[0].shape))
            if parts:
                bands.append(torch.cat(parts, dim=3))
        return features + self.project(torch.cat(bands, dim=2))


class Block(nn.Module):
    """``F + conv relu conv F``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(convolution(width, width), nn.ReLU(inplace=True), convolution(width, width))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return features + self.branch(features)


class Group(nn.Module):
    """Local-source residual attention group: blocks, second-order attention, a convolution, a skip (section 3.2)."""

    def __init__(self, blocks: int, width: int, reduction: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *(Block(width) for _ in range(blocks)), SecondOrderAttention(width, reduction), convolution(width, width)
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return features + self.branch(features)


class SAN(Upscaler):
    """One non-local module before the groups and, the same weights, after them; the long skip.

    Share-source skip: every group's output gains ``gamma`` times the input of the first, gamma learned from zero.
    """

    def __init__(
        self, scale: int, channels: int, *, groups: int, blocks: int, width: int, reduction: int, skip: str = "none"
    ) -> None:
        super().__init__(scale, channels, width=width, skip=skip)
        self.non_local = NonLocal(width)
        self.groups = nn.ModuleList(Group(blocks, width, reduction) for _ in range(groups))
        self.gamma = nn.Parameter(torch.zeros(1))

    def body(self, shallow: Tensor) -> Iterator[Tensor]:
        """The output of every group with its share of the source, then of the non-local module."""
        source = deep = self.non_local(shallow)
        for group in self.groups:
            deep = group(deep) + self.gamma * source
            yield deep
        yield self.non_local(deep)
