"""Exact, vectorised verification against a loop over a grid of thresholds: python -m benchmarks.verification

Both start from the same embeddings of 6,000 pairs in 10 folds and end with the accuracy; the exact way also
gives AUC, EER and TAR. The loop is the usual way, after the evaluation code of A-SKD (20,001 thresholds in
[-1, 1]); InsightFace tries 400, timed as well. Seconds are the processor's, which other work does not lengthen as it
does those of the clock. ``--smallest`` runs everything once on a few pairs: its figures say nothing.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from pipeline.metrics.verification import fold_scores, verify

FOLDS = 10


def grid_accuracy(left: np.ndarray, right: np.ndarray, same: np.ndarray, folds: np.ndarray, points: int) -> float:
    """Mean accuracy over folds; the threshold of each: the mean of the grid's best on the others."""
    accuracies = []
    for fold in range(FOLDS):
        other = folds != fold
        mean = np.concatenate([left[other], right[other]]).mean(axis=0)
        x, y = left - mean, right - mean
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        y /= np.linalg.norm(y, axis=1, keepdims=True)
        scores = (x * y).sum(axis=1)
        thresholds = np.linspace(-1, 1, points)
        right_calls = np.array([np.mean((scores[other] > threshold) == same[other]) for threshold in thresholds])
        threshold = thresholds[right_calls == right_calls.max()].mean()
        accuracies.append(np.mean((scores[~other] > threshold) == same[~other]))
    return float(np.mean(accuracies))


def main() -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smallest", action="store_true", help="a few pairs, once: no figures")
    smallest = parser.parse_args().smallest
    pairs, dimensions, rounds, grids = (100, 8, 1, (101, 11)) if smallest else (6_000, 1_024, 5, (20_001, 400))
    generator = np.random.default_rng(0)
    same = np.arange(pairs) % 2 == 0
    folds = np.repeat(np.arange(FOLDS), pairs // FOLDS)
    left = generator.normal(size=(pairs, dimensions)).astype(np.float32)
    # Same pairs correlate by 0.1, different ones by 0: about 94% can be told apart.
    shared = np.where(same, 0.1, 0.0)[:, None]
    right = (shared * left + np.sqrt(1 - shared**2) * generator.normal(size=left.shape)).astype(np.float32)
    embeddings, a, b = np.concatenate([left, right]), np.arange(pairs), np.arange(pairs, 2 * pairs)

    exact, judging = [], []
    for _ in range(rounds):
        start = time.process_time()
        scores = fold_scores(embeddings, a, b, folds)
        middle = time.process_time()
        accuracy = verify(scores, same, folds).accuracy
        exact.append(time.process_time() - start)
        judging.append(time.process_time() - middle)
    seconds = float(np.median(exact))
    line = f"verification, {pairs} pairs, {FOLDS} folds: exact {seconds:.3f} s ({accuracy:.4f}), of which "
    line += f"thresholds and rates {np.median(judging):.3f} s"
    for points in grids:
        start = time.process_time()
        loop_accuracy = grid_accuracy(left, right, same, folds, points)
        loop = time.process_time() - start
        line += f"; loop over {points} thresholds {loop:.2f} s ({loop_accuracy:.4f}), ratio {loop / seconds:.0f}"
    print(line)


if __name__ == "__main__":
    main()
