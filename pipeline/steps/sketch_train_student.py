"""Train both directions of photo-sketch synthesis on pairs, and on what teachers know of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.synthesis_variants import Augmentation, SynthesisVariant
from pipeline.params.translators import PatchDiscriminator, Translator

SLICES = {
    "variant": ("synthesis.students.{variant}", SynthesisVariant),
    "network": ("synthesis.student.network", Translator),
    "discriminator": ("synthesis.student.discriminator", PatchDiscriminator),
    "training": ("synthesis.student.training", AdamTraining),
    "augmentation": ("synthesis.student.augmentation", Augmentation),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--collection", required=True, help="the entry in params.yaml, for the log")
    parser.add_argument("--variant", required=True, help="the entry in params.yaml")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--pairs", type=Path, required=True, help="the folder with photos.npy and sketches.npy")
    parser.add_argument("--teachers", type=Path, required=True, help="the folder with a folder a teacher")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch."""
    from pipeline.tasks.synthesis.run import train_students

    train_students(
        name=f"{options.variant}, {options.collection}",
        seed=options.seed,
        pairs=options.pairs,
        teachers=options.teachers,
        model=options.model,
        losses=options.losses,
        **settings,
    )
