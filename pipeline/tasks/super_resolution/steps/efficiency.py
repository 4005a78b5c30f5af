"""Time every network of super-resolution. Times differ from run to run, so they go to a separate file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.super_resolution_networks import SuperResolutionNetwork
from pipeline.tasks.super_resolution.params.group import Scale

SLICES = {
    "scale": ("super_resolution.scales.{scale}", Scale),
    "teacher": ("super_resolution.teacher.network", SuperResolutionNetwork),
    "student": ("super_resolution.student.network", SuperResolutionNetwork),
    "networks": ("super_resolution.networks", dict[str, SuperResolutionNetwork]),
    "training": ("super_resolution.student.training", AdamTraining),
}


def run(
    settings: dict[str, Any],
    *,
    scale: str,
    patches: Path,
    out: Path,
) -> None:
    """Measure with random weights: time depends on the architecture alone.

    Args:
        scale: the entry in params.yaml
        patches: the folder with lr.npy, for size and channels
        out: to write: one row per network and batch size, .csv
    """
    from pipeline.data.patches import open_patches
    from pipeline.metrics.timing import time_networks
    from pipeline.models.super_resolution import build

    small, _, factor = open_patches(patches)
    _, height, width, channels = small.shape
    networks = {name: settings[name] for name in ("teacher", "student")} | settings["networks"]
    time_networks(
        networks,
        lambda network: build(network, factor, channels),
        (channels, height, width),
        settings["training"].precision,
        out,
        batches=(1, 16),
    )
