"""Do the verdicts hold what they say? python -m benchmarks.coverage [--smallest] [--runs N] [--seed N]

Simulates tables of methods of known truth (simulated.py) and judges them by the project's own functions, from scores
over thresholds on other folds to intervals, p-values and families. In each table are a control, ten methods that
equal it, and two that are better by a small and by a large gain. Of each row, in percent:

    alone            equal methods that are said to differ from the control at 5 %, judged without the rest of the table
    in table         the same with the spread over seeds taken from the whole table
    of 5, 10, 20     tables of so many equal methods with at least one false verdict after Holm
    Dunnett          the same of 5 with Dunnett's correction
    holds            95 % intervals of the two better methods that hold the truth, their mean over all tables
    +small, +large   of the better methods: found at 5 %, in the table, before correction

Behind each figure is its Monte Carlo error, tables being what is drawn. A row is marked where it leaves what is aimed
at by more than two of them: false verdicts 2.5 to 6, families at most 6, intervals 94 to 97.5, two seeds more
cautious. A second table has each column's mean over settings and its range. ``--smallest`` runs every fifth row on
two tables: its figures say nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulated import Setting, outcomes
from pipeline.metrics.verdicts.difference import Difference, differences
from pipeline.metrics.verdicts.families import dunnett, holm
from pipeline.metrics.verdicts.sharing import sharing

Floats = NDArray[np.float64]

EQUAL = 10  # methods that equal the control
ALPHA = 0.05
# The small and the large gain: points, dB, SSIM.
GAINS = {
    "pairs": (1.0, 2.5),
    "AUC": (1.0, 2.5),
    "probes": (1.0, 2.5),
    "images": (0.5, 1.0),
    "PSNR": (0.02, 0.05),
    "SSIM": (0.005, 0.01),
}
POINTS = ("pairs", "AUC", "probes", "images")
AIMS = {"alone": (2.5, 6.0), "in table": (2.5, 6.0), "holds": (94.0, 97.5)}
AIMS |= dict.fromkeys(("of 5", "of 10", "of 20", "Dunnett"), (0.0, 6.0))
COLUMNS = ("alone", "in table", "of 5", "of 10", "of 20", "Dunnett", "holds", "+small", "+large")


@dataclass(frozen=True)
class Row:
    """A setting, and in how many of its first seeds it is judged; ``tables`` at the usual number of runs."""

    setting: Setting
    seeds: tuple[int, ...]
    tables: int
    equal: int = EQUAL
    dunnett: bool = False


def rows() -> Iterator[Row]:
    """All that the table shows: chosen so that it takes at most 15 minutes on one core."""
    usual = (2, 3, 5)
    for deviation in (0.0, 0.3, 0.5, 1.0):
        for share in (0.0, 0.3):
            yield Row(Setting("pairs", 600, deviation, share), usual, 250)
        for share in (0.0, 0.1, 0.3):
            yield Row(Setting("pairs", 1800, deviation, share), usual, 250)
        yield Row(Setting("pairs", 6000, deviation, 0.1), (3, 5), 100)
        yield Row(Setting("probes", 1000, deviation, 0.3), usual, 400)
        yield Row(Setting("images", 6000, deviation), usual, 300)
    for pictures in (14, 100):
        for deviation in (0.0, 0.008, 0.03):
            yield Row(Setting("PSNR", pictures, deviation), (*usual, 10), 600)
        for deviation in (0.0, 0.004):
            yield Row(Setting("SSIM", pictures, deviation), (*usual, 10), 600)
    yield Row(Setting("SSIM", 100, 0.004, share=0.3), usual, 600)
    for deviation in (0.0, 0.5):
        yield Row(Setting("pairs", 1800, deviation, 0.1), (10,), 150)
        yield Row(Setting("pairs", 600, deviation, 0.1), (3,), 150, equal=20)
        yield Row(Setting("pairs", 600, deviation, 0.1), (3,), 150, dunnett=True)
    yield Row(Setting("PSNR", 100, 0.008), (2, 3, 5), 400, equal=20)
    for kind, items, deviation in (("pairs", 1800, 0.5), ("PSNR", 100, 0.03)):  # the same seeds
        yield Row(Setting(kind, items, deviation, together=0.5), usual, 250)
    for kind, items, deviation in (("pairs", 1800, 0.3), ("PSNR", 100, 0.01)):  # a control of threefold spread
        yield Row(Setting(kind, items, deviation, unequal=3.0), usual, 250)
    for deviation in (0.0, 0.5):
        yield Row(Setting("AUC", 1800, deviation, 0.1), usual, 250)


def simulate(row: Row, tables: int, seed: int) -> dict[int, dict[str, tuple[float, float]]]:
    """By number of seeds and column: (percent, Monte Carlo error)."""
    draw = np.random.default_rng(seed)
    s = row.setting
    gains = np.array([0.0] * (1 + row.equal) + list(GAINS[s.kind]))
    judged: dict[int, list[tuple[list[Difference], list[Difference]]]] = {count: [] for count in row.seeds}
    for _ in range(tables):
        y, people = outcomes(draw, s, gains, max(row.seeds))
        shared = sharing(y.shape[2], people)
        for count in row.seeds:
            judged[count].append(_judge(y[:, :count], shared, paired=s.together > 0))
    return {count: _columns(judged[count], row) for count in row.seeds}


def _judge(y: Floats, shared: object, paired: bool) -> tuple[list[Difference], list[Difference]]:
    """Each equal method alone with the control; all methods in their table."""
    table = dict(enumerate(y))
    alone = [
        differences({0: y[0], method: y[method]}, [(method, 0)], people=shared, paired=paired)[0]
        for method in range(1, len(y) - 2)
    ]
    return alone, differences(table, [(method, 0) for method in range(1, len(y))], people=shared, paired=paired)


def _columns(judged: list[tuple[list[Difference], list[Difference]]], row: Row) -> dict[str, tuple[float, float]]:
    alone = np.array([[one.p_value for one in few] for few, _ in judged])
    p_values = np.array([[one.p_value for one in table] for _, table in judged])
    better = np.array([[(one.estimate, one.low, one.high) for one in table[row.equal :]] for _, table in judged])
    truth = better[..., 0].mean(axis=0)
    found = {
        "alone": (alone < ALPHA).mean(axis=1),
        "in table": (p_values[:, : row.equal] < ALPHA).mean(axis=1),
        "holds": ((better[..., 1] <= truth) & (truth <= better[..., 2])).mean(axis=1),
        "+small": p_values[:, row.equal] < ALPHA,
        "+large": p_values[:, row.equal + 1] < ALPHA,
    }
    for size in (20,) if row.equal == 20 else (5, 10):
        found[f"of {size}"] = np.array([holm(some[:size]).min() < ALPHA for some in p_values])
    if row.dunnett:
        found["Dunnett"] = np.array([
            some[:5].min() < ALPHA and dunnett(table[:5]).min() < ALPHA
            for some, (_, table) in zip(p_values, judged, strict=True)
        ])  # fmt: skip
    return {
        name: (100 * float(np.mean(some)), 100 * float(np.std(some)) / np.sqrt(len(some)))
        for name, some in found.items()
    }


def outside(name: str, seeds: int, percent: float, error: float) -> bool:
    """Beyond the aim by more than two Monte Carlo errors. Two seeds may be more cautious than that."""
    low, high = AIMS.get(name, (0.0, 100.0))
    if seeds == 2:
        low, high = (low, 100.0) if name == "holds" else (0.0, high)
    return percent < low - 2 * error or percent > high + 2 * error


def described(row: Row, seeds: int, tables: int) -> list[str]:
    """The first columns of a line."""
    s = row.setting
    unit = " points" if s.kind in POINTS else " dB" if s.kind == "PSNR" else ""
    special = [
        f"{s.share:g} of groups" if s.kind in ("PSNR", "SSIM") and s.share else "" if not s.share else f"{s.share:g}"
    ]
    special += ["same seeds"] if s.together else []
    special += ["control's spread threefold"] if s.unequal != 1 else []
    return [
        s.kind,
        str(s.items),
        f"{s.deviation:g}{unit}",
        ", ".join(one for one in special if one) or "0",
        str(seeds),
        str(tables),
    ]


def summary(found: list[tuple[Row, int, dict[str, tuple[float, float]]]]) -> Iterator[list[str]]:
    """Cells by kind and seeds: each column's mean over settings and its range, without those of unequal spread."""
    usual = [(row.setting.kind, seeds, values) for row, seeds, values in found if row.setting.unequal == 1]
    for kind in GAINS:
        for seeds in sorted({seeds for which, seeds, _ in usual if which == kind}):
            some = [values for which, count, values in usual if (which, count) == (kind, seeds)]
            cells = []
            for name in COLUMNS:
                percents = [values[name][0] for values in some if name in values]
                cells.append(
                    f"{np.mean(percents):.1f} ({min(percents):.1f} to {max(percents):.1f})" if percents else ""
                )
            yield [kind, str(seeds), str(len(some)), *cells]


