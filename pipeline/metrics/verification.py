"""Face verification over folds of pairs: do these two pictures show the same person?

The protocol of LFW, AgeDB-30 and CPLFW as the evaluation code of A-SKD (ECCV 2022) runs it. For each fold: subtract
the mean of the other folds' embeddings, compare by cosine, choose the threshold on the other folds, count on this
one. That code tries a grid of 20,001 thresholds; here the threshold is exact, from the sorted scores. InsightFace's
code subtracts no mean and tries 400; docs/differences.md has what that changes.

Everywhere P is the number of pairs, F the number of folds, ``same`` is true where a pair shows one person,
and a pair is called "same" when its score is at least the threshold. Rates are fractions in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError

Floats = NDArray[np.float64]

# A centred embedding shorter than this part of the longest embedding is rounding noise, not a direction.
NO_DIRECTION = 1e-12


@dataclass(frozen=True)
class Verification:
    """The outcome of one protocol. Rates lie in [0, 1]; arrays over folds follow ``fold_labels``."""

    scores: Floats
    """(P,) each pair's score as a test pair, that is, in its own fold."""
    correct: NDArray[np.bool_]
    """(P,) whether each pair is called rightly by the threshold of its fold."""
    fold_labels: NDArray[np.int64]
    """(F,) the folds in rising order."""
    thresholds: Floats
    """(F,) the threshold chosen for each fold on the other folds."""
    fold_accuracy: Floats
    """(F,)"""
    accuracy: float
    """Mean of ``fold_accuracy``; the mean of ``correct`` where folds are equally large."""
    accuracy_std: float
    """Standard deviation of ``fold_accuracy`` over folds, with F - 1 below the line; InsightFace's code has F."""
    n_same: int
    n_different: int


def fold_scores(embeddings: ArrayLike, a: ArrayLike, b: ArrayLike, folds: ArrayLike) -> Floats:
    """(F, P) cosine similarity of every pair, row f centred as the protocol does when fold f is tested.

    Row f subtracts the mean over the 2 * P_other embeddings of the pairs outside fold f: a face that stands
    in several pairs counts as often, as in the code of A-SKD. Thresholds for fold f are
    chosen in row f too, so that nothing of a tested fold enters the fold's threshold.

    Args:
        embeddings: (N, D) finite floats, not centred; normalised or not, as the network gives them.
        a, b: (P,) rows of ``embeddings``: the first and the second face of each pair.
        folds: (P,) integers; the rows follow the labels in rising order.

    Returns values in [-1, 1]; 0 where a face has no direction after centring (a collapsed network gives equal
    embeddings, hence equal scores and an accuracy at chance instead of an accuracy made of rounding noise).
    Raises InputError on NaN or infinity, on unequal shapes, indices out of range, or fewer than two folds.
    """
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise InputError(f"embeddings: shape {embeddings.shape}, expected (faces, dimensions), neither of them 0")
    if not np.issubdtype(embeddings.dtype, np.floating):
        raise InputError(f"embeddings: type {embeddings.dtype}, expected floats")
    unusable = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if unusable.size:
        raise InputError(
            f"embeddings: {unusable.size} of {len(embeddings)} faces have NaN or infinite values (first: row "
            f"{unusable[0]}), expected finite numbers"
        )
    labels, fold = _checked_folds(folds)
    a = _checked_indices("a", a, len(fold), len(embeddings))
    b = _checked_indices("b", b, len(fold), len(embeddings))

    # Only the faces that the pairs name, in double precision, and near their mean: what follows expands
    # (x - m).(y - m), which is exact only as far as m is small.
    used, place = np.unique(np.concatenate([a, b]), return_inverse=True)
    first, second = place[: len(a)], place[len(a) :]
    x = embeddings[used].astype(np.float64)
    longest = np.sqrt(np.einsum("nd,nd->n", x, x).max())
    x -= x.mean(axis=0)

    uses = np.zeros((len(labels), len(x)))  # how often each fold's pairs name each face
    np.add.at(uses, (np.concatenate([fold, fold]), place), 1)
    uses = uses.sum(axis=0) - uses  # ... and the pairs of all the other folds
    means = uses @ x / uses.sum(axis=1, keepdims=True)  # (F, D)

    along = means @ x.T  # (F, faces)
    squared = np.einsum("fd,fd->f", means, means)[:, None]
    length = np.sqrt(np.maximum(np.einsum("nd,nd->n", x, x) - 2 * along + squared, 0))
    length[length <= NO_DIRECTION * longest] = np.inf  # makes the cosine 0
    # The brackets give a pair and its reverse the same bits, hence a tie.
    product = np.einsum("pd,pd->p", x[first], x[second]) - (along[:, first] + along[:, second]) + squared
    return np.clip(product / (length[:, first] * length[:, second]), -1.0, 1.0)


def pair_scores(embeddings: ArrayLike, a: ArrayLike, b: ArrayLike, folds: ArrayLike) -> Floats:
    """(P,) each pair's score in its own fold: the row of fold_scores in which the pair is tested."""
    _, fold = _checked_folds(folds)
    return fold_scores(embeddings, a, b, folds)[fold, np.arange(len(fold))]


