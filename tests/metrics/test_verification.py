"""The verification protocol against a slow reference in plain Python, scikit-learn and values by hand."""

import itertools
import math
import random
import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.errors import InputError
from pipeline.face_measures import measured, validated
from pipeline.metrics.verification import (
    area_under_roc,
    best_threshold,
    equal_error_rate,
    fold_scores,
    pair_scores,
    roc,
    tar_at_far,
    verify,
)
from pipeline.params.rates import written

MEASURES = validated({"auc": {}, "eer": {}, "tar_at_far": {"rates": [0.01, 0.001]}})


def rates(result, same):
    """AUC, EER, TAR at FAR 1e-2 and 1e-3, as an evaluation writes them."""
    by_name = measured(result.scores, np.asarray(same), MEASURES)
    assert list(by_name) == ["auc", "eer", "tar_at_far_1e-2", "tar_at_far_1e-3"]
    return tuple(by_name.values())


def test_rates_have_the_names_that_people_write():
    assert [written(rate) for rate in (0.5, 0.01, 0.0025, 1e-05)] == [
        "5e-1",
        "1e-2",
        "2.5e-3",
        "1e-5",
    ]


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ({"tar": {}}, "'tar' is no measure, expected some of auc, eer, tar_at_far"),
        ({"tar_at_far": {"rates": []}}, "tar_at_far.rates = []: expected at least 1 item"),
        ({"tar_at_far": {"rates": [1.5]}}, "tar_at_far.rates.0 = 1.5: expected less than 1"),
        ({"auc": {"rate": 1}}, "auc.rate is not a known setting"),
        (["auc"], "expected a mapping of measures"),
        ({"tar_at_far": {"rates": [0.01, 0.0100000001]}}, "expected each rate once, to four digits"),
        ({"tar_at_far": {"rates": [1e-300]}}, "expected greater than or equal to 0.000000001"),
    ],
)
def test_bad_measures_are_named(entries, line):
    with pytest.raises(ValueError, match=re.escape(line)):
        validated(entries)


def cosine(x, y):
    dot = sum(p * q for p, q in zip(x, y, strict=True))
    return dot / math.sqrt(sum(p * p for p in x) * sum(q * q for q in y))


def count_right(threshold, scores, same):
    return sum((score >= threshold) == label for score, label in zip(scores, same, strict=True))


def slow_threshold(scores, same):
    """Try every place between neighbouring scores; the widest best gap, then the lowest."""
    values = sorted(set(scores))
    places = [(values[0], 0.0)]
    places += [((low + high) / 2, high - low) for low, high in itertools.pairwise(values)]
    places += [(math.nextafter(values[-1], math.inf), 0.0)]
    best = None
    for place, width in places:
        key = (count_right(place, scores, same), width)
        if best is None or key > best[0]:
            best = (key, place)
    return best[1]


def slow_protocol(embeddings, a, b, same, folds):
    """(correct, accuracy of each fold, own score of each pair), one number at a time."""
    pairs = range(len(a))
    correct, accuracy, own = [None] * len(a), [], [None] * len(a)
    for fold in sorted(set(folds)):
        others = [embeddings[side[p]] for p in pairs if folds[p] != fold for side in (a, b)]
        mean = [sum(column) / len(others) for column in zip(*others, strict=True)]
        centred = [[value - m for value, m in zip(row, mean, strict=True)] for row in embeddings]
        scores = [cosine(centred[a[p]], centred[b[p]]) for p in pairs]
        threshold = slow_threshold(
            [scores[p] for p in pairs if folds[p] != fold], [same[p] for p in pairs if folds[p] != fold]
        )
        tested = [p for p in pairs if folds[p] == fold]
        for p in tested:
            own[p] = scores[p]
            correct[p] = (scores[p] >= threshold) == same[p]
        accuracy.append(sum(correct[p] for p in tested) / len(tested))
    return correct, accuracy, own


