"""CBAM: Convolutional Block Attention Module (Woo et al., ECCV 2018), channel attention, then spatial.

Both maps are returned before the sigmoid: A-SKD ("Teaching Where to Look", ECCV 2022) compares them there,
where a saturated gate still says how sure it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class CBAM(nn.Module):
    """Weigh a feature map by what is in it (channels) and where (positions).

    channel: ``C = MLP(avgpool F) + MLP(maxpool F)``, a shared two-layer MLP with reduction r, no bias;
    ``F' = sigmoid(C) * F``. spatial: ``S = conv_k([mean_c F'; max_c F'])``; output ``sigmoid(S) * F'``.
    """

    def __init__(self, channels: int, reduction: int, kernel: int) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.squeeze = nn.Linear(channels, hidden, bias=False)
        self.excite = nn.Linear(hidden, channels, bias=False)
        self.spatial = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) -> weighted features (B, C, H, W), channel map (B, C), spatial map (B, H, W)."""
        # Means as matrix products and maxima by pooling: the plain mean() and amax() cost 4 to 10 times as much
        # in training on a CPU (amax's backward counts ties over the whole map).
        batch, channels, height, width = features.shape
        rows = features.permute(0, 2, 3, 1).flatten(1, 2)  # (B, HW, C): a view when channels come last
        mean = (rows.new_full((1, height * width), 1 / (height * width)) @ rows)[:, 0]
        pooled = torch.stack([mean, functional.adaptive_max_pool2d(features, 1).flatten(1)])
        channel = self.excite(torch.relu(self.squeeze(pooled))).sum(0)
        features = features * torch.sigmoid(channel).view(batch, channels, 1, 1)
        rows = features.permute(0, 2, 3, 1)
        mean = rows @ rows.new_full((channels,), 1 / channels)
        spatial = self.spatial(torch.stack([mean, rows.max(-1).values], dim=1))
        return features * torch.sigmoid(spatial), channel, spatial[:, 0]
