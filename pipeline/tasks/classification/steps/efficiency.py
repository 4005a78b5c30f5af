"""Time the classifiers. Times differ from run to run, so they go to a separate file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.networks import Training

SLICES = {
    "teacher": ("classification.teacher.network", ClassifierNetwork),
    "student": ("classification.student.network", ClassifierNetwork),
    "training": ("classification.student.training", Training),
    "networks": ("classification.networks", dict[str, ClassifierNetwork]),
}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    data: Path,
    out: Path,
) -> None:
    """Measure with random weights: time depends on the architecture alone.

    Args:
        set: the entry in params.yaml, for the log
        data: the folder with images.npy, for size and classes
        out: to write: one row per network and batch size, .csv
    """
    from pipeline.data.classes import open_classes
    from pipeline.metrics.timing import time_networks
    from pipeline.models.classifier import build

    classes = open_classes(data)
    _, size, _, channels = classes.images.shape
    time_networks(
        {name: settings[name] for name in ("teacher", "student")} | settings["networks"],
        lambda network: build(network, size, channels, len(classes.names)),
        (channels, size, size),
        settings["training"].precision,
        out,
        batches=(1, 64),
    )
