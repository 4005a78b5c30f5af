"""What a result was made with."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

import torch

from pipeline.device import device_name
from pipeline.processes import place

PACKAGES = ("torch", "numpy", "pandas", "safetensors")


def provenance(device: torch.device, dtype: torch.dtype, network: torch.nn.Module | None = None) -> dict[str, Any]:
    """Device, precision, processes and versions: what may change the bytes of a result, and nothing that changes by itself.

    A network that other packages compute names them in ``packages``.
    """
    return {
        "device": device_name(device),
        "precision": str(dtype).removeprefix("torch."),
        "processes": place().count,
        "threads": torch.get_num_threads() if device.type == "cpu" else None,
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in (*PACKAGES, *getattr(network, "packages", ()))},
    }
