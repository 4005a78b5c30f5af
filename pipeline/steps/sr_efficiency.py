"""Time every network of super-resolution. Times differ from run to run: they go to a file of their own."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.superresolution import Scale
from pipeline.params.superresolution_networks import SuperResolutionNetwork

SLICES = {
    "scale": ("superresolution.scales.{scale}", Scale),
    "teacher": ("superresolution.teacher.network", SuperResolutionNetwork),
    "student": ("superresolution.student.network", SuperResolutionNetwork),
    "networks": ("superresolution.networks", dict[str, SuperResolutionNetwork]),
    "training": ("superresolution.student.training", AdamTraining),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--scale", required=True, help="the entry in params.yaml")
    parser.add_argument("--patches", type=Path, required=True, help="the folder with lr.npy, for size and channels")
    parser.add_argument("--out", type=Path, required=True, help="to write: a row a network and batch size, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Measure with random weights: time depends on the architecture alone."""
    from pipeline.data.patches import open_patches
    from pipeline.metrics.timing import time_networks
    from pipeline.models.super_resolution import build

    small, _, scale = open_patches(options.patches)
    _, height, width, channels = small.shape
    networks = {name: settings[name] for name in ("teacher", "student")} | settings["networks"]
    time_networks(
        networks,
        lambda network: build(network, scale, channels),
        (channels, height, width),
        settings["training"].precision,
        options.out,
        batches=(1, 16),
    )
