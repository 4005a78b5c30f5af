"""All pairs, streamed, against a plain matrix; FNMR at an FMR by counting."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.metrics import all_pairs
from pipeline.metrics.all_pairs import low_rates, misses, score_all_pairs
from pipeline.metrics.verdicts.mean import rate_interval


def photos(n: int, people: int, seed: int, dimensions: int = 6, signal: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """(n, dimensions) embeddings around a place for each person, and (n,) people with odd labels."""
    draw = np.random.default_rng(seed)
    who = draw.integers(people, size=n)
    places = signal * draw.normal(size=(people, dimensions))
    return (places[who] + draw.normal(size=(n, dimensions))).astype(np.float32), 7 * who - 20


def plain(embeddings: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(genuine, impostor) cosines, rising, pair by pair."""
    found: tuple[list[float], list[float]] = ([], [])
    for i, j in itertools.combinations(range(len(people)), 2):
        a, b = embeddings[i].astype(float), embeddings[j].astype(float)
        found[int(people[i] != people[j])].append(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    return np.sort(found[0]), np.sort(found[1])


@pytest.mark.parametrize("block", [7, 64, 1000])
def test_streaming_equals_a_plain_matrix(monkeypatch, block):
    monkeypatch.setattr(all_pairs, "BLOCK", block)
    embeddings, people = photos(90, 12, seed=1)
    genuine, impostors = plain(embeddings, people)
    found = score_all_pairs(embeddings, people, largest_rate=0.02)
    assert np.sort(found.genuine) == pytest.approx(genuine, abs=1e-12)
    assert found.impostors == len(impostors)
    assert len(found.highest) == min(len(impostors), int(np.ceil(0.06 * len(impostors))) + 30)
    assert found.highest == pytest.approx(impostors[::-1][: len(found.highest)], abs=1e-12)
    assert (found.highest_people[:, 0] != found.highest_people[:, 1]).all()
    counts = np.bincount(found.genuine_person, minlength=12)
    assert counts.tolist() == (found.photos * (found.photos - 1) // 2).tolist()


def test_rates_by_counting():
    embeddings, people = photos(120, 30, seed=2)
    genuine, impostors = plain(embeddings, people)
    rates = (0.5, 0.1, 0.01, 1e-4)
    found = low_rates([misses(score_all_pairs(embeddings, people, largest_rate=0.5), rates, draws=50)])
    for rate, one in zip(rates, found, strict=True):
        # The largest true match rate of any threshold that few enough impostors reach.
        best = max(
            (genuine >= edge).mean()
            for edge in [*np.nextafter(impostors, np.inf), *genuine, -1.0]
            if (impostors >= edge).sum() <= int(rate * len(impostors))
        )
        assert one.fnmr == pytest.approx(1 - best) and one.false_matches == int(rate * len(impostors))
        assert one.misses == pytest.approx((1 - best) * len(genuine))
        assert one.low <= one.fnmr <= one.high
    assert [one.shown for one in found] == [one.misses >= 30 and one.false_matches >= 30 for one in found]
    assert found[0].false_matches >= 30 and not found[3].shown


def test_intervals_cover_over_people_and_seeds():
    """The truth is the mean over many sets of people and trainings."""
    estimates, intervals = [], []
    for trial in range(100):
        draw = np.random.default_rng([3, trial])
        who = np.repeat(np.arange(40), 4)
        places = draw.normal(size=(40, 8))
        base = 1.2 * places[who] + draw.normal(size=(160, 8))
        networks = [
            score_all_pairs(base + draw.uniform(0.2, 0.9) * draw.normal(size=base.shape), who, largest_rate=0.05)
            for _ in range(3)
        ]
        [found] = low_rates([misses(one, (0.05,), draws=50, seed=trial) for one in networks])
        estimates.append(found.fnmr)
        intervals.append((found.low, found.high))
    low, high = np.array(intervals).T
    truth = np.mean(estimates)
    assert 0.89 <= np.mean((low <= truth) & (truth <= high)) <= 0.995


def test_a_collapsed_network_matches_nobody():
    [found] = low_rates([misses(score_all_pairs(np.ones((40, 3)), np.arange(40) // 2), (0.01,), draws=20)])
    assert found.fnmr == 1 and found.high == 1


def test_a_rate_of_one_has_an_interval_though_draws_of_people_have_others():
    low, high = rate_interval(1.0, 0.01, 1.96, 120)
    assert high == 1 and low == pytest.approx(120 / (120 + 1.96**2))  # Wilson's with 120 of 120
    assert rate_interval(0.0, 0.01, 1.96, 120) == (0, pytest.approx(1 - low))


def test_memory_is_that_of_the_highest_and_a_block():
    embeddings, people = photos(3000, 600, seed=4)
    tracemalloc.start()
    found = score_all_pairs(embeddings, people, largest_rate=1e-3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.impostors > 4_400_000  # 36 MB of scores, with their people 108 MB
    assert peak < 50e6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: score_all_pairs(np.ones((3, 2)), [1, 2]), "shapes \\(3, 2\\) and \\(2,\\)"),
        (lambda: score_all_pairs([[1.0, np.nan]] * 3, [1, 1, 2]), "3 values are not finite"),
        (lambda: score_all_pairs(np.ones((3, 2)), [1, 2, 3]), "3 with at most 1 photos"),
        (lambda: score_all_pairs(np.ones((3, 2)), [1.0, np.nan, 2.0]), "3 of type float64, expected integers"),
        (lambda: score_all_pairs(np.ones((0, 2)), np.empty(0, int)), "0 of type int64"),
        (lambda: low_rates([]), "0 networks"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(InputError, match=message):
        call()
