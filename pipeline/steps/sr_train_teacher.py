"""Train the teacher of super-resolution."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.superresolution_networks import SuperResolutionNetwork

SLICES = {
    "network": ("superresolution.teacher.network", SuperResolutionNetwork),
    "training": ("superresolution.teacher.training", AdamTraining),
}
SHARED = True  # by several processes, if they are asked for: pipeline.processes


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--scale", required=True, help="the entry in params.yaml, for the log")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--patches", type=Path, required=True, help="the folder with lr.npy and hr.npy")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch."""
    from pipeline.tasks.superresolution.run import train_upscaler

    train_upscaler(
        name=f"teacher {options.scale}",
        seed=options.seed,
        patches=options.patches,
        model=options.model,
        losses=options.losses,
        **settings,
    )