def random_case(seed, *, faces=30, pairs=48, folds=4, dimensions=5, offset=3.0):
    """Faces that stand in several pairs, unequal folds with odd labels, embeddings far from the origin."""
    draw = random.Random(seed)
    embeddings = [[draw.gauss(offset, 1.0) for _ in range(dimensions)] for _ in range(faces)]
    a = [draw.randrange(faces) for _ in range(pairs)]
    b = [draw.choice([face for face in range(faces) if face != first]) for first in a]
    labels = draw.sample(range(-5, 50), folds)
    fold = [
        labels[i] if i < folds else labels[i - folds] if i < 2 * folds else draw.choice(labels) for i in range(pairs)
    ]
    same = [i < folds if i < 2 * folds else draw.random() < 0.5 for i in range(pairs)]
    # Same pairs are drawn towards each other, so that there is something to find.
    for first, second, label in zip(a, b, same, strict=True):
        if label:
            embeddings[second] = [0.5 * p + 0.5 * q for p, q in zip(embeddings[first], embeddings[second], strict=True)]
    return embeddings, a, b, same, fold


@pytest.mark.parametrize("seed", range(25))
def test_the_protocol_equals_the_slow_reference(seed):
    embeddings, a, b, same, folds = random_case(seed)
    correct, accuracy, own = slow_protocol(embeddings, a, b, same, folds)
    result = verify(fold_scores(embeddings, a, b, folds), same, folds)
    np.testing.assert_allclose(result.scores, own, atol=1e-12)
    np.testing.assert_allclose(pair_scores(embeddings, a, b, folds), own, atol=1e-12)
    assert result.correct.tolist() == correct
    assert result.fold_labels.tolist() == sorted(set(folds))
    np.testing.assert_allclose(result.fold_accuracy, accuracy)
    mean = sum(accuracy) / len(accuracy)
    assert result.accuracy == pytest.approx(mean)
    assert result.accuracy_std == pytest.approx(math.sqrt(sum((x - mean) ** 2 for x in accuracy) / (len(accuracy) - 1)))
    assert area_under_roc(result.scores, same) == pytest.approx(roc_auc_score(same, own))
    assert (result.n_same, result.n_different) == (sum(same), len(same) - sum(same))


def test_single_precision_far_from_the_origin_keeps_its_digits():
    embeddings, a, b, _, folds = random_case(1, offset=1000.0)
    embeddings = np.array(embeddings, dtype=np.float32)
    _, _, own = slow_protocol(embeddings.astype(float).tolist(), a, b, [True, False] * 24, folds)
    np.testing.assert_allclose(pair_scores(embeddings, a, b, folds), own, atol=1e-9)


def test_a_tested_fold_does_not_touch_its_own_threshold():
    embeddings, a, b, same, folds = random_case(3, faces=96)
    a, b = list(range(48)), list(range(48, 96))  # no face in two folds
    before = verify(fold_scores(embeddings, a, b, folds), same, folds)
    tested = before.fold_labels[2]
    for pair in range(48):
        if folds[pair] == tested:
            embeddings[a[pair]] = [value * -7 + pair for value in embeddings[a[pair]]]
    after = verify(fold_scores(embeddings, a, b, folds), same, folds)
    assert after.thresholds[2] == pytest.approx(before.thresholds[2], abs=1e-12)
    assert after.thresholds[0] != pytest.approx(before.thresholds[0], abs=1e-12)


@pytest.mark.parametrize("seed", range(200))
def test_the_threshold_is_the_best_one_with_ties(seed):
    draw = random.Random(seed)
    levels = draw.choice([1, 2, 3, 5, 1000])
    scores = [draw.randrange(levels) / 8 for _ in range(draw.randrange(1, 40))]
    same = [draw.random() < 0.3 + 0.4 * score / levels for score in scores]
    threshold = best_threshold(scores, same)
    assert threshold == slow_threshold(scores, same)
    ends = [min(scores) - 1, max(scores) + 1]
    assert count_right(threshold, scores, same) == max(count_right(t, scores, same) for t in [*scores, *ends])


