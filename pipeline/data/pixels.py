"""Batches of faces at any quality, made on the device from memory-mapped arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.data.arrays import open_faces
from pipeline.data.degradation import way_back
from pipeline.data.degradations.bicubic import larger
from pipeline.errors import InputError


def normalise(faces: Tensor) -> Tensor:
    """[0, 255] -> [-1, 1], channels last, which convolutions prefer."""
    return (faces / 127.5 - 1).contiguous(memory_format=torch.channels_last)


class QualityArrays:
    """The faces at each quality, at their own size; on a GPU the arrays live there when they fit in half of it.

    ``sharp`` is the .npy of faces (N, S, S, C); ``degraded`` the folder with x2.npy, x4.npy, ... or None.
    """

    def __init__(self, sharp: Path, degraded: Path | None, qualities: Sequence[int], device: torch.device) -> None:
        self.device, self.sharp = device, sharp
        self.arrays: dict[int, np.ndarray | Tensor] = {}
        for quality in qualities:
            if quality > 1 and degraded is None:
                raise InputError(f"quality x{quality} is asked for, expected a folder of degraded faces")
            self.arrays[quality] = open_faces(sharp if quality == 1 else degraded / f"x{quality}.npy")
        self.upsample = way_back(degraded) if any(quality > 1 for quality in qualities) else larger
        reference = open_faces(sharp)
        self.count, self.size, _, self.channels = reference.shape
        for quality, array in self.arrays.items():
            expected = (self.count, self.size // quality, self.size // quality, self.channels)
            if array.shape != expected:
                name = sharp if quality == 1 else degraded / f"x{quality}.npy"
                raise InputError(f"{name}: x{quality} holds {array.shape}, expected {expected}")
        if device.type == "cuda":
            free, _total = torch.cuda.mem_get_info(device)
            if sum(array.nbytes for array in self.arrays.values()) < free / 2:
                self.arrays = {q: torch.from_numpy(np.array(a)).to(device) for q, a in self.arrays.items()}

    def check_index(self, index: Path, rows: int) -> None:
        """Refuse an index of more or fewer faces than there are. Raises InputError naming both files."""
        if rows != self.count:
            raise InputError(f"{index}: {rows} rows, expected {self.count}, one per face of {self.sharp}")

    def check_network(self, network: Path, size: int, channels: int) -> None:
        """Refuse a network that was made for other faces. Raises InputError naming both files."""
        if (size, channels) != (self.size, self.channels):
            raise InputError(
                f"{network}: made for faces of {size} pixels per side and {channels} channels, expected"
                f" {self.size} and {self.channels}, as {self.sharp} has"
            )

    def pixels(self, quality: int, faces: Tensor) -> Tensor:
        """Faces by number (B,) -> uint8 (B, C, S/quality, S/quality) on the device."""
        array = self.arrays[quality]
        if isinstance(array, Tensor):
            rows = array[faces.to(array.device)]
        else:
            rows = torch.from_numpy(array[faces.numpy()]).to(self.device, non_blocking=True)
        return rows.permute(0, 3, 1, 2)

    def batch(self, faces: Tensor, qualities: Tensor, flips: Tensor) -> Tensor:
        """Network input (B, C, S, S) in [-1, 1] for faces (B,), each at its own quality (B,) and mirrored or not.

        ``flips`` (B,) is bool. All three are on the CPU; the result is on the device.
        """
        result = torch.empty(len(faces), self.channels, self.size, self.size, device=self.device)
        for quality in qualities.unique().tolist():
            places = (qualities == quality).nonzero()[:, 0]
            result[places.to(self.device)] = self.upsample(self.pixels(quality, faces[places]), self.size)
        mirrored = flips.to(self.device).view(-1, 1, 1, 1)
        return normalise(torch.where(mirrored, result.flip(3), result))
