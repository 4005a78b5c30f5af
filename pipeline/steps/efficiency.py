"""Time every network. Times differ from run to run: they go to a file of their own."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.networks import Network, Training
from pipeline.params.teachers import TeacherNetwork

SLICES = {
    "teacher": ("recognition.teacher.network", TeacherNetwork),
    "student": ("recognition.student.network", Network),
    "networks": ("recognition.networks", dict[str, Network]),
    "training": ("recognition.student.training", Training),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy, for size and channels")
    parser.add_argument("--own", type=Path, required=True, help="the folder with the file of the user's own teacher")
    parser.add_argument("--out", type=Path, required=True, help="to write: a row a network and batch size, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Measure with random weights: time depends on the architecture alone. An own teacher is measured as it is."""
    import torch

    from pipeline.data.arrays import open_faces
    from pipeline.metrics.timing import time_networks
    from pipeline.params.teachers import OwnNetwork
    from pipeline.tasks.recognition import cost
    from pipeline.tasks.recognition.adopting import take
    from pipeline.tasks.recognition.networks import build_network

    _, size, _, channels = open_faces(options.faces).shape

    def build(network: Network | OwnNetwork) -> torch.nn.Module:
        if isinstance(network, OwnNetwork):
            return take(network, options.own, size, channels).network
        return build_network(network, size, channels).to(memory_format=torch.channels_last)

    networks = {name: settings[name] for name in ("teacher", "student")} | settings["networks"]
    shape = (channels, size, size)
    time_networks(
        networks, build, shape, settings["training"].precision, options.out, batches=(1, 64), cost=cost
    )