def test_thresholds_by_hand():
    assert best_threshold([0.1, 0.3, 0.7, 0.9], [False, False, True, True]) == pytest.approx(0.5)
    assert best_threshold([0.2, 0.2, 0.2, 0.2], [True, True, False, False]) == 0.2  # all same, as good as all different
    assert best_threshold([0.2, 0.2, 0.2], [True, False, False]) == math.nextafter(0.2, 1)
    # Two places make one mistake: the gap 0.2 to 0.3 and the wider gap 0.5 to 0.9.
    assert best_threshold([0.2, 0.3, 0.5, 0.9], [False, True, False, True]) == pytest.approx(0.7)
    # Equal gaps: the lower.
    assert best_threshold([0.0, 0.25, 0.5, 0.75], [False, True, False, True]) == 0.125
    # Adjacent floats have no middle, yet they are parted.
    low, high = 0.5, math.nextafter(0.5, 1)
    assert count_right(best_threshold([low, high], [False, True]), [low, high], [False, True]) == 2


def test_perfect_separation():
    scores, same, folds = [0.9, 0.1, 0.8, 0.2, 0.7, 0.3], [True, False] * 3, [0, 0, 1, 1, 2, 2]
    result = verify(scores, same, folds)
    assert result.correct.all() and result.accuracy == 1 and result.accuracy_std == 0
    assert rates(result, same) == (1, 0, 1, 1)
    assert roc(scores, same)[0].tolist() == [0, 0, 1] and roc(scores, same)[1].tolist() == [0, 1, 1]


def test_equal_embeddings_are_chance_and_not_rounding_noise():
    embeddings = np.full((40, 16), 0.1, dtype=np.float32)
    a, b = np.arange(0, 40, 2), np.arange(1, 40, 2)
    same, folds = np.arange(20) % 2 == 0, np.arange(20) // 10
    result = verify(fold_scores(embeddings, a, b, folds), same, folds)
    assert not result.scores.any()
    assert result.accuracy == 0.5 and rates(result, same)[:3] == (0.5, 0.5, 0)


@pytest.mark.parametrize("levels", [4, 50, 100_000])
def test_auc_equals_scikit_learn(levels):
    generator = np.random.default_rng(levels)
    same = generator.random(400) < 0.4
    scores = generator.integers(0, levels, 400) / levels + 0.3 * same
    result = verify(scores, same, np.arange(400) % 2)
    assert area_under_roc(result.scores, same) == pytest.approx(roc_auc_score(same, scores))


def test_rates_by_hand():
    # From the top: S S D S D S D D S D; 5 of each, no ties.
    same = [label == "S" for label in "SSDSDSDDSD"]
    scores = [1 - i / 10 for i in range(10)]
    assert tar_at_far(scores, same, 0.0) == pytest.approx(2 / 5)
    assert tar_at_far(scores, same, 0.19) == pytest.approx(2 / 5)
    assert tar_at_far(scores, same, 0.2) == pytest.approx(3 / 5)
    assert tar_at_far(scores, same, 0.4) == pytest.approx(4 / 5)
    assert tar_at_far(scores, same, 1.0) == 1
    # After SSDSD: 2/5 accepted falsely, 2/5 rejected falsely.
    assert equal_error_rate(scores, same) == pytest.approx(0.4)
    # One step of a tie, from (far 0, tar 0.5) to (0.5, 1): far = 1 - tar at 0.25.
    assert equal_error_rate([3, 2, 2, 1], [True, True, False, False]) == pytest.approx(0.25)
    # A tie cannot be split: its different pair comes with its same pair.
    assert tar_at_far([3, 2, 2, 1], [True, True, False, False], 0.4) == 0.5
    assert tar_at_far([3, 3, 2, 1], [True, False, True, False], 0.1) == 0.0


