"""Train the teacher: identities from sharp faces."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.losses import Margin
from pipeline.params.networks import Network, Training

SLICES = {
    "network": ("recognition.teacher.network", Network),
    "training": ("recognition.teacher.training", Training),
    "loss": ("recognition.margin", Margin),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--index", type=Path, required=True, help="the index of the faces, .csv")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch."""
    from pipeline.tasks.recognition.run import train_identities

    train_identities(
        name="teacher",
        seed=options.seed,
        qualities=[1],
        degraded=None,
        faces=options.faces,
        index=options.index,
        model=options.model,
        losses=options.losses,
        **settings,
    )
