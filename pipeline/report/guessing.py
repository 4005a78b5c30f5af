"""Whether a network knows anything at all: its right answers against those of guessing."""

from __future__ import annotations

import numpy as np

from pipeline.metrics import statistics
from pipeline.report.words import between, count


def cannot_be_told(right: np.ndarray, chance: float, noun: str) -> str | None:
    """What speaks for guessing; ``right``: (n,) bool, ``chance``: the percent that guessing gives, ``noun``: of what.

    None where the accuracy is above guessing: where its 95 % interval (Wilson) lies above it. Few answers show little:
    then a network cannot be told from guessing, which is all that is known.
    """
    low, high = (100 * end for end in statistics.wilson_interval(int(right.sum()), len(right)))
    if low > chance:
        return None
    return (
        f"right on {100 * right.mean():.1f} % of {count(len(right), noun)} (95 % interval {between(low, high)}), where"
        f" guessing gives {chance:.{0 if float(chance).is_integer() else 1}f} %"
    )
