"""Batches of patches, turned and mirrored on the device: small patches and the large patches they were made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.data.patches import open_patches


class PatchArrays:
    """The patches in a folder that pipeline.data.patches.cut wrote; on a GPU they live there when they fit in half of it."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        small, large, self.scale = open_patches(folder)
        self.count, _, _, self.channels = small.shape
        self.device, self.arrays = device, (small, large)
        if device.type == "cuda":
            free, _total = torch.cuda.mem_get_info(device)
            if small.nbytes + large.nbytes < free / 2:
                self.arrays = tuple(torch.from_numpy(np.array(a)).to(device) for a in self.arrays)

    def batch(self, rows: Tensor, rng: torch.Generator, places: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Patches by number (B,), each in one of its eight positions: float (B, C, p, p) and (B, C, s p, s p) in 0..255.

        All positions are drawn, and those patches given that are at ``places`` of the batch: by default all.
        """
        positions = torch.rand(3, len(rows), generator=rng) < 0.5
        if places is not None:
            rows, positions = rows[places], positions[:, places]
        return tuple(turn(self._pixels(array, rows), positions.to(self.device)) for array in self.arrays)

    def _pixels(self, array: np.ndarray | Tensor, rows: Tensor) -> Tensor:
        if isinstance(array, Tensor):
            pixels = array[rows.to(array.device)]
        else:
            pixels = torch.from_numpy(array[rows.numpy()]).to(self.device, non_blocking=True)
        return pixels.permute(0, 3, 1, 2).float()


def turn(patches: Tensor, positions: Tensor) -> Tensor:
    """Square patches (B, C, S, S), each mirrored left to right, top to bottom and transposed where the three rows of
    ``positions``, bool (3, B), say so: all eight symmetries of the square."""
    across, down, transposed = positions[:, :, None, None, None]
    patches = torch.where(across, patches.flip(3), patches)
    patches = torch.where(down, patches.flip(2), patches)
    return torch.where(transposed, patches.transpose(2, 3), patches)
