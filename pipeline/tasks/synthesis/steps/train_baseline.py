"""Train both directions of photo-sketch synthesis on pairs alone, without a teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.networks import AdamTraining
from pipeline.params.translators import PatchDiscriminator, Translator
from pipeline.tasks.synthesis.params.variants import Augmentation, SynthesisVariant

SLICES = {
    "variant": ("synthesis.baselines.{variant}", SynthesisVariant),
    "network": ("synthesis.student.network", Translator),
    "discriminator": ("synthesis.student.discriminator", PatchDiscriminator),
    "training": ("synthesis.student.training", AdamTraining),
    "augmentation": ("synthesis.student.augmentation", Augmentation),
}


def run(
    settings: dict[str, Any],
    *,
    collection: str,
    variant: str,
    seed: int,
    pairs: Path,
    model: Path,
    losses: Path,
) -> None:
    """Train to the last epoch.

    Args:
        collection: the entry in params.yaml, for the log
        variant: the entry in params.yaml
        seed: what its randomness comes from
        pairs: the folder with photos.npy and sketches.npy
        model: to write: weights, .safetensors, and .json
        losses: to write: losses by epoch, .csv
    """
    from pipeline.tasks.synthesis.learning import TranslationRecipe
    from pipeline.trained import train_and_save

    recipe = TranslationRecipe(
        name=f"{variant}, {collection}",
        seed=seed,
        pairs=pairs,
        model=model,
        losses=losses,
        **settings,
    )
    train_and_save(recipe)
