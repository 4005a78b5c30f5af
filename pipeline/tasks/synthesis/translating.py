"""What trained students make of arrays of photos and sketches."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import InputError
from pipeline.luma import LUMA

BATCH = 16


@torch.inference_mode()
def translate(network: nn.Module, pictures: np.ndarray, device: torch.device) -> np.ndarray:
    """Pictures uint8 (N, S, S, C) -> what the network makes of them, uint8 (N, S, S, C'), computed in float32."""
    made = []
    for start in range(0, len(pictures), BATCH):
        inputs = to_tensor(pictures[start : start + BATCH], device)
        made.append((network(inputs).float().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu())
    return torch.cat(made).numpy()


def copy(pictures: np.ndarray, channels: int) -> np.ndarray:
    """The picture itself with so many channels, the floor of every figure: uint8 (N, S, S, C) -> (N, S, S, channels)."""
    if pictures.shape[3] == channels:
        return np.array(pictures)
    if channels == 1:
        return np.rint(pictures @ np.array(LUMA)).astype(np.uint8)[..., None]
    return np.repeat(pictures, channels, axis=3)


def to_tensor(pictures: np.ndarray, device: torch.device) -> Tensor:
    """uint8 (N, S, S, C) -> float32 (N, C, S, S) in 0..1, channels last."""
    tensor = torch.from_numpy(np.array(pictures)).to(device).permute(0, 3, 1, 2).float() / 255
    return tensor.contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def embed_pictures(
    recogniser: nn.Module, pictures: np.ndarray, size: int, channels: int, device: torch.device
) -> np.ndarray:
    """Embeddings (N, 2 D) of pictures uint8 (N, S, S, C), brought to the recogniser's size and channels, and mirrored.

    Raises InputError where a picture has other channels than 1 or 3.
    """
    if pictures.shape[3] not in (1, 3):
        raise InputError(f"pictures of {pictures.shape[3]} channels, expected 1 or 3")
    parts = []
    for start in range(0, len(pictures), 4 * BATCH):
        faces = to_tensor(copy(pictures[start : start + 4 * BATCH], channels), device) * 255
        if faces.shape[-1] != size:
            faces = functional.interpolate(faces, (size, size), mode="bicubic", antialias=True).clamp(0, 255)
        inputs = (faces / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        parts.append(torch.cat([recogniser(inputs).float(), recogniser(inputs.flip(3)).float()], dim=1).cpu())
    return torch.cat(parts).numpy()
