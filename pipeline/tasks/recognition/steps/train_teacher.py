"""Train the teacher: identities from sharp faces; or adopt a user's network, with a head for these identities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.face_losses import Margin
from pipeline.params.networks import Training
from pipeline.processes import is_first
from pipeline.tasks.recognition.params.teachers import OwnNetwork, TeacherNetwork

SLICES = {
    "network": ("recognition.teacher.network", TeacherNetwork),
    "training": ("recognition.teacher.training", Training | None),
    "loss": ("recognition.margin", Margin),
}
SHARED = True  # by several processes, if they are asked for: pipeline.processes


def run(
    settings: dict[str, Any],
    *,
    seed: int,
    own: Path,
    faces: Path,
    index: Path,
    model: Path,
    losses: Path,
) -> None:
    """Train to the last epoch; a user's network is taken as it is.

    Args:
        seed: what its randomness comes from
        own: the folder with the file of the user's teacher
        faces: sharp faces, .npy
        index: the index of the faces, .csv
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    network, loss = settings["network"], settings["loss"]
    paths = {"faces": faces, "index": index, "model": model, "losses": losses}
    if isinstance(network, OwnNetwork):
        if not is_first():
            return
        from pipeline.tasks.recognition.adopting import adopt

        adopt(seed=seed, own=own, network=network, loss=loss, **paths)
        return
    from pipeline.tasks.recognition.learning import IdentitiesRecipe
    from pipeline.trained import train_and_save

    if settings["training"] is None:
        raise InputError("recognition.teacher.training is null, expected how the teacher is trained")
    recipe = IdentitiesRecipe(
        name="teacher",
        seed=seed,
        degraded=None,
        qualities=[1],
        network=network,
        training=settings["training"],
        loss=loss,
        **paths,
    )
    train_and_save(recipe)
