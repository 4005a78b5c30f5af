"""As the code of A-SKD has it: every n-th pixel, enlarged by repeating pixels, then a Gaussian down the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.params.faces import Degraded

if TYPE_CHECKING:
    from torch import Tensor


class Settings(Degraded):
    """Nothing but the qualities."""

    method: Literal["nearest_gaussian"]


def smaller(faces: np.ndarray, factor: int, settings: Settings, first: int) -> np.ndarray:
    """Every ``factor``-th pixel from the first on, as torch's interpolate(mode="nearest"); nothing is drawn."""
    return np.ascontiguousarray(faces[:, ::factor, ::factor])


def larger(faces: Tensor, size: int) -> Tensor:
    """Nearest back to ``size``, then a Gaussian of 5 x 5 pixels, sigma 0.1 across and 2 down, borders mirrored.

    Across, the neighbours weigh exp(-50): nothing. Shapes and values as in pipeline.data.degradations.
    """
    import torch
    from torch.nn import functional

    if faces.shape[-1] == size:
        return faces.float()
    faces = functional.interpolate(faces.float(), (size, size), mode="nearest")
    weights = torch.exp(-(torch.arange(-2, 3, device=faces.device) ** 2) / (2 * 2.0**2))
    kernel = (weights / weights.sum()).view(1, 1, 5, 1).expand(faces.shape[1], 1, 5, 1)
    return functional.conv2d(functional.pad(faces, (0, 0, 2, 2), mode="reflect"), kernel, groups=faces.shape[1])