def best_threshold(scores: ArrayLike, same: ArrayLike) -> float:
    """The threshold that calls most pairs rightly, exactly, in O(P log P).

    Only places between two neighbouring, unequal scores matter, and the two ends: everything same (the lowest
    score) and everything different (the next number above the highest). Equal scores cannot be split. Among
    equally good places that in the widest gap is taken, at its middle (the ends count as gaps of width 0);
    among equally wide gaps the lowest.

    Args:
        scores: (P,) finite floats, P >= 1. same: (P,) booleans.
    """
    scores, same = _checked_scores(scores, same)
    values, same_at, different_at = _by_score(scores, same)
    # Place k lies below values[k]: what is lower is called different, what is not is called same.
    right = np.concatenate([[0], np.cumsum(different_at)]) + same_at.sum() - np.concatenate([[0], np.cumsum(same_at)])
    gaps = np.diff(values)
    # Adjacent floats have no middle: the upper one then parts them, as "at least" is the rule.
    middles = np.maximum(values[:-1] + gaps / 2, np.nextafter(values[:-1], np.inf))
    places = np.concatenate([values[:1], middles, [np.nextafter(values[-1], np.inf)]])
    widths = np.concatenate([[0.0], gaps, [0.0]])
    return float(places[np.argmax(np.where(right == right.max(), widths, -1.0))])


def verify(scores: ArrayLike, same: ArrayLike, folds: ArrayLike) -> Verification:
    """Judge scores by the protocol: each fold by the threshold that is best on the other folds.

    Args:
        scores: (F, P) from fold_scores; or (P,) where a score does not depend on the fold that is tested.
        same: (P,) booleans, or 0 and 1.
        folds: (P,) integers.

    Rates that pool the folds, each pair with its score in its own fold, are pipeline.face_measures' of ``scores``.
    Raises InputError on unequal shapes, scores that are not finite, fewer than two folds, or a fold without
    same pairs or without different pairs.
    """
    labels, fold = _checked_folds(folds)
    judged, same, thresholds, correct = _judged(scores, same, folds)
    fold_accuracy = np.bincount(fold, weights=correct) / np.bincount(fold)
    return Verification(
        scores=judged,
        correct=correct,
        fold_labels=labels,
        thresholds=thresholds,
        fold_accuracy=fold_accuracy,
        accuracy=float(fold_accuracy.mean()),
        accuracy_std=float(fold_accuracy.std(ddof=1)),
        n_same=int(same.sum()),
        n_different=int((~same).sum()),
    )


def called_rightly(scores: ArrayLike, same: ArrayLike, folds: ArrayLike) -> NDArray[np.bool_]:
    """(P,) whether each pair is called rightly by the threshold that is best on the other folds: verify's ``correct``
    without its rates, at a third of the time. Arguments and errors are those of verify."""
    return _judged(scores, same, folds)[3]


def _judged(
    scores: ArrayLike, same: ArrayLike, folds: ArrayLike
) -> tuple[Floats, NDArray[np.bool_], Floats, NDArray[np.bool_]]:
    """(P,) scores of each pair in its own fold, (P,) same, (F,) thresholds, (P,) correct."""
    labels, fold = _checked_folds(folds)
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape not in {(len(fold),), (len(labels), len(fold))}:
        raise InputError(
            f"scores: shape {scores.shape}, expected ({len(fold)},) or ({len(labels)}, {len(fold)}) for "
            f"{len(fold)} pairs in {len(labels)} folds"
        )
    table = np.broadcast_to(scores, (len(labels), len(fold)))
    judged, same = _checked_scores(table[fold, np.arange(len(fold))], same)
    for kind, members in (("same", same), ("different", ~same)):
        count = np.bincount(fold[members], minlength=len(labels))
        if not count.all():
            raise InputError(f"folds: fold {labels[count.argmin()]} has no {kind} pairs, expected at least one")

    thresholds = np.array([best_threshold(table[f, fold != f], same[fold != f]) for f in range(len(labels))])
    correct = (judged >= thresholds[fold]) == same
    return judged, same, thresholds, correct


def area_under_roc(scores: ArrayLike, same: ArrayLike) -> float:
    """The share of (same, different) pairs of scores in the right order, a tie counting one half.

    Args and errors as ``equal_error_rate``.
    """
    far, tar = _roc_points(*_checked_scores(scores, same))
    return float(np.sum(np.diff(far) * (tar[1:] + tar[:-1]) / 2))


def equal_error_rate(scores: ArrayLike, same: ArrayLike) -> float:
    """The rate at which false accepts and false rejects are equally frequent, in [0, 1].

    Where no threshold gives equal rates, the ROC's neighbouring points are joined by a straight line.
    """
    far, tar = _roc_points(*_checked_scores(scores, same))
    excess = far + tar - 1.0  # false accepts less false rejects: rises strictly from -1 to 1
    after = int(np.argmax(excess >= 0))
    part = -excess[after - 1] / (excess[after] - excess[after - 1])
    return float(far[after - 1] + part * (far[after] - far[after - 1]))


