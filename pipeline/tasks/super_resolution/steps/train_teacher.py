"""Train the teacher of super-resolution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.super_resolution_networks import SuperResolutionNetwork

SLICES = {
    "network": ("super_resolution.teacher.network", SuperResolutionNetwork),
    "training": ("super_resolution.teacher.training", AdamTraining),
}
SHARED = True  # by several processes, if they are asked for: pipeline.processes


def run(
    settings: dict[str, Any],
    *,
    scale: str,
    seed: int,
    patches: Path,
    model: Path,
    losses: Path,
) -> None:
    """Train to the last epoch.

    Args:
        scale: the entry in params.yaml, for the log
        seed: what its randomness comes from
        patches: the folder with lr.npy and hr.npy
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    from pipeline.tasks.super_resolution.learning import UpscalerRecipe
    from pipeline.trained import train_and_save

    recipe = UpscalerRecipe(
        name=f"teacher {scale}",
        seed=seed,
        patches=patches,
        model=model,
        losses=losses,
        **settings,
    )
    train_and_save(recipe)
