"""Train a network of super-resolution without a teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.super_resolution_networks import SuperResolutionNetwork
from pipeline.tasks.super_resolution.params.group import Baseline

SLICES = {
    "variant": ("super_resolution.baselines.{variant}", Baseline),
    "network": ("super_resolution.student.network", SuperResolutionNetwork),
    "training": ("super_resolution.student.training", AdamTraining),
}
SHARED = True  # by several processes, if they are asked for: pipeline.processes


def run(
    settings: dict[str, Any],
    *,
    variant: str,
    scale: str,
    seed: int,
    patches: Path,
    model: Path,
    losses: Path,
) -> None:
    """Train to the last epoch.

    Args:
        variant: the entry in params.yaml
        scale: the entry in params.yaml, for the log
        seed: what its randomness comes from
        patches: the folder with lr.npy and hr.npy
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    from pipeline.tasks.super_resolution.learning import UpscalerRecipe
    from pipeline.trained import train_and_save

    entry: Baseline = settings["variant"]
    recipe = UpscalerRecipe(
        name=f"{variant} {scale}",
        seed=seed,
        patches=patches,
        model=model,
        losses=losses,
        network=entry.network or settings["network"],
        training=settings["training"],
    )
    train_and_save(recipe)
