"""Train a network without a teacher: the paper's basicnet, the control, and others like them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.losses import Margin
from pipeline.params.networks import Network, Training
from pipeline.params.variants import Baseline

SLICES = {
    "variant": ("recognition.baselines.{variant}", Baseline),
    "network": ("recognition.student.network", Network),
    "training": ("recognition.student.training", Training),
    "loss": ("recognition.margin", Margin),
}
SHARED = True  # by several processes, if they are asked for: pipeline.processes


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--variant", required=True, help="the entry in params.yaml")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--degraded", type=Path, required=True, help="the folder with the degraded ones")
    parser.add_argument("--index", type=Path, required=True, help="the index of the faces, .csv")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch."""
    from pipeline.tasks.recognition.run import train_identities

    variant: Baseline = settings.pop("variant")
    settings |= {"network": variant.network or settings["network"], "loss": variant.loss or settings["loss"]}
    train_identities(
        name=options.variant,
        seed=options.seed,
        qualities=variant.train_qualities,
        one_a_quality=variant.one_a_quality,
        degraded=options.degraded,
        faces=options.faces,
        index=options.index,
        model=options.model,
        losses=options.losses,
        **settings,
    )