def tar_at_far(scores: ArrayLike, same: ArrayLike, target: float) -> float:
    """The largest true accept rate of any threshold whose false accept rate is at most ``target``.

    Nothing is interpolated: some threshold reaches the value. Allowed are floor(target * n_different)
    false accepts; with fewer than 1 / target different pairs none is allowed, and the value is the true
    accept rate without any false accept. It then says nothing about ``target`` itself, only that much is reached on
    these pairs, so read it beside the number of different pairs: 3,000 give three false accepts at 1e-3. The
    threshold is chosen on the pairs that are judged by it; InsightFace's code takes it from the other folds.
    """
    if not 0.0 <= target <= 1.0:
        raise InputError(f"target: {target}, expected a false accept rate in [0, 1]")
    scores, same = _checked_scores(scores, same)
    far, tar = _roc_points(scores, same)
    # The slack of a billionth of a pair keeps 0.29 * 100 pairs at 29.
    allowed = np.flatnonzero(far * (~same).sum() <= target * (~same).sum() + 1e-9)
    return float(tar[allowed[-1]])


def roc(scores: ArrayLike, same: ArrayLike, *, points: int = 500) -> tuple[Floats, Floats]:
    """(far, tar) of the pooled scores from (0, 0) to (1, 1), both rising, at most ``points`` (>= 20) of them.

    Join them by straight lines. Points inside a level or upright run are left out, which changes nothing.
    Where too many remain, those are kept that a plot shows: both corners of the step at false accept rates
    evenly apart on a logarithmic and on a linear axis, and points evenly apart in the true accept rate.
    """
    far, tar = _roc_points(*_checked_scores(scores, same))
    run, rise = np.diff(far), np.diff(tar)
    bend = ~(((run[1:] == 0) & (run[:-1] == 0)) | ((rise[1:] == 0) & (rise[:-1] == 0)))
    keep = np.concatenate([[True], bend, [True]])
    far, tar = far[keep], tar[keep]
    if len(far) <= points:
        return far, tar
    lowest = far[far > 0][0]
    rates = np.concatenate([np.geomspace(lowest, 1.0, points // 4), np.linspace(0.0, 1.0, points // 10)])
    upper = np.searchsorted(far, rates, side="right") - 1
    lower = np.searchsorted(far, far[upper], side="left")
    high = np.searchsorted(tar, np.linspace(0.0, 1.0, points // 5), side="left")
    chosen = np.unique(np.concatenate([[0], lower, upper, high, [len(far) - 1]]))
    return far[chosen], tar[chosen]


def _roc_points(scores: Floats, same: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(far, tar) of every threshold, from accepting nothing to accepting all: one point a distinct score."""
    if same.all() or not same.any():
        raise InputError(f"same: all {len(same)} pairs are {bool(same[0])}, expected both kinds")
    _, same_at, different_at = _by_score(scores, same)
    far = np.concatenate([[0], np.cumsum(different_at[::-1])]) / different_at.sum()
    tar = np.concatenate([[0], np.cumsum(same_at[::-1])]) / same_at.sum()
    return far, tar


def _by_score(scores: Floats, same: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """The distinct scores in rising order, and how many same and different pairs have each."""
    values, place = np.unique(scores, return_inverse=True)
    return (
        values,
        np.bincount(place[same], minlength=len(values)),
        np.bincount(place[~same], minlength=len(values)),
    )


def _checked_scores(scores: ArrayLike, same: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    scores, same = np.asarray(scores, dtype=np.float64), np.asarray(same)
    if scores.ndim != 1 or len(scores) == 0 or scores.shape != same.shape:
        raise InputError(f"scores and same: shapes {scores.shape} and {same.shape}, expected one of each per pair")
    if not np.isfinite(scores).all():
        raise InputError(f"scores: {np.count_nonzero(~np.isfinite(scores))} of {len(scores)} are not finite")
    if same.dtype != bool and not np.isin(same, (0, 1)).all():
        raise InputError("same: a value other than true, false, 0 and 1")
    return scores, same.astype(bool)


def _checked_folds(folds: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The labels in rising order, and each pair's place among them."""
    folds = np.asarray(folds)
    if folds.ndim != 1 or not np.issubdtype(folds.dtype, np.integer):
        raise InputError(f"folds: shape {folds.shape} of type {folds.dtype}, expected one integer per pair")
    labels, fold = np.unique(folds, return_inverse=True)
    if len(labels) < 2:
        raise InputError(f"folds: {len(labels)} in {len(folds)} pairs, expected at least two: one gives the threshold")
    return labels, fold


def _checked_indices(name: str, indices: ArrayLike, pairs: int, faces: int) -> NDArray[np.int64]:
    indices = np.asarray(indices)
    if indices.shape != (pairs,) or not np.issubdtype(indices.dtype, np.integer):
        raise InputError(
            f"{name}: shape {indices.shape} of type {indices.dtype}, expected ({pairs},) integers: one per pair"
        )
    if indices.min() < 0 or indices.max() >= faces:
        raise InputError(f"{name}: indices {indices.min()} to {indices.max()}, expected 0 to {faces - 1}")
    return indices.astype(np.int64)
