"""The area under the ROC as a mean over pairs, so that it can be compared as accuracy is.

AUC is the share of (same, different) couples in which the same pair has the higher score. By DeLong, DeLong and
Clarke-Pearson (Biometrics 44, 1988) each pair has a placement: of a same pair, the share of different pairs below it;
of a different pair, the share of same pairs above it. AUC is the mean placement of either kind, and its variance is
that of the two means. It needs no threshold, so no fold chooses for another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError


def placements(scores: ArrayLike, same: ArrayLike) -> NDArray[np.float64]:
    """(P,) numbers whose mean over pairs is the AUC in [0, 1] and whose variance over pairs is DeLong's.

    Pair i of kind k counts AUC + P / P_k (placement_i - AUC), with P_k pairs of that kind: values may leave [0, 1].
    A tie counts one half.

    Args:
        scores: (P,) finite floats; with centred folds, each pair's in its own fold. same: (P,) booleans, both kinds.
    """
    scores, same = np.asarray(scores, dtype=np.float64), np.asarray(same, dtype=bool)
    if scores.ndim != 1 or scores.shape != same.shape or not np.isfinite(scores).all():
        raise InputError(f"scores and same: shapes {scores.shape} and {same.shape}, expected the same, finite scores")
    if same.all() or not same.any():
        raise InputError(f"same: all {len(same)} pairs are {bool(same.all())}, expected both kinds")
    result = np.empty(len(scores))
    for kind, other, sign in ((same, ~same, 1), (~same, same, -1)):
        others, mine = np.sort(sign * scores[other]), sign * scores[kind]
        below = np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")
        placement = below / (2 * len(others))
        auc = placement.mean()
        result[kind] = auc + len(scores) / len(mine) * (placement - auc)
    return result