def test_a_share_of_pairs_is_not_lost_to_rounding():
    same = [False] * 100 + [True] * 100  # 0.29 * 100 is 28.999999999999996
    scores = [100 - i for i in range(100)] + [71.5 - i / 1000 for i in range(100)]
    assert tar_at_far(scores, same, 0.29) == 1.0 and tar_at_far(scores, same, 0.28) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_the_thinned_roc_lies_on_the_full_one(seed):
    generator = np.random.default_rng(seed)
    same = np.arange(6000) % 2 == 0
    scores = generator.normal(size=6000) + 1.5 * same
    far, tar = roc(scores, same)
    assert len(far) <= 500 and (np.diff(far) >= 0).all() and (np.diff(tar) >= 0).all()
    assert (far[0], tar[0], far[-1], tar[-1]) == (0, 0, 1, 1)
    full = {
        (np.mean(scores[~same] >= t), np.mean(scores[same] >= t)) for t in np.append(np.sort(scores), scores.max() + 1)
    }
    assert set(zip(far.tolist(), tar.tolist(), strict=True)) <= {(float(x), float(y)) for x, y in full}
    for target in (0.0, 1 / 3000, 2 / 3000):  # the steps that a logarithmic axis shows widest
        assert tar[far <= target + 1e-12].max() == tar_at_far(scores, same, target)
    area = np.sum(np.diff(far) * (tar[1:] + tar[:-1]) / 2)
    assert area == pytest.approx(roc_auc_score(same, scores), abs=2e-3)
    few_far, few_tar = roc(scores[:200], same[:200])
    area = np.sum(np.diff(few_far) * (few_tar[1:] + few_tar[:-1]) / 2)
    assert area == pytest.approx(roc_auc_score(same[:200], scores[:200]))


GOOD = {
    "embeddings": np.random.default_rng(0).normal(size=(8, 3)),
    "a": np.array([0, 2, 4, 6]),
    "b": np.array([1, 3, 5, 7]),
    "folds": np.array([0, 0, 1, 1]),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embeddings": np.where(np.arange(24).reshape(8, 3) == 7, np.nan, 1.0)}, "row 2"),
        ({"embeddings": np.full((8, 3), np.inf)}, "8 of 8 faces"),
        ({"embeddings": np.ones(8)}, "embeddings: shape"),
        ({"embeddings": np.ones((8, 3), dtype=int)}, "expected floats"),
        ({"a": np.array([0, 2, 4, 8])}, "a: indices 0 to 8, expected 0 to 7"),
        ({"b": np.array([-1, 3, 5, 7])}, "b: indices -1 to 7"),
        ({"b": np.array([1, 3, 5])}, "b: shape"),
        ({"a": np.array([0.0, 2.0, 4.0, 6.0])}, "expected \\(4,\\) integers"),
        ({"folds": np.zeros(4, dtype=int)}, "at least two"),
        ({"folds": np.array([], dtype=int), "a": np.array([], dtype=int)}, "at least two"),
        ({"folds": np.array([0.0, 0, 1, 1])}, "folds: shape"),
    ],
)
def test_bad_embeddings_and_pairs_are_one_clear_line(change, message):
    fold_scores(**GOOD)
    with pytest.raises(InputError, match=message) as error:
        pair_scores(**(GOOD | change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("scores", "same", "folds", "message"),
    [
        ([0.1, 0.2, 0.3, 0.4], [1, 1, 0, 1], [3, 3, 5, 5], "fold 3 has no different pairs"),
        ([0.1, 0.2, 0.3, 0.4], [1, 0, 0, 0], [3, 3, 5, 5], "fold 5 has no same pairs"),
        ([0.1, 0.2, 0.3, 0.4], [1, 0, 2, 0], [3, 3, 5, 5], "other than true"),
        ([0.1, 0.2, math.nan, 0.4], [1, 0, 1, 0], [3, 3, 5, 5], "1 of 4 are not finite"),
        ([0.1, 0.2, 0.3], [1, 0, 1, 0], [3, 3, 5, 5], "scores: shape"),
        ([0.1, 0.2, 0.3, 0.4], [1, 0, 1], [3, 3, 5, 5], "scores and same"),
        ([0.1, 0.2, 0.3, 0.4], [1, 0, 1, 0], [3, 3, 3, 3], "at least two"),
    ],
)
def test_bad_scores_are_one_clear_line(scores, same, folds, message):
    with pytest.raises(InputError, match=message):
        verify(scores, same, folds)
