"""Batches of faces at any quality, made on the device from memory-mapped arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.data.arrays import open_faces
from pipeline.data.degradation import NOTE
from pipeline.errors import InputError
from pipeline.files import read_json
from pipeline.params.loading import Settings, validate


def upsample(faces: Tensor, size: int) -> Tensor:
    """Bicubic back to ``size``: (B, C, h, w) in [0, 255] -> (B, C, size, size), float32, clamped to [0, 255].

    ``antialias=True`` selects the kernel with a = -0.5, that of Pillow and MATLAB; torch's other one has -0.75.
    """
    if faces.shape[-1] == size:
        return faces.float()
    return functional.interpolate(faces.float(), (size, size), mode="bicubic", antialias=True).clamp(0, 255)


def upsample_as_askd(faces: Tensor, size: int) -> Tensor:
    """Nearest back to ``size``, then a Gaussian of 5 x 5 pixels, sigma 0.1 across and 2 down, as A-SKD's code has it.

    Across, the neighbours weigh exp(-50): nothing. Borders are mirrored. Shapes and values as ``upsample``.
    """
    if faces.shape[-1] == size:
        return faces.float()
    faces = functional.interpolate(faces.float(), (size, size), mode="nearest")
    weights = torch.exp(-(torch.arange(-2, 3, device=faces.device) ** 2) / (2 * 2.0**2))
    kernel = (weights / weights.sum()).view(1, 1, 5, 1).expand(faces.shape[1], 1, 5, 1)
    return functional.conv2d(functional.pad(faces, (0, 0, 2, 2), mode="reflect"), kernel, groups=faces.shape[1])


# How the arrays of each degradation come back to full size.
UPSAMPLING = {"bicubic": upsample, "nearest_gaussian": upsample_as_askd, "camera": upsample}


class Note(Settings):
    """What ``degrade`` says of its arrays."""

    method: Literal["bicubic", "nearest_gaussian", "camera"]
    seed: int


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
        self.upsample = upsample
        if any(quality > 1 for quality in qualities):
            note = validate(Note, read_json(degraded / NOTE), "", degraded / NOTE)
            self.upsample = UPSAMPLING[note.method]
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
            raise InputError(f"{index}: {rows} rows, expected {self.count}, one a face of {self.sharp}")

    def check_network(self, network: Path, size: int, channels: int) -> None:
        """Refuse a network that was made for other faces. Raises InputError naming both files."""
        if (size, channels) != (self.size, self.channels):
            raise InputError(
                f"{network}: made for faces of {size} pixels a side and {channels} channels, expected"
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
