"""Time the networks of photo-sketch synthesis. Times differ from run to run: they go to a file of their own."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.translators import Translator

SLICES = {
    "network": ("synthesis.student.network", Translator),
    "training": ("synthesis.student.training", AdamTraining),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--collection", required=True, help="the entry in params.yaml, for the log")
    parser.add_argument("--pairs", type=Path, required=True, help="the folder with photos.npy, for size and channels")
    parser.add_argument("--out", type=Path, required=True, help="to write: a row a batch size, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Measure with random weights: time depends on the architecture alone, and is that of photo to sketch."""
    from pipeline.data.sketch_pairs import load
    from pipeline.metrics.timing import time_networks
    from pipeline.models.translator import build

    photos = load(options.pairs).photos
    _, height, width, channels = photos.shape
    time_networks(
        {"student": settings["network"]},
        lambda network: build(network, channels, 1),
        (channels, height, width),
        settings["training"].precision,
        options.out,
        batches=(1, 16),
    )
