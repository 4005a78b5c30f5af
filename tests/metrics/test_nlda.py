"""Recognition by null-space LDA against scatter matrices written out, and on pictures whose outcome is known."""

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.metrics.nlda import discriminants, recognise


def noise(people, channels=1, height=6, width=8, seed=0):
    return np.random.default_rng(seed).integers(40, 200, (people, channels, height, width)).astype(np.uint8)


def alike(pictures, spread, seed=9):
    errors = np.random.default_rng(seed).normal(0, spread, pictures.shape)
    return (pictures + errors).clip(0, 255).round().astype(np.uint8)


def outer(rows):
    """The sum of x x^T over rows."""
    return sum(np.outer(row, row) for row in rows)


def plain_directions(first, second):
    """Chen et al. 2000 with D x D matrices: range of S_t, null space of S_w in it, eigenvectors of S_b there."""
    middle = np.concatenate([first, second]).mean(axis=0)
    within, between = np.zeros((2, len(middle), len(middle)))
    for a, b in zip(first, second, strict=True):
        mean = (a + b) / 2
        within += outer([a - mean, b - mean])
        between += 2 * outer([mean - middle])
    values, vectors = np.linalg.eigh(within + between)
    space = vectors[:, values > 1e-9 * values.max()]
    values, vectors = np.linalg.eigh(space.T @ within @ space)
    space = space @ vectors[:, values < 1e-9 * values.max()]
    values, vectors = np.linalg.eigh(space.T @ between @ space)
    return space @ vectors[:, ::-1][:, values[::-1] > 1e-9 * values.max()]


def plain_protocol(real, synthesised, train, splits, seed):
    grey = [
        np.array([np.tensordot((0.299, 0.587, 0.114), p, 1) if len(p) == 3 else p[0] for p in pictures], float)
        for pictures in (real, synthesised)
    ]
    first, second = (pictures.reshape(len(pictures), -1) for pictures in grey)
    generator = np.random.default_rng(seed)
    rows, hits = [], {person: [] for person in range(len(real))}
    for split in range(splits):
        order = generator.permutation(len(real))
        directions = plain_directions(first[order[:train]], second[order[:train]])
        for dimension in range(1, directions.shape[1] + 1):
            right = []
            for probe in order[train:]:
                distances = [
                    np.linalg.norm((first[probe] - second[other]) @ directions[:, :dimension])
                    for other in order[train:]
                ]
                right.append(order[train:][np.argmin(distances)] == probe)
            rows.append((split, dimension, np.mean(right)))
        for probe, hit in zip(order[train:], right, strict=True):
            hits[probe].append(hit)
    return rows, [np.mean(hits[person]) if hits[person] else np.nan for person in hits]


@pytest.mark.parametrize(
    ("people", "train", "channels", "height", "width"),
    [(12, 5, 1, 6, 8), (12, 5, 3, 6, 8), (20, 8, 1, 4, 5), (20, 10, 1, 3, 4)],  # in the last two: few pixels
)
def test_as_with_scatter_matrices(people, train, channels, height, width):
    real = noise(people, channels, height, width)
    synthesised = alike(real, 50)
    result = recognise(real, synthesised, train=train, splits=3, seed=4)
    rows, shares = plain_protocol(real, synthesised, train, 3, 4)
    assert list(result.table.columns) == ["split", "dimension", "rank1"]
    np.testing.assert_allclose(result.table.to_numpy(), rows, atol=1e-12)
    np.testing.assert_allclose(result.people, shares)
    assert (result.train, result.tested) == (train, people - train)
    most = max(dimension for _, dimension, _ in rows)
    assert most == min(train - 1, height * width - train)
    best = [max(rate for s, _, rate in rows if s == split) for split in range(3)]
    last = [rate for _, dimension, rate in rows if dimension == most]
    assert result.rank1_best_dimension == pytest.approx(np.mean(best))
    assert result.rank1_all_dimensions == pytest.approx(np.mean(last))
    assert 0 < np.mean(last) < 1


