"""No difference, and no simulation: one variant's trainings against each other. python -m benchmarks.splits FOLDER DATA

FOLDER has VARIANT/SEED/scores.csv, as the evaluations of recognition lie in reports/recognition/evaluations, DATA has
pairs.csv and index.csv, as in data/recognition. For each variant with at least six seeds, all ways to take two groups
of three are judged as two methods (``--size`` for other groups; of more than MOST ways that many are drawn): by items
and seeds (verdicts), and by items alone as a plain test over pairs does. Printed is how many of 100 are said to
differ at 5 %, over protocols and qualities. The ways share trainings, so few seeds are few independent tests.
"""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.metrics.verdicts.difference import differences
from pipeline.metrics.verdicts.sharing import Sharing, sharing

ALPHA = 0.05
FEWEST = 6  # seeds: three against three
MOST = 500


def splits(seeds: int, size: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """All unordered pairs of disjoint groups of ``size`` seeds, or MOST of them."""
    found = []
    for first in itertools.combinations(range(seeds), size):
        rest = [seed for seed in range(first[0] + 1, seeds) if seed not in first]
        found += [(first, second) for second in itertools.combinations(rest, size)]
    if len(found) > MOST:
        found = [found[place] for place in np.random.default_rng(0).choice(len(found), MOST, replace=False)]
    return found


def people_of(data: Path) -> dict[str, NDArray[np.int64]]:
    """By protocol (P, 2): who is on each pair, numbered over all."""
    identity = pd.read_csv(data / "index.csv").set_index("face")["identity"]
    number = pd.Series(pd.factorize(identity)[0], index=identity.index)
    pairs = pd.read_csv(data / "pairs.csv")
    return {
        str(protocol): np.stack([number[table["a"]].to_numpy(), number[table["b"]].to_numpy()], axis=1)
        for protocol, table in pairs.sort_values("pair").groupby("protocol")
    }


def calls(folder: Path) -> dict[tuple[str, str, str], NDArray[np.float64]]:
    """By (variant, protocol, condition) (S, P): which pairs each seed's network calls rightly."""
    found = defaultdict(list)
    for path in sorted(folder.glob("*/*/scores.csv")):
        table = pd.read_csv(path, keep_default_na=False).sort_values("pair")
        for (protocol, condition), some in table.groupby(["protocol", "condition"]):
            found[path.parts[-3], str(protocol), str(condition)].append(some["correct"].to_numpy(dtype=float))
    return {key: np.stack(some) for key, some in found.items() if len(some) >= FEWEST}


def rejected(correct: NDArray[np.float64], shared: Sharing, size: int) -> tuple[float, float]:
    """Shares of splits that are said to differ: with items and seeds sampled, and with items alone."""
    both, items = [], []
    for first, second in splits(len(correct), size):
        a, b = correct[list(first)], correct[list(second)]
        both.append(differences({0: a, 1: b}, [(1, 0)], people=shared)[0].p_value < ALPHA)
        # One row each: the mean over seeds, as if it were a single network.
        alone = differences({0: a.mean(axis=0), 1: b.mean(axis=0)}, [(1, 0)])
        items.append(alone[0].p_value < ALPHA)
    return float(np.mean(both)), float(np.mean(items))


def main() -> None:
    """Print a line for each variant, protocol and quality, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="has VARIANT/SEED/scores.csv")
    parser.add_argument("data", type=Path, help="has pairs.csv and index.csv")
    parser.add_argument("--size", type=int, default=3, help="seeds of a group, 3")
    options = parser.parse_args()
    people = people_of(options.data)
    found = []
    print(
        "| variant | protocol | quality | seeds | spread over seeds, points | splits | items and seeds | items alone |"
    )
    print("|---" * 8 + "|")
    for (variant, protocol, condition), correct in calls(options.folder).items():
        shared = sharing(correct.shape[1], people[protocol])
        found.append(rejected(correct, shared, options.size))
        spread = 100 * correct.mean(axis=1).std(ddof=1)
        numbers = f"{len(correct)} | {spread:.2f} | {len(splits(len(correct), options.size))}"
        shares = " | ".join(f"{100 * share:.1f}" for share in found[-1])
        print(f"| {variant} | {protocol} | {condition} | {numbers} | {shares} |", flush=True)
    if not found:
        raise SystemExit(f"{options.folder}: no variant with {FEWEST} seeds or more, expected VARIANT/SEED/scores.csv")
    print("| all | | | | | | " + " | ".join(f"{100 * share:.1f}" for share in np.mean(found, axis=0)) + " |")


if __name__ == "__main__":
    main()
