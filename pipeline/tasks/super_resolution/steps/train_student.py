"""Train a student of super-resolution: the original picture, and what the teacher makes of the small one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.super_resolution_networks import SuperResolutionNetwork
from pipeline.tasks.super_resolution.params.group import Student, Taps

SLICES = {
    "variant": ("super_resolution.students.{variant}", Student),
    "network": ("super_resolution.student.network", SuperResolutionNetwork),
    "training": ("super_resolution.student.training", AdamTraining),
    "taps": ("super_resolution.student.taps", Taps),
    "teacher_taps": ("super_resolution.teacher.taps", Taps),
}
SHARED = True  # by several processes, if they are asked for: pipeline.processes


def run(
    settings: dict[str, Any],
    *,
    variant: str,
    scale: str,
    seed: int,
    patches: Path,
    teacher: Path,
    model: Path,
    losses: Path,
) -> None:
    """Train to the last epoch.

    Args:
        variant: the entry in params.yaml
        scale: the entry in params.yaml, for the log
        seed: what its randomness comes from
        patches: the folder with lr.npy and hr.npy
        teacher: the teacher's weights, .safetensors
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    from pipeline.tasks.super_resolution.learning import UpscalerRecipe
    from pipeline.trained import train_and_save

    entry: Student = settings["variant"]
    recipe = UpscalerRecipe(
        name=f"{variant} {scale}",
        seed=seed,
        patches=patches,
        model=model,
        losses=losses,
        network=entry.network or settings["network"],
        training=settings["training"],
        reconstruction=entry.reconstruction,
        taps=settings["taps"] if entry.taps is None else entry.taps,
        teacher=teacher,
        teacher_taps=settings["teacher_taps"],
        methods=entry.distill,
    )
    train_and_save(recipe)