def test_a_person_becomes_one_point():
    first, second = np.random.default_rng(0).normal(size=(2, 7, 40)) * 50 + 100
    directions = discriminants(first, second)
    assert directions.shape == (40, 6)
    np.testing.assert_allclose(directions.T @ directions, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(first @ directions, second @ directions, atol=1e-9)  # within-class scatter 0
    means = first @ directions
    means -= means.mean(axis=0)
    spread = means.T @ means
    np.testing.assert_allclose(spread, np.diag(np.diag(spread)), atol=1e-6)
    assert (np.diff(np.diag(spread)) < 0).all()  # the widest first


def test_what_all_drawings_share_is_taken_out():
    """A style, the same for everybody and larger than people's differences, which a plain comparison trips over."""
    real = alike(np.full((30, 1, 6, 8), 100, np.uint8), 8)
    style = np.random.default_rng(5).integers(-80, 80, (1, 1, 6, 8))
    result = recognise(real, (real + style).astype(np.uint8), splits=4)
    assert result.rank1_best_dimension == result.rank1_all_dimensions == 1
    assert result.table["rank1"].iloc[-1] == 1 and np.nanmin(result.people) == 1
    # Equal pictures are found by the first direction already.
    assert (recognise(real, real, splits=4).table["rank1"] == 1).all()


def test_unrelated_pictures_are_found_by_chance():
    result = recognise(noise(80), noise(80, seed=1), train=30)
    # 20 splits of 50 probes, chance 0.02: a standard error of about 0.005.
    assert result.rank1_all_dimensions < 0.04
    # What choosing the dimension on the people tested does by itself.
    assert result.rank1_best_dimension > 2 * result.rank1_all_dimensions
    # Right pictures, wrong people.
    real = noise(80)
    assert recognise(real, real, train=30).rank1_all_dimensions == 1
    assert recognise(real, np.roll(real, 1, axis=0), train=30).rank1_all_dimensions < 0.04


@pytest.mark.parametrize("real", [noise(20), np.full((20, 1, 6, 8), 77, np.uint8)])
def test_a_network_that_draws_everybody_alike_recognises_nobody(real):
    result = recognise(real, np.full_like(real, 130), splits=3)
    assert result.table.to_numpy().tolist() == [[0, 0, 0], [1, 0, 0], [2, 0, 0]]
    assert result.rank1_best_dimension == result.rank1_all_dimensions == np.nanmax(result.people) == 0


def test_one_drawing_for_two_people_is_a_tie():
    real = noise(12)
    drawn = real.copy()
    drawn[0] = drawn[1]
    result = recognise(real, drawn, train=4, splits=40)
    assert result.people[0] == 0  # somebody else's drawing
    # Not the nearest alone, unless the other person trains.
    assert 0 < result.people[1] < 1 and (result.people[2:] == 1).all()


def test_splits_follow_the_seed_and_not_the_pictures():
    real = noise(20)
    one, two = (recognise(real, alike(real, spread), splits=1, seed=3) for spread in (20, 60))
    tested = np.isfinite(one.people)
    assert tested.sum() == one.tested and (np.isfinite(two.people) == tested).all()
    assert one.people[tested].mean() == one.rank1_all_dimensions
    again = recognise(real, alike(real, 20), splits=1, seed=3)
    assert again.table.equals(one.table)
    assert (np.isfinite(recognise(real, alike(real, 20), splits=1, seed=4).people) != tested).any()
    # Splits differ from each other, and everybody has their turn.
    assert np.isfinite(recognise(real, real).people).all()


def test_the_share_that_trains_is_that_of_cufs():
    real = noise(338, 1, 13, 12)
    result = recognise(real, real, splits=1)
    assert (result.train, result.tested) == (150, 188)
    assert recognise(noise(100, 1, 8, 8), noise(100, 1, 8, 8), splits=1).train == 44


REAL = noise(10)


@pytest.mark.parametrize(
    ("real", "synthesised", "options", "expected"),
    [
        (REAL, REAL[:9], {}, "(10, 1, 6, 8) and (9, 1, 6, 8), expected the same shape"),
        (REAL[:, 0], REAL[:, 0], {}, "real: shape (10, 6, 8), expected"),
        (REAL, REAL * np.nan, {}, "synthesised: nan to nan"),
        (REAL, REAL, {"train": 1}, "train: 1 of 10 people, expected at least 2"),
        (REAL, REAL, {"train": 9}, "train: 9 of 10 people"),
        (REAL[:3], REAL[:3], {}, "train: 1 of 3 people"),
        (REAL[..., :2, :2], REAL[..., :2, :2], {}, "4 pixels per picture, expected more than the 4 people"),
        (REAL, REAL, {"splits": 0}, "splits: 0"),
    ],
)
def test_pictures_that_cannot_be_looked_up(real, synthesised, options, expected):
    with pytest.raises(InputError) as caught:
        recognise(real, synthesised, **options)
    assert expected in str(caught.value)
