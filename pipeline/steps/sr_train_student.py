"""Train a student of super-resolution: the original picture, and what the teacher makes of the small one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.superresolution import Student, Taps
from pipeline.params.superresolution_networks import SuperResolutionNetwork

SLICES = {
    "variant": ("superresolution.students.{variant}", Student),
    "network": ("superresolution.student.network", SuperResolutionNetwork),
    "training": ("superresolution.student.training", AdamTraining),
    "taps": ("superresolution.student.taps", Taps),
    "teacher_taps": ("superresolution.teacher.taps", Taps),
}
SHARED = True  # by several processes, if they are asked for: pipeline.processes


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--variant", required=True, help="the entry in params.yaml")
    parser.add_argument("--teacher", type=Path, required=True, help="the teacher's weights, .safetensors")
    parser.add_argument("--scale", required=True, help="the entry in params.yaml, for the log")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--patches", type=Path, required=True, help="the folder with lr.npy and hr.npy")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch."""
    from pipeline.tasks.superresolution.run import train_upscaler

    variant: Student = settings["variant"]
    train_upscaler(
        name=f"{options.variant} {options.scale}",
        seed=options.seed,
        patches=options.patches,
        model=options.model,
        losses=options.losses,
        network=variant.network or settings["network"],
        training=settings["training"],
        reconstruction=variant.reconstruction,
        taps=settings["taps"] if variant.taps is None else variant.taps,
        teacher=options.teacher,
        teacher_taps=settings["teacher_taps"],
        methods=variant.distill,
    )
