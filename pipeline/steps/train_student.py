"""Train a student: identities from faces of its qualities, and what its teachers know of the sharp face."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.losses import Margin
from pipeline.params.networks import Network, Seed, Training
from pipeline.params.students import Student

SLICES = {
    "variant": ("recognition.students.{variant}", Student),
    "teacher_seeds": ("recognition.teacher.seeds", list[Seed]),
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
    parser.add_argument("--teachers", type=Path, required=True, help="the folder with SEED/model.safetensors of each")
    parser.add_argument("--teacher-outputs", type=Path, required=True, help="the folder with their answers, SEED/")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch."""
    from pipeline.tasks.recognition.run_student import train_student

    seeds = settings.pop("teacher_seeds")
    settings["network"] = settings["variant"].network or settings["network"]
    train_student(
        name=options.variant,
        seed=options.seed,
        faces=options.faces,
        degraded=options.degraded,
        index=options.index,
        teachers=[options.teachers / f"{seed}/model.safetensors" for seed in seeds],
        teacher_outputs=[options.teacher_outputs / str(seed) for seed in seeds],
        model=options.model,
        losses=options.losses,
        **settings,
    )
