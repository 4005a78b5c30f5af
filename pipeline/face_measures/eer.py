"""The equal error rate of all pairs, each with its score in its own fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.metrics.verification import equal_error_rate
from pipeline.params.loading import Settings as Base


class Settings(Base):
    """Nothing to choose."""


def measure(scores: np.ndarray, same: np.ndarray, settings: Settings) -> dict[str, float]:
    """eer: the false acceptance rate at the threshold where it equals the false rejection rate."""
    return {"eer": equal_error_rate(scores, same)}


def title(metric: str) -> str:
    """See pipeline.face_measures."""
    return "EER, %"


def explain(metrics: Sequence[str], same: int, different: int) -> str:
    """See pipeline.face_measures."""
    return (
        "EER is the equal error rate; its threshold is chosen on these very pairs, all folds together, and not, as for"
        " accuracy, on the other folds."
    )
