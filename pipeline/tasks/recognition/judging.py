"""Embeddings of faces, and how well they tell the pairs of each protocol apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pipeline.data.pixels import QualityArrays
from pipeline.device import autocast
from pipeline.face_measures import measured
from pipeline.metrics import verification
from pipeline.metrics.rows import interval
from pipeline.params.loading import Settings
from pipeline.tasks.recognition.networks import FaceNetwork

SHARP_TO_POOR = ", sharp to poor"  # what a protocol is called whose second faces alone are poor
SCORE_COLUMNS = ["protocol", "condition", "pair", "fold", "person_a", "person_b", "same", "score", "correct"]


@torch.inference_mode()
def embed(
    network: FaceNetwork, arrays: QualityArrays, faces: Tensor, quality: int, batch_size: int, dtype: torch.dtype
) -> np.ndarray:
    """Embeddings of faces (N,) at one quality: of the image and its mirror image, side by side, (N, 2 D) float32."""
    parts = []
    for chunk in faces.split(batch_size):
        plain = arrays.batch(chunk, torch.full_like(chunk, quality), torch.zeros(len(chunk), dtype=torch.bool))
        halves = []
        for inputs in (plain, plain.flip(3)):
            with autocast(arrays.device, dtype):
                halves.append(network(inputs).float())
        parts.append(torch.cat(halves, dim=1).cpu())
    return torch.cat(parts).numpy()


def sharp_to_poor(
    table: pd.DataFrame, person: np.ndarray, faces: np.ndarray, sharp: np.ndarray, poor: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """The first four arguments of judge_pairs for pairs whose first face is sharp and whose second is poor.

    Each protocol gets SHARP_TO_POOR after its name. sharp, poor (U, D): embeddings of ``faces`` (U,), rising. The second
    faces are numbered beyond all others.
    """
    count = len(person)
    crossed = table.assign(protocol=table["protocol"] + SHARP_TO_POOR, b=table["b"] + count)
    return crossed, np.tile(person, 2), np.concatenate([sharp, poor]), np.concatenate([faces, faces + count])


def judge_pairs(
    table: pd.DataFrame,
    person: np.ndarray,
    embeddings: np.ndarray,
    seen: np.ndarray,
    condition: str,
    measures: Mapping[str, Settings],
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Verification of the pairs in ``table`` by embeddings (N, D) of the faces ``seen`` (N,), rising.

    ``person`` (all faces,) numbers who each shows, which goes into the table of pairs: pairs that share a person are no
    independent evidence. ``measures`` beside the accuracy are by the names of pipeline.face_measures.

    Returns tidy rows (protocol, condition, metric, value, n) and one row per pair with the columns SCORE_COLUMNS.
    """
    rows, judged = [], [pd.DataFrame(columns=SCORE_COLUMNS)] if table.empty else []
    for protocol, group in table.groupby("protocol", sort=True):
        a, b = (np.searchsorted(seen, group[side].to_numpy()) for side in ("a", "b"))
        folds, same = group["fold"].to_numpy(), group["same"].to_numpy()
        result = verification.verify(verification.fold_scores(embeddings, a, b, folds), same, folds)
        where = {"protocol": protocol, "condition": condition}
        shown = np.stack([person[group[side]] for side in ("a", "b")], axis=1)
        by_metric = _accuracy(result, shown) | measured(result.scores, same.astype(bool), measures)
        rows += [where | {"metric": k, "value": v, "n": len(group)} for k, v in by_metric.items()]
        judged.append(
            group[["pair", "fold"]].assign(
                person_a=shown[:, 0],
                person_b=shown[:, 1],
                same=same.astype(int),
                score=result.scores,
                correct=result.correct.astype(int),
                **where,
            )
        )
    return rows, pd.concat(judged)[SCORE_COLUMNS]


def _accuracy(result: verification.Verification, people: np.ndarray) -> dict[str, float]:
    found = {"accuracy": result.accuracy, "accuracy_std_folds": result.accuracy_std}
    return found | interval("accuracy", result.correct, people, rates=True)
