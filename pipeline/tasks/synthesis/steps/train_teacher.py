"""Train a teacher of photo-sketch synthesis on face identities, in photos, drawings or both; or take over VGG-19."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pipeline.face_losses import Margin
from pipeline.params.networks import Training
from pipeline.params.vgg import SynthesisTeacher
from pipeline.tasks.synthesis.params.group import DomainTeacher
from pipeline.tasks.synthesis.params.variants import Augmentation

SLICES = {
    "own": ("synthesis.teacher.domains.{domain}", DomainTeacher),
    "network": ("synthesis.teacher.network", SynthesisTeacher),
    "margin": ("synthesis.teacher.margin", Margin),
    "training": ("synthesis.teacher.training", Training),
    "augmentation": ("synthesis.teacher.augmentation", Augmentation),
}


def run(
    settings: dict[str, Any],
    *,
    domain: Literal["photos", "drawings", "both"],
    faces: Path,
    drawings: Path,
    index: Path,
    cache: Path,
    drop_in: Path,
    model: Path,
    losses: Path,
) -> None:
    """Train to the last epoch.

    Args:
        domain: what it learns to know
        faces: sharp faces, .npy
        drawings: a drawing of each, .npy
        index: the index of the faces, .csv
        cache: where downloads are kept, finished or not
        drop_in: where files got by hand are put
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    if settings["network"].architecture == "vgg19":
        _adopt(settings, cache, drop_in, model, losses)
        return
    from pipeline.tasks.synthesis.teaching import TeacherRecipe
    from pipeline.trained import train_and_save

    domain_settings: DomainTeacher = settings.pop("own")
    recipe = TeacherRecipe(
        name=f"teacher, {domain}",
        domain=domain,
        seed=domain_settings.seed,
        faces=faces,
        drawings=drawings,
        index=index,
        model=model,
        losses=losses,
        **settings,
    )
    train_and_save(recipe)


def _adopt(settings: dict[str, Any], cache: Path, drop_in: Path, model: Path, losses: Path) -> None:
    import pandas as pd

    from pipeline.device import select_device, select_dtype
    from pipeline.files import write_csv
    from pipeline.provenance import provenance
    from pipeline.tasks.synthesis.adopting import adopt

    device = select_device()
    made_with = provenance(device, select_dtype(device, settings["training"].precision))
    adopt(settings["network"], cache, drop_in, model, made_with)
    write_csv(losses, pd.DataFrame(columns=["epoch", "learning_rate", "total"]))  # nothing was learned here
