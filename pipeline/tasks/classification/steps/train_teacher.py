"""Train the teacher of classification from labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.tasks.classification.params.group import Augmentation, ClassTeacher

SLICES = {
    "teacher": ("classification.teacher", ClassTeacher),
    "augmentation": ("classification.pictures", Augmentation),
}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    data: Path,
    model: Path,
    losses: Path,
) -> None:
    """Train to the last epoch.

    Args:
        set: the entry in params.yaml, for the log
        data: the folder with images.npy
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    from pipeline.tasks.classification.learning import ClassifierRecipe
    from pipeline.tasks.classification.params.learning import Supervised
    from pipeline.trained import train_and_save

    teacher: ClassTeacher = settings["teacher"]
    recipe = ClassifierRecipe(
        name=f"teacher, {set}",
        seed=teacher.seed,
        data=data,
        augmentation=settings["augmentation"],
        model=model,
        losses=losses,
        network=teacher.network,
        training=teacher.training,
        learning=Supervised(kind="supervised"),
    )
    train_and_save(recipe)
