"""Train a network without a teacher: the paper's basicnet, the control, and others like them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.face_losses import Margin
from pipeline.face_networks import Network
from pipeline.params.networks import Training
from pipeline.params.variants import Baseline

SLICES = {
    "variant": ("recognition.baselines.{variant}", Baseline),
    "network": ("recognition.student.network", Network),
    "training": ("recognition.student.training", Training),
    "loss": ("recognition.margin", Margin),
}
SHARED = True  # by several processes, if they are asked for: pipeline.processes


def run(
    settings: dict[str, Any],
    *,
    variant: str,
    seed: int,
    faces: Path,
    degraded: Path,
    index: Path,
    model: Path,
    losses: Path,
) -> None:
    """Train to the last epoch.

    Args:
        variant: the entry in params.yaml
        seed: what its randomness comes from
        faces: sharp faces, .npy
        degraded: the folder with the degraded faces
        index: the index of the faces, .csv
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    from pipeline.tasks.recognition.learning import IdentitiesRecipe
    from pipeline.trained import train_and_save

    entry: Baseline = settings["variant"]
    recipe = IdentitiesRecipe(
        name=variant,
        seed=seed,
        faces=faces,
        degraded=degraded,
        index=index,
        qualities=entry.train_qualities,
        one_a_quality=entry.one_a_quality,
        network=entry.network or settings["network"],
        training=settings["training"],
        loss=entry.loss or settings["loss"],
        model=model,
        losses=losses,
    )
    train_and_save(recipe)
