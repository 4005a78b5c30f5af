"""Time every network. Times differ from run to run, so they go to a separate file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.face_networks import Network
from pipeline.params.networks import Training
from pipeline.tasks.recognition.params.teachers import TeacherNetwork

SLICES = {
    "teacher": ("recognition.teacher.network", TeacherNetwork),
    "student": ("recognition.student.network", Network),
    "networks": ("recognition.networks", dict[str, Network]),
    "training": ("recognition.student.training", Training),
}


def run(
    settings: dict[str, Any],
    *,
    own: Path,
    faces: Path,
    out: Path,
) -> None:
    """Measure with random weights: time depends on the architecture alone. An own teacher is measured as it is.

    Args:
        own: the folder with the file of the user's teacher
        faces: sharp faces, .npy, for size and channels
        out: to write: one row per network and batch size, .csv
    """
    import torch

    from pipeline.data.arrays import open_faces
    from pipeline.face_networks import build as build_network
    from pipeline.metrics.timing import time_networks
    from pipeline.tasks.recognition import cost
    from pipeline.tasks.recognition.adopting import take
    from pipeline.tasks.recognition.params.teachers import OwnNetwork

    _, size, _, channels = open_faces(faces).shape

    def build(network: Network | OwnNetwork) -> torch.nn.Module:
        if isinstance(network, OwnNetwork):
            return take(network, own, size, channels).network
        return build_network(network, size, channels).to(memory_format=torch.channels_last)

    networks = {name: settings[name] for name in ("teacher", "student")} | settings["networks"]
    shape = (channels, size, size)
    time_networks(networks, build, shape, settings["training"].precision, out, batches=(1, 64), cost=cost)
