"""Learned 1x1 convolutions between a student's features and a teacher's, as the regressors of FitNets (ICLR 2015)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


class Adaptors(nn.Module):
    """An adaptor by name, each from the student's width to the teacher's; needed for learning alone."""

    def __init__(self, widths: Mapping[str, tuple[int, int]]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Conv2d(*pair, 1) for name, pair in widths.items()})

    def forward(self, name: str, features: Tensor) -> Tensor:
        """(B, C of the student, H, W) -> (B, C of the teacher, H, W)."""
        return self.layers[name](features)
