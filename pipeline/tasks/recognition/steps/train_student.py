"""Train a student: identities from faces of its qualities, and what its teachers know of the sharp face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.face_losses import Margin
from pipeline.face_networks import Network
from pipeline.params.networks import Seed, Training
from pipeline.tasks.recognition.params.students import Student

SLICES = {
    "variant": ("recognition.students.{variant}", Student),
    "teacher_seeds": ("recognition.teacher.seeds", list[Seed]),
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
    teachers: Path,
    teacher_outputs: Path,
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
        teachers: the folder with SEED/model.safetensors of each
        teacher_outputs: the folder with their answers, SEED/
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    from pipeline.tasks.recognition.student import StudentRecipe
    from pipeline.trained import train_and_save

    entry: Student = settings["variant"]
    recipe = StudentRecipe(
        name=variant,
        seed=seed,
        faces=faces,
        degraded=degraded,
        index=index,
        teachers=[teachers / f"{each}/model.safetensors" for each in settings["teacher_seeds"]],
        teacher_outputs=[teacher_outputs / str(each) for each in settings["teacher_seeds"]],
        qualities=entry.train_qualities,
        one_a_quality=entry.one_a_quality,
        methods=entry.distill,
        unlabelled=entry.unlabelled,
        network=entry.network or settings["network"],
        training=settings["training"],
        loss=settings["loss"],
        model=model,
        losses=losses,
    )
    train_and_save(recipe)
