"""Judge both directions of a variant: likeness to the true pictures, and recognition of the people in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.tasks.synthesis.params.group import SynthesisEvaluation

SLICES = {"evaluation": ("synthesis.evaluation", SynthesisEvaluation)}
FLOOR = "copy"


def run(
    settings: dict[str, Any],
    *,
    collection: str,
    variant: str,
    seed: int,
    model: Path | None = None,
    training_losses: Path | None = None,
    photo_sketch_pairs: Path,
    recogniser: Path,
    metrics: Path,
    pictures: Path,
    dimensions: Path,
    scores: Path,
    samples: Path,
    run: Path,
) -> None:
    """Evaluate the last epoch.

    Args:
        collection: the entry in params.yaml, for the log
        variant: the name in the tables; copy: no network, the floor
        seed: what its randomness comes from
        model: weights, .safetensors; not with copy
        training_losses: losses of its training, .csv; not with copy
        photo_sketch_pairs: the folder with photos.npy and sketches.npy
        recogniser: a face network, .safetensors
        metrics: to write: the tidy table, .csv
        pictures: to write: one row per test picture, .csv
        dimensions: to write: rank-1 by split and dimension, .csv
        scores: to write: one row per pair of faces, .csv
        samples: to write: pictures, .npz
        run: to write: device, versions, health, .json
    """
    from pipeline.errors import InputError
    from pipeline.tasks.synthesis.evaluation import Outputs, evaluate

    for name, given in (("model", model), ("training-losses", training_losses)):
        if (given is None) != (variant == FLOOR):
            raise InputError(f"--{name} {given} with --variant {variant}: expected one but for {FLOOR}")
    evaluate(
        variant=variant,
        seed=seed,
        model=model,
        losses=training_losses,
        pairs=photo_sketch_pairs,
        recogniser=recogniser,
        settings=settings["evaluation"],
        outputs=Outputs(
            metrics=metrics, pictures=pictures, dimensions=dimensions, scores=scores, samples=samples, run=run
        ),
    )
