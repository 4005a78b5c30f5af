"""Accuracy, likelihood, calibration and agreement against plain loops, scikit-learn and hand-computed values."""

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss, top_k_accuracy_score

from pipeline.errors import InputError
from pipeline.metrics.classification import agreement, classify, log_softmax, reliability, top_k_correct


def drawn(n=400, classes=9, seed=0, scale=2.0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    logits = scale * random.standard_normal((n, classes))
    logits[np.arange(n), labels] += 2.5
    return logits, labels


def probabilities(row):
    weights = [math.exp(value) for value in row]
    return [weight / sum(weights) for weight in weights]


def test_against_scikit_learn():
    logits, labels = drawn()
    found = classify(logits, labels)
    chances = np.exp(log_softmax(logits))
    assert found.n == 400 and found.correct.dtype == bool
    assert found.top1 == found.correct.mean() == top_k_accuracy_score(labels, chances, k=1)
    assert found.top5 == top_k_accuracy_score(labels, chances, k=5)
    assert 0 < found.top1 < found.top5 < 1
    assert found.nll == pytest.approx(log_loss(labels, chances), rel=1e-12)


def calibration_by_loop(logits, labels, bins):
    """Guo et al., eq. 1 to 3: bin m holds the confidences in ((m - 1) / M, m / M]."""
    members = [[] for _ in range(bins)]
    for row, label in zip(logits, labels):
        chances = probabilities(row)
        confidence = max(chances)
        number = next(m for m in range(bins) if m / bins < confidence <= (m + 1) / bins)
        members[number].append((confidence, chances.index(confidence) == label))
    error = 0.0
    for own in members:
        if own:
            accuracy = sum(right for _, right in own) / len(own)
            error += len(own) / len(labels) * abs(accuracy - sum(sure for sure, _ in own) / len(own))
    return error, members


@pytest.mark.parametrize(("bins", "scale"), [(15, 2.0), (15, 0.3), (7, 4.0), (1, 1.0)])
def test_calibration_is_that_of_a_plain_loop(bins, scale):
    logits, labels = drawn(scale=scale, seed=bins)
    found = classify(logits, labels, bins=bins)
    error, members = calibration_by_loop(logits.tolist(), labels.tolist(), bins)
    assert found.ece == found.reliability.error() == pytest.approx(error, abs=1e-12)
    table = found.reliability
    assert table.count.tolist() == [len(own) for own in members] and table.count.sum() == 400
    for number, own in enumerate(members):
        assert (table.low[number], table.high[number]) == pytest.approx((number / bins, (number + 1) / bins))
        if own:
            assert table.confidence[number] == pytest.approx(np.mean([sure for sure, _ in own]))
            assert table.accuracy[number] == pytest.approx(np.mean([right for _, right in own]))
        else:
            assert np.isnan(table.confidence[number]) and np.isnan(table.accuracy[number])


def test_ends_of_bins_belong_to_the_bin_below():
    table = reliability([0.0, 0.25, 0.2500001, 0.5, 1.0], [False, True, True, False, True], bins=4)
    assert table.count.tolist() == [2, 2, 0, 1]
    assert table.accuracy[:2].tolist() == [0.5, 0.5] and table.confidence[0] == 0.125
    # gaps .375, .1249999 (rounded), none and 0
    assert table.error() == pytest.approx((2 * 0.375 + 2 * 0.12499995) / 5)


def test_calibration_of_certainty():
    right, wrong = classify([[50.0, 0.0]] * 4, [0] * 4), classify([[50.0, 0.0]] * 4, [1] * 4)
    assert (right.ece, wrong.ece) == pytest.approx((0.0, 1.0), abs=1e-12)
    assert right.nll == pytest.approx(0, abs=1e-12) and wrong.nll == pytest.approx(50)
    assert right.top5 is None


def test_five_of_few_classes_say_nothing():
    logits, labels = drawn(classes=5)
    assert classify(logits, labels).top5 is None
    logits, labels = drawn(classes=6)
    assert classify(logits, labels).top5 == np.mean(logits.argmin(axis=1) != labels)


def test_a_network_that_has_collapsed_is_at_chance():
    labels = np.arange(40) % 8
    found = classify(np.zeros((40, 8)), labels)
    assert (found.top1, found.top5) == (1 / 8, 5 / 8)
    assert found.nll == pytest.approx(math.log(8)) and found.ece == pytest.approx(0, abs=1e-12)
    np.testing.assert_array_equal(found.correct, labels == 0)


def test_top_k_with_ties_by_loop():
    random = np.random.default_rng(3)
    logits, labels = random.integers(0, 3, (200, 6)).astype(float), random.integers(0, 6, 200)
    for k in range(1, 7):
        best = [sorted(range(6), key=lambda c: (-row[c], c))[:k] for row in logits]
        assert top_k_correct(logits, labels, k).tolist() == [label in own for own, label in zip(best, labels)]
    np.testing.assert_array_equal(top_k_correct(logits, labels, 1), logits.argmax(axis=1) == labels)


def test_huge_and_half_precision_logits():
    logits, labels = drawn(n=50)
    assert classify(logits * 1e30, labels).top1 == classify(logits, labels).top1
    assert math.isfinite(classify((logits * 1e36).astype(np.float32), labels).nll)
    shifted = classify(logits + 1000, labels)
    assert shifted.nll == pytest.approx(classify(logits, labels).nll, rel=1e-9)
    assert classify(logits.astype(np.float16), labels).nll == pytest.approx(classify(logits, labels).nll, rel=1e-2)


def test_agreement_by_loop():
    student, _ = drawn(n=60, seed=1)
    teacher = drawn(n=60, seed=1)[0] + np.random.default_rng(2).standard_normal((60, 9))
    found = agreement(student, teacher)
    total = 0.0
    for own, other in zip(student.tolist(), teacher.tolist()):
        p, q = probabilities(other), probabilities(own)
        total += sum(a * math.log(a / b) for a, b in zip(p, q))
    assert found.kl == pytest.approx(total / 60)
    assert found.kl != pytest.approx(agreement(teacher, student).kl)  # it has a direction
    assert 0 < found.rate < 1 and found.rate == found.same.mean()
    assert found.same.tolist() == [np.argmax(a) == np.argmax(b) for a, b in zip(student, teacher)]


def test_a_network_agrees_with_itself():
    logits, _ = drawn()
    found = agreement(logits, logits + 7.0)
    assert found.rate == 1 and 0 <= found.kl < 1e-12


LOGITS, LABELS = np.zeros((3, 4)), np.array([0, 1, 3])
BAD = {
    "no images": (np.zeros((0, 4)), np.zeros(0, int), r"logits: float64 \(0, 4\)"),
    "one class": (np.zeros((3, 1)), np.zeros(3, int), "two classes or more"),
    "flat": (np.zeros(3), LABELS, "expected floats"),
    "whole numbers": (np.zeros((3, 4), int), LABELS, "logits: int64"),
    "nan": (np.array([[0, 1.0], [0, np.nan], [np.inf, 0]]), LABELS, r"2 of 3 images .*first: row 1"),
    "other number": (LOGITS, LABELS[:2], r"labels: int64 \(2,\), expected \(3,\)"),
    "float labels": (LOGITS, LABELS.astype(float), "labels: float64"),
    "above": (LOGITS, np.array([0, 4, 1]), "labels: row 1: 4, expected 0 to 3"),
    "below": (LOGITS, np.array([0, 1, -1]), "labels: row 2: -1"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case):
    logits, labels, expected = BAD[case]
    for judge in (classify, lambda *both: top_k_correct(*both, 1)):
        with pytest.raises(InputError, match=expected):
            judge(logits, labels)


def test_what_else_is_refused():
    with pytest.raises(InputError, match="k is 0"):
        top_k_correct(LOGITS, LABELS, 0)
    with pytest.raises(InputError, match=r"student and teacher: \(3, 4\) and \(2, 4\)"):
        agreement(LOGITS, LOGITS[:2])
    with pytest.raises(InputError, match="teacher: 1 of 3"):
        agreement(LOGITS, np.where(np.eye(3, 4, 3), np.nan, 0.0))
    with pytest.raises(InputError, match="bins: 0"):
        classify(LOGITS, LABELS, bins=0)
    for confidence, correct in (([0.5], [True, False]), ([], []), ([0.5], [1]), ([1.1], [True]), ([np.nan], [True])):
        with pytest.raises(InputError, match="confidence"):
            reliability(confidence, np.array(correct, dtype=int if correct == [1] else bool))
