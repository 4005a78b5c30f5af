"""Time the classifiers. Times differ from run to run: they go to a file of their own."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
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


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml, for the log")
    parser.add_argument("--data", type=Path, required=True, help="the folder with images.npy, for size and classes")
    parser.add_argument("--out", type=Path, required=True, help="to write: a row a network and batch size, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Measure with random weights: time depends on the architecture alone."""
    from pipeline.data.classes import open_classes
    from pipeline.metrics.timing import time_networks
    from pipeline.models.classifier import build

    found = open_classes(options.data)
    _, size, _, channels = found.images.shape
    time_networks(
        {name: settings[name] for name in ("teacher", "student")} | settings["networks"],
        lambda network: build(network, size, channels, len(found.names)),
        (channels, size, size),
        settings["training"].precision,
        options.out,
        batches=(1, 64),
    )
