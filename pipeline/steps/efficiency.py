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
    """Measure with random weights: time depends on the architecture alone."""
    from pipeline.tasks.recognition.timing import time_networks

    networks = {name: settings[name] for name in ("teacher", "student")} | settings["networks"]
    time_networks(networks, options.faces, settings["training"].precision, options.out, options.own)
