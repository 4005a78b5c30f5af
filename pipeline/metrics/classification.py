"""How well images are classified, how far the probabilities can be trusted, and how alike two networks decide.

Everywhere N is the number of images, K that of classes, ``logits`` (N, K) floats as the network gives them, ``labels``
(N,) the true classes, 0..K-1. Computed in double precision. Accuracies are fractions in [0, 1].

``correct`` of several seeds, stacked to (S, N), is what pipeline.metrics.verdicts takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError

Floats = NDArray[np.float64]

BINS = 15  # as Guo et al. have it
TOP = 5


@dataclass(frozen=True)
class Reliability:
    """Images by the probability of the class that is decided on, in M bins of equal width. [0, 1] throughout."""

    low: Floats
    """(M,) lower ends; a bin is (low, high], the first holds 0 too."""
    high: Floats
    """(M,) upper ends."""
    count: NDArray[np.int64]
    """(M,) images."""
    confidence: Floats
    """(M,) mean probability of the decisions; NaN where a bin is empty."""
    accuracy: Floats
    """(M,) share of the decisions that are right; NaN where a bin is empty."""

    def error(self) -> float:
        """Expected calibration error: mean over images of the gap between accuracy and confidence of their bin."""
        full = self.count > 0
        gaps = np.abs(self.accuracy[full] - self.confidence[full])
        return float(gaps @ self.count[full] / self.count.sum())


@dataclass(frozen=True)
class Classification:
    """The outcome on one set of images."""

    top1: float
    top5: float | None
    """Whether the true class is among the five likeliest; None with five classes or fewer."""
    nll: float
    """Negative log-likelihood of the true classes: mean, in nats."""
    ece: float
    """Expected calibration error; see Reliability.error."""
    reliability: Reliability
    correct: NDArray[np.bool_]
    """(N,) whether each image is classified rightly; its mean is ``top1``."""
    n: int


@dataclass(frozen=True)
class Agreement:
    """How alike a student and its teacher decide on the same images."""

    rate: float
    """Share of images that both give the same class, rightly or not."""
    kl: float
    """Mean over images of KL(teacher || student) of their probabilities, temperature 1, in nats; 0 or more."""
    same: NDArray[np.bool_]
    """(N,) whether both give the same class."""


def classify(logits: ArrayLike, labels: ArrayLike, *, bins: int = BINS) -> Classification:
    """Judge ``logits`` by the true ``labels``.

    Among equal logits the class with the lower number counts as likelier, so a network that gives one logit to all
    classes is at chance. Raises InputError on other shapes, numbers that are not finite, labels of no class.
    """
    logits = _checked_logits("logits", logits)
    labels = _checked_labels(labels, *logits.shape)
    correct = top_k_correct(logits, labels, 1)
    log_probabilities = log_softmax(logits)
    table = reliability(np.exp(log_probabilities.max(axis=1)), correct, bins=bins)
    return Classification(
        top1=float(correct.mean()),
        top5=float(top_k_correct(logits, labels, TOP).mean()) if logits.shape[1] > TOP else None,
        nll=float(-log_probabilities[np.arange(len(labels)), labels].mean()),
        ece=table.error(),
        reliability=table,
        correct=correct,
        n=len(labels),
    )


def top_k_correct(logits: ArrayLike, labels: ArrayLike, k: int) -> NDArray[np.bool_]:
    """(N,) whether the true class is among the ``k`` >= 1 likeliest; ties and errors as in ``classify``."""
    logits = _checked_logits("logits", logits)
    labels = _checked_labels(labels, *logits.shape)
    if k < 1:
        raise InputError(f"top_k_correct: k is {k}, expected at least 1")
    right = logits[np.arange(len(labels)), labels][:, None]
    before = np.arange(logits.shape[1]) < labels[:, None]
    return ((logits > right) | (logits == right) & before).sum(axis=1) < k


def reliability(confidence: ArrayLike, correct: ArrayLike, *, bins: int = BINS) -> Reliability:
    """The reliability table of Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 2.

    Args:
        confidence: (N,) probabilities in [0, 1] of the decisions. correct: (N,) booleans. bins: M >= 1.
    """
    confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct)
    if confidence.ndim != 1 or len(confidence) == 0 or correct.shape != confidence.shape or correct.dtype != bool:
        raise InputError(
            f"confidence and correct: shapes {confidence.shape} and {correct.shape}, {correct.dtype}, expected a number"
            " and a boolean per image"
        )
    if not ((confidence >= 0) & (confidence <= 1 + 1e-9)).all():
        raise InputError("confidence: a value outside [0, 1], expected probabilities")
    if bins < 1:
        raise InputError(f"bins: {bins}, expected at least 1")
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], confidence, side="left")
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(place, weights=confidence, minlength=bins) / count
        accuracy = np.bincount(place, weights=correct, minlength=bins) / count
    return Reliability(edges[:-1], edges[1:], count, mean_confidence, accuracy)


def agreement(student: ArrayLike, teacher: ArrayLike) -> Agreement:
    """Compare the logits of two networks on the same images. Raises InputError as ``classify`` does."""
    student, teacher = _checked_logits("student", student), _checked_logits("teacher", teacher)
    if student.shape != teacher.shape:
        raise InputError(
            f"student and teacher: {student.shape} and {teacher.shape}, expected the same images and classes"
        )
    same = student.argmax(axis=1) == teacher.argmax(axis=1)
    ours, other = log_softmax(student), log_softmax(teacher)
    divergence = (np.exp(other) * (other - ours)).sum(axis=1)
    # Below zero only by rounding.
    return Agreement(float(same.mean()), float(np.maximum(divergence, 0).mean()), same)


def log_softmax(logits: Floats) -> Floats:
    """(N, K) log-probabilities in nats; float32 logits of any size do not overflow."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _checked_logits(name: str, logits: ArrayLike) -> Floats:
    logits = np.asarray(logits)
    if logits.ndim != 2 or len(logits) == 0 or logits.shape[1] < 2 or not np.issubdtype(logits.dtype, np.floating):
        raise InputError(
            f"{name}: {logits.dtype} {logits.shape}, expected floats (images, classes), two classes or more"
        )
    unusable = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(unusable):
        raise InputError(
            f"{name}: {len(unusable)} of {len(logits)} images have NaN or infinite values (first: row {unusable[0]}),"
            " expected finite numbers"
        )
    return logits.astype(np.float64)


def _checked_labels(labels: ArrayLike, images: int, classes: int) -> NDArray[np.int64]:
    labels = np.asarray(labels)
    if labels.shape != (images,) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"labels: {labels.dtype} {labels.shape}, expected ({images},) whole numbers: one per image")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise InputError(f"labels: row {wrong[0]}: {labels[wrong[0]]}, expected 0 to {classes - 1}")
    return labels.astype(np.int64)
