"""Train the teacher of visual recognition from labels."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.classification import Augmentation, ClassTeacher

SLICES = {
    "teacher": ("classification.teacher", ClassTeacher),
    "augmentation": ("classification.pictures", Augmentation),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml, for the log")
    parser.add_argument("--data", type=Path, required=True, help="the folder with images.npy")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch."""
    from pipeline.params.classification_learning import Supervised
    from pipeline.tasks.classification.prepared import train_on_set

    teacher: ClassTeacher = settings["teacher"]
    train_on_set(
        name=f"teacher, {options.set}",
        seed=teacher.seed,
        data=options.data,
        augmentation=settings["augmentation"],
        model=options.model,
        losses=options.losses,
        network=teacher.network,
        training=teacher.training,
        learning=Supervised(kind="supervised"),
    )
