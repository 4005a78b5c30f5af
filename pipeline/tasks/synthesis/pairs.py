"""Batches of photos and their sketches, and of faces, varied on the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import InputError
from pipeline.tasks.synthesis.params.variants import Augmentation


class Pictures:
    """uint8 arrays of as many square pictures (N, S, S, C), or (N, S, S) of grey pictures, memory-mapped or not.

    On a GPU they live there when they fit in half of it. Raises InputError where they differ in number or side.
    """

    def __init__(self, device: torch.device, **arrays: np.ndarray) -> None:
        for name, array in arrays.items():
            if array.dtype != np.uint8 or array.ndim not in (3, 4) or array.shape[1] != array.shape[2]:
                raise InputError(f"{name}: {array.dtype} {array.shape} found, expected uint8 (N, side, side, channels)")
        if len({array.shape[:2] for array in arrays.values()}) > 1:
            shapes = " and ".join(f"{name} {array.shape[:3]}" for name, array in arrays.items())
            raise InputError(f"{shapes} found, expected as many pictures of the same side")
        self.device = device
        self.arrays: dict[str, np.ndarray | Tensor] = {
            name: array if array.ndim == 4 else array[..., None] for name, array in arrays.items()
        }
        self.count, self.side = next(iter(arrays.values())).shape[:2]
        self.channels = {name: array.shape[3] for name, array in self.arrays.items()}
        if device.type == "cuda":
            free, _total = torch.cuda.mem_get_info(device)
            if sum(array.nbytes for array in arrays.values()) < free / 2:
                self.arrays = {name: torch.from_numpy(np.array(a)).to(device) for name, a in self.arrays.items()}

    def draw(self, name: str, rows: Tensor, places: tuple[Tensor, Tensor]) -> Tensor:
        """Pictures by number (B,), varied, as (B, C, S, S) float32 in 0..1 on the device."""
        array = self.arrays[name]
        if isinstance(array, Tensor):
            pixels = array[rows.to(array.device)]
        else:
            pixels = torch.from_numpy(array[rows.numpy()]).to(self.device, non_blocking=True)
        return vary(pixels, *places).permute(0, 3, 1, 2).float() / 255


def draw_places(count: int, side: int, settings: Augmentation, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """For each of ``count`` pictures, which row and which column goes to each place: two (count, side) of 0..side -
    1.

    Shifted by up to ``settings.shift`` pixels down and to the right, or up and to the left, the border repeated; then
    mirrored or not. The same numbers are drawn whatever the settings.
    """
    shifts = torch.randint(-settings.shift, settings.shift + 1, (2, count, 1), generator=rng)
    mirrored = (torch.rand(count, 1, generator=rng) < 0.5) & settings.mirror
    rows, columns = (torch.arange(side) + shifts).clamp(0, side - 1)
    return rows, torch.where(mirrored, columns.flip(1), columns)


def vary(pixels: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Pictures (B, S, S, C), each with its own order of rows and columns (B, S), see draw_places."""
    rows, columns = rows.to(pixels.device), columns.to(pixels.device)
    numbers = torch.arange(len(pixels), device=pixels.device)
    return pixels[numbers[:, None, None], rows[:, :, None], columns[:, None, :]]


def numbers_of(count: int, chosen: Sequence[int] | np.ndarray | None, what: str) -> Tensor:
    """The chosen numbers (N,), all where None. Raises InputError where a number is beyond ``count``."""
    if chosen is None:
        return torch.arange(count)
    numbers = torch.as_tensor(np.asarray(chosen), dtype=torch.long)
    if not len(numbers) or numbers.min() < 0 or numbers.max() >= count:
        raise InputError(f"{what}: found {len(numbers)} chosen of {count}, expected one or more from 0 to {count - 1}")
    return numbers
