"""Judge a network: verification and identification at each quality, cost, pictures of what it sees and where it looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.degradations import Degradation
from pipeline.tasks.recognition.params.evaluation import Evaluation

SLICES = {
    "degradation": ("recognition.degradation", Degradation),
    "evaluation": ("recognition.evaluation", Evaluation),
}


def run(
    settings: dict[str, Any],
    *,
    variant: str,
    seed: int,
    model: Path,
    faces: Path,
    degraded: Path,
    index: Path,
    pairs: Path,
    searches: Path,
    notes: Path,
    metrics: Path,
    scores: Path,
    ranks: Path,
    low_rates: Path,
    samples: Path,
    run: Path,
) -> None:
    """Evaluate the last epoch.

    Args:
        variant: the name in the tables
        seed: what its randomness comes from
        model: weights, .safetensors
        faces: sharp faces, .npy
        degraded: the folder with the degraded faces
        index: the index of the faces, .csv
        pairs: the pairs to verify, .csv
        searches: the probes and galleries to search, .csv
        notes: what tables call the faces, .json
        metrics: to write: the tidy table, .csv
        scores: to write: one row per pair and quality, .csv
        ranks: to write: one row per probe and quality, .csv
        low_rates: to write: false non-match rates at low false match rates, .npz
        samples: to write: pictures and maps, .npz
        run: to write: device, versions, architecture, .json
    """
    from pipeline.tasks.recognition.evaluation import evaluate

    evaluate(
        variant=variant,
        seed=seed,
        model=model,
        faces=faces,
        degraded=degraded,
        index=index,
        pairs=pairs,
        searches=searches,
        notes=notes,
        metrics=metrics,
        scores=scores,
        ranks=ranks,
        low_rates=low_rates,
        samples=samples,
        run=run,
        **settings,
    )
