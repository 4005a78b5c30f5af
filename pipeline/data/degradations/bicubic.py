"""Fewer pixels, by antialiased bicubic interpolation: the protocol of A-SKD's paper and of super-resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from pipeline.params.faces import Degraded

if TYPE_CHECKING:
    from torch import Tensor


class Settings(Degraded):
    """Nothing but the qualities."""

    method: Literal["bicubic"]


def shrink(faces: np.ndarray, factor: int) -> np.ndarray:
    """Antialiased bicubic: the kernel (a = -0.5) is stretched by ``factor``, as in MATLAB's imresize but for the
    border.

    Pillow computes it in integer fixed point, along rows, then along columns, rounded to 8 bits between: the
    same bytes on every machine. At the border it leaves out what MATLAB mirrors: docs/differences.md has the grey
    levels. uint8 (N, H, W, C) to uint8 (N, H/factor, W/factor, C).
    """
    count, height, width, channels = faces.shape
    size = (width // factor, height // factor)
    small = np.empty((count, size[1], size[0], channels), np.uint8)
    for face, out in zip(faces, small, strict=True):
        if channels == 3:
            out[...] = Image.fromarray(np.ascontiguousarray(face)).resize(size, Image.Resampling.BICUBIC)
            continue
        for channel in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(face[..., channel]))
            out[..., channel] = plane.resize(size, Image.Resampling.BICUBIC)
    return small


def smaller(faces: np.ndarray, factor: int, settings: Settings, first: int) -> np.ndarray:
    """See pipeline.data.degradations; nothing is drawn."""
    return shrink(faces, factor)


def larger(faces: Tensor, size: int) -> Tensor:
    """Bicubic back to ``size``: (B, C, h, w) in [0, 255] -> (B, C, size, size), float32, clamped to [0, 255].

    ``antialias=True`` selects the kernel with a = -0.5, that of Pillow and MATLAB; torch's other kernel has -0.75.
    """
    from torch.nn import functional

    if faces.shape[-1] == size:
        return faces.float()
    return functional.interpolate(faces.float(), (size, size), mode="bicubic", antialias=True).clamp(0, 255)
