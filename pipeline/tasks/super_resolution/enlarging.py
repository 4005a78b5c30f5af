"""Pictures through a network of super-resolution, whatever their channels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pipeline.models.super_resolution import Upscaler


@torch.inference_mode()
def enlarge(network: Upscaler, small: Tensor) -> Tensor:
    """(B, C, h, w) in 0..255 -> (B, C, s h, s w), float32 in 0..255, for C that need not be the network's.

    A colour network sees a grey picture three times over, and its answers are averaged; a grey network sees each
    colour as a separate picture.
    """
    channels = small.shape[1]
    if channels == network.channels:
        result = network(small.float())
    elif channels == 1:
        result = network(small.float().expand(-1, network.channels, -1, -1)).mean(dim=1, keepdim=True)
    else:
        result = network(small.float().flatten(0, 1)[:, None]).unflatten(0, (len(small), channels))[:, :, 0]
    return result.clamp(0, 255)


def enlarge_picture(network: Upscaler, small: np.ndarray, device: torch.device) -> np.ndarray:
    """uint8 (h, w, C) -> uint8 (s h, s w, C), rounded, as a picture would be stored."""
    pixels = torch.from_numpy(np.array(small)).to(device).permute(2, 0, 1)[None]
    return enlarge(network, pixels)[0].round().byte().permute(1, 2, 0).cpu().numpy()
