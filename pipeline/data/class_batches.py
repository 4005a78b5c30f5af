"""Batches of pictures with their classes, cropped, mirrored and normalised on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.errors import InputError
from pipeline.params.classes import Pictures


class ClassBatches:
    """uint8 pictures (N, H, W, C), memory-mapped or not, and labels (N,) from 0 to classes - 1.

    On a GPU the pictures live there when they fit in half of it. Raises InputError, beginning with ``name``, where
    pictures, labels and settings do not fit.
    """

    def __init__(
        self,
        pictures: np.ndarray,
        labels: np.ndarray,
        classes: int,
        settings: Pictures,
        device: torch.device,
        name: str,
    ) -> None:
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or not pictures.size:
            kind = f"{pictures.dtype} {pictures.shape}"
            raise InputError(f"{name}: {kind} found, expected uint8 (pictures, height, width, channels)")
        self.count, height, width, self.channels = pictures.shape
        if height != width:
            raise InputError(f"{name}: pictures of {height} x {width} pixels, expected squares")
        if labels.shape != (self.count,) or labels.dtype.kind not in "iu":
            kind = f"{labels.dtype} {labels.shape}"
            raise InputError(f"{name}: labels are {kind}, expected whole numbers ({self.count},), one per picture")
        if labels.min() < 0 or labels.max() >= classes:
            kind = f"{labels.min()} to {labels.max()}"
            raise InputError(f"{name}: labels are {kind}, expected 0 to {classes - 1}, as there are {classes} classes")
        if len(settings.mean) != self.channels:
            raise InputError(
                f"{name}: pictures have {self.channels} channels, expected {len(settings.mean)}, as mean and std have"
            )
        self.size, self.classes, self.settings, self.device = height, classes, settings, device
        self.labels = torch.from_numpy(np.array(labels, dtype=np.int64))
        self.pictures: np.ndarray | Tensor = pictures
        if device.type == "cuda":
            free, _total = torch.cuda.mem_get_info(device)
            if pictures.nbytes < free / 2:
                self.pictures = torch.from_numpy(np.array(pictures)).to(device)

    def batch(self, rows: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pictures by number (B,), each moved and mirrored at random: float (B, C, S, S), channels last, and labels."""
        padding = self.settings.padding
        corners = torch.randint(2 * padding + 1, (2, len(rows)), generator=rng)
        flips = torch.rand(len(rows), generator=rng) < (0.5 if self.settings.flip else 0.0)
        if isinstance(self.pictures, Tensor):
            pixels = self.pictures[rows.to(self.device)]
        else:
            pixels = torch.from_numpy(self.pictures[rows.numpy()]).to(self.device)
        moved = crop(pixels, corners.to(self.device), flips.to(self.device), padding)
        return normalise(moved, self.settings), self.labels[rows].to(self.device)


def crop(pixels: Tensor, corners: Tensor, flips: Tensor, padding: int) -> Tensor:
    """uint8 (B, S, S, C) -> the same shape, cut out of the picture with ``padding`` black pixels around it.

    ``corners`` (2, B) are the row and the column to begin at, 0 to 2 padding; flips (B,) mirror left to right.
    """
    count, size = pixels.shape[:2]
    padded = functional.pad(pixels, (0, 0, padding, padding, padding, padding))
    along = torch.arange(size, device=pixels.device)
    across = torch.where(flips[:, None], size - 1 - along, along)
    rows, columns = corners[0][:, None] + along, corners[1][:, None] + across
    return padded[torch.arange(count, device=pixels.device)[:, None, None], rows[:, :, None], columns[:, None, :]]


def normalise(pixels: Tensor, settings: Pictures) -> Tensor:
    """uint8 (B, S, S, C) -> float (B, C, S, S), channels last: (pixel / 255 - mean) / std."""
    mean, std = (torch.tensor(of, device=pixels.device) for of in (settings.mean, settings.std))
    return ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2)
