"""Time the networks of photo-sketch synthesis. Times differ from run to run, so they go to a separate file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.translators import Translator

SLICES = {
    "network": ("synthesis.student.network", Translator),
    "training": ("synthesis.student.training", AdamTraining),
}


def run(
    settings: dict[str, Any],
    *,
    collection: str,
    pairs: Path,
    out: Path,
) -> None:
    """Measure with random weights: time depends on the architecture alone, and is that of photo to sketch.

    Args:
        collection: the entry in params.yaml, for the log
        pairs: the folder with photos.npy, for size and channels
        out: to write: one row per batch size, .csv
    """
    from pipeline.data.sketch_pairs import load
    from pipeline.metrics.timing import time_networks
    from pipeline.models.translator import build

    photos = load(pairs).photos
    _, height, width, channels = photos.shape
    time_networks(
        {"student": settings["network"]},
        lambda network: build(network, channels, 1),
        (channels, height, width),
        settings["training"].precision,
        out,
        batches=(1, 16),
    )
