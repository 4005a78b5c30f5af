"""Judge one network of super-resolution: picture quality, and recognition of the faces that it enlarged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.degradations import Degradation
from pipeline.params.pictures import ArchivePictures, FacePictures
from pipeline.tasks.recognition.params.evaluation import Evaluation
from pipeline.tasks.super_resolution.params.group import PictureEvaluation, Scale

SLICES = {
    "scale": ("super_resolution.scales.{scale}", Scale),
    "test": ("super_resolution.test", list[str]),
    "pictures": ("super_resolution.pictures", dict[str, ArchivePictures]),
    "face_pictures": ("super_resolution.faces", dict[str, FacePictures]),
    "evaluation": ("super_resolution.evaluation", PictureEvaluation),
    "degradation": ("recognition.degradation", Degradation),
    "recognition": ("recognition.evaluation", Evaluation),
}
FLOOR = "bicubic"


def run(
    settings: dict[str, Any],
    *,
    variant: str,
    seed: int,
    scale: str,
    model: Path | None = None,
    small_and_large: Path,
    recogniser: Path,
    faces: Path,
    degraded: Path,
    index: Path,
    pairs: Path,
    notes: Path,
    metrics: Path,
    pictures: Path,
    scores: Path,
    samples: Path,
    run: Path,
) -> None:
    """Evaluate the last epoch.

    Args:
        variant: the name in the tables; bicubic: no network, the floor
        seed: what its randomness comes from
        scale: the entry in params.yaml
        model: weights, .safetensors; not with bicubic
        small_and_large: the folder with one folder per test set
        recogniser: a face network, .safetensors
        faces: sharp faces, .npy
        degraded: the folder with the degraded faces
        index: the index of the faces, .csv
        pairs: the pairs to verify, .csv
        notes: what tables call the faces, .json
        metrics: to write: the tidy table, .csv
        pictures: to write: one row per test picture, .csv
        scores: to write: one row per pair of faces, .csv
        samples: to write: pictures, .npz
        run: to write: device, versions, architecture, .json
    """
    from pipeline.errors import InputError
    from pipeline.tasks.super_resolution.evaluation import Outputs, evaluate
    from pipeline.tasks.super_resolution.recognising import Recognition

    if (model is None) != (variant == FLOOR):
        raise InputError(f"--model {model} with --variant {variant}: expected one but for {FLOOR}")
    sets = settings["pictures"] | settings["face_pictures"]
    evaluate(
        variant=variant,
        seed=seed,
        scale=scale,
        factor=settings["scale"].factor,
        model=model,
        pairs=small_and_large,
        sets={name: sets[name] for name in settings["test"]},
        samples=settings["evaluation"].sample_pictures,
        recognition=Recognition(
            recogniser=recogniser,
            faces=faces,
            degraded=degraded,
            index=index,
            pairs=pairs,
            notes=notes,
            degradation=settings["degradation"],
            evaluation=settings["recognition"],
        ),
        outputs=Outputs(metrics=metrics, pictures=pictures, scores=scores, samples=samples, run=run),
    )