def main() -> None:
    """Print the table as Markdown, line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smallest", action="store_true", help="some rows, two tables each: no figures")
    parser.add_argument("--runs", type=float, default=1.0, metavar="TIMES", help="tables, as a multiple of the usual")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.process_time()
    first = ("items are", "number", "seed deviation", "share of people", "seeds", "tables")
    print("| " + " | ".join((*first, *COLUMNS, "")) + " |")
    print("|---" * (len(first) + len(COLUMNS) + 1) + "|")
    everything = []
    for place, row in list(enumerate(rows()))[:: 5 if options.smallest else 1]:
        tables = 2 if options.smallest else max(2, round(row.tables * options.runs))
        for seeds, found in simulate(row, tables, options.seed + 1000 * place).items():
            cells = [f"{found[name][0]:.1f} ± {found[name][1]:.1f}" if name in found else "" for name in COLUMNS]
            marks = [name for name, (percent, error) in found.items() if outside(name, seeds, percent, error)]
            print("| " + " | ".join([*described(row, seeds, tables), *cells, ", ".join(marks)]) + " |", flush=True)
            everything.append((row, seeds, found))
    print("\n| " + " | ".join(("items are", "seeds", "settings", *COLUMNS)) + " |")
    print("|---" * (3 + len(COLUMNS)) + "|")
    for cells in summary(everything):
        print("| " + " | ".join(cells) + " |")
    print(f"\n{time.process_time() - start:.0f} s of the processor")


if __name__ == "__main__":
    main()
