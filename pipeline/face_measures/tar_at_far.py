"""True acceptance rate where at most a given share of the pairs of different people is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.metrics import verification
from pipeline.params.loading import Settings as Base
from pipeline.params.rates import Rates, written

PREFIX = "tar_at_far_"


class Settings(Base):
    """Which false acceptance rates: one column each."""

    rates: Annotated[Rates, Field(min_length=1)]


def measure(scores: np.ndarray, same: np.ndarray, settings: Settings) -> dict[str, float]:
    """tar_at_far_1e-2 for a rate of 0.01, and so on."""
    return {f"{PREFIX}{written(rate)}": verification.tar_at_far(scores, same, rate) for rate in settings.rates}


def title(metric: str) -> str:
    """See pipeline.face_measures."""
    return f"TAR at FAR {metric.removeprefix(PREFIX)}, %"


def explain(metrics: Sequence[str], same: int, different: int) -> str:
    """See pipeline.face_measures."""
    rates = [metric.removeprefix(PREFIX) for metric in metrics]
    allowed = " and ".join(str(int(float(rate) * different + 1e-9)) for rate in rates)
    return (
        f"TAR is the true acceptance rate by false acceptance rate (FAR): FAR {' and '.join(rates)} allow {allowed} of"
        f" the {different:,} pairs of different people to be accepted, the threshold chosen on these very pairs."
    )
