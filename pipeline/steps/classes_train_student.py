"""Train a classifier with the pretrained teacher, which stays as it is or learns too."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.classification import Augmentation, ClassVariant
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.networks import Training

SLICES = {
    "variant": ("classification.students.{variant}", ClassVariant),
    "network": ("classification.student.network", ClassifierNetwork),
    "training": ("classification.student.training", Training),
    "augmentation": ("classification.pictures", Augmentation),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml, for the log")
    parser.add_argument("--variant", required=True, help="the entry in params.yaml")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the folder with images.npy")
    parser.add_argument("--teacher", type=Path, required=True, help="its weights, .safetensors")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")
    parser.add_argument("--others", type=Path, required=True, help="the folder to write: a changed teacher")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch."""
    from pipeline.tasks.classification.prepared import train_on_set

    variant: ClassVariant = settings["variant"]
    train_on_set(
        name=f"{options.variant}, {options.set}",
        seed=options.seed,
        data=options.data,
        augmentation=settings["augmentation"],
        model=options.model,
        losses=options.losses,
        others=options.others,
        network=variant.network or settings["network"],
        training=settings["training"],
        learning=variant.learning,
        teacher=options.teacher,
    )
