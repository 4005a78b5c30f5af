"""The area under the ROC curve of all pairs, each with its score in its own fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.metrics.verification import area_under_roc
from pipeline.params.loading import Settings as Base


class Settings(Base):
    """Nothing to choose."""


def measure(scores: np.ndarray, same: np.ndarray, settings: Settings) -> dict[str, float]:
    """auc: how often a pair of the same person scores above a pair of two people; ties count one half."""
    return {"auc": area_under_roc(scores, same)}


def title(metric: str) -> str:
    """See pipeline.face_measures."""
    return "AUC, %"


def explain(metrics: Sequence[str], same: int, different: int) -> str:
    """See pipeline.face_measures."""
    return "AUC is the area under the ROC curve of all folds' pairs together."
