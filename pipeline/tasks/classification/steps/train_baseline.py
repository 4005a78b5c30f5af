"""Train a classifier without a teacher: from labels alone, or among peers or branches that learn with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.networks import Training
from pipeline.tasks.classification.params.group import Augmentation, ClassVariant

SLICES = {
    "variant": ("classification.baselines.{variant}", ClassVariant),
    "network": ("classification.student.network", ClassifierNetwork),
    "training": ("classification.student.training", Training),
    "augmentation": ("classification.pictures", Augmentation),
}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    variant: str,
    seed: int,
    data: Path,
    model: Path,
    losses: Path,
) -> None:
    """Train to the last epoch.

    Args:
        set: the entry in params.yaml, for the log
        variant: the entry in params.yaml
        seed: what its randomness comes from
        data: the folder with images.npy
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    from pipeline.tasks.classification.learning import ClassifierRecipe
    from pipeline.trained import train_and_save

    entry: ClassVariant = settings["variant"]
    recipe = ClassifierRecipe(
        name=f"{variant}, {set}",
        seed=seed,
        data=data,
        augmentation=settings["augmentation"],
        model=model,
        losses=losses,
        network=entry.network or settings["network"],
        training=settings["training"],
        learning=entry.learning,
    )
    train_and_save(recipe)
