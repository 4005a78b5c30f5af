"""Judge a classifier on the test part: top-1, top-5, calibration, agreement with its teacher, and the teacher after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.tasks.classification.params.group import ClassEvaluation

SLICES = {"evaluation": ("classification.evaluation", ClassEvaluation)}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    variant: str,
    seed: int,
    data: Path,
    model: Path,
    teacher: Path | None = None,
    others: Path | None = None,
    metrics: Path,
    pictures: Path,
    reliability: Path,
    run: Path,
) -> None:
    """Evaluate the last epoch.

    Args:
        set: the entry in params.yaml
        variant: the name in the tables
        seed: what its randomness comes from
        data: the folder with images.npy
        model: weights, .safetensors
        teacher: weights, .safetensors; not for the teacher itself
        others: the folder with what else its training left, if any
        metrics: to write: the tidy table, .csv
        pictures: to write: one row per test image, .csv
        reliability: to write: accuracy by confidence, .csv
        run: to write: device, versions, work, .json
    """
    from pipeline.tasks.classification.evaluation import Outputs, evaluate

    evaluate(
        name=set,
        variant=variant,
        seed=seed,
        data=data,
        model=model,
        teacher=teacher,
        others=others,
        settings=settings["evaluation"],
        outputs=Outputs(metrics=metrics, pictures=pictures, reliability=reliability, run=run),
    )
