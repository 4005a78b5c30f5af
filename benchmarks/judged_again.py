"""Verdicts of the result pages, judged again from the figures that they print: python -m benchmarks.judged_again

The pages of 2026-11-21 resampled pairs, pictures or images alone. Each comparison has an interval over items, and each
variant a spread over three seeds: V_items is that of the interval, V_seeds that of the spreads, pooled over the variants
of a table, of an unpaired difference. V_both, what seeds and items have in common, cannot be read off a page and is not
taken off, and spreads and intervals are widened by what rounding may have taken: this is cautious. Student's t, degrees of freedom after Satterthwaite, Holm over the comparisons of a line.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scipy.special import ndtri

from pipeline.metrics.verdicts.difference import t_test
from pipeline.metrics.verdicts.families import holm

RESULTS = Path(__file__).resolve().parent.parent / "docs/results"
SEEDS = 3
NORMAL = float(ndtri(0.975))  # half a 95 % interval in standard errors


@dataclass(frozen=True)
class Printed:
    """A comparison as a page prints it."""

    variant: str
    control: str
    difference: float
    low: float
    high: float


def number(text: str) -> float:
    """A printed number with its sign."""
    return float(text.replace("\N{MINUS SIGN}", "-"))


def rounding(text: str) -> float:
    """How far a printed number may lie from what was rounded."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


def p_value(one: Printed, spreads: list[float], items: int) -> float:
    """Of a comparison whose table's variants have these standard deviations over seeds."""
    v_items = ((one.high - one.low) / 2 / NORMAL) ** 2
    v_seeds = 2 / SEEDS * sum(spread**2 for spread in spreads) / len(spreads)
    variance = v_items + v_seeds
    df = variance**2 / (v_items**2 / (items - 1) + v_seeds**2 / (len(spreads) * (SEEDS - 1)))
    return t_test(one.difference, math.sqrt(variance), df, 0.95)[2]


def rows(text: str, head: str) -> Iterator[list[str]]:
    """Cells of every table row below each header that begins with ``head``, first lines of a cell apart by <br>."""
    for start in (match.start() for match in re.finditer(f"^{re.escape(head)}", text, re.MULTILINE)):
        for line in text[start:].split("\n\n", 1)[0].splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def spread(cell: str) -> float | None:
    """The largest standard deviation over seeds that a cell such as 83.57 ± 1.61<br>82.1 to 85.0 may stand for."""
    match = re.match(r"[\d.]+ ± ([\d.]+)", cell)
    return float(match[1]) + rounding(match[1]) if match else None


def printed(variant: str, control: str, difference: str, low: str, high: str) -> Printed:
    """A comparison from its printed numbers, the interval as wide as these allow."""
    return Printed(variant, control, number(difference), number(low) - rounding(low), number(high) + rounding(high))


def compared(cell: str, variant: str, control: str) -> Printed | None:
    """A cell such as +2.5<br>better<br>+1.4 to +3.6<br>p = 0.001; None where it compares nothing."""
    parts = cell.split("<br>")
    if len(parts) < 3:
        return None
    return printed(variant, control, parts[0], *parts[2].split(" to "))


def lfw() -> Iterator[tuple[str, list[Printed], list[float], int]]:
    """Against both controls at x8, and all verdicts of each table."""
    text = (RESULTS / "lfw.md").read_text(encoding="utf-8")
    accuracy = [row for row in rows(text, "| Trained | x1 | x2 | x4 | x8 |") if spread(row[1]) is not None]
    for control in ("degraded_only", "basicnet"):
        table = list(rows(text, f"| Compared with {control} |"))
        at_x8 = [compared(row[4], row[0].split("<br>")[0], control) for row in table]
        yield f"LFW at x8 against {control}", at_x8, [spread(row[4]) for row in accuracy], 1800


def super_resolution() -> Iterator[tuple[str, list[Printed], list[float], int]]:
    """The sentences against scratch, on Set14 and B100."""
    text = (RESULTS / "super_resolution.md").read_text(encoding="utf-8")
    tables = text.split("| Enlarged by | PSNR, dB | SSIM |")[1:]
    for name, items, table in zip(("Set14", "B100"), (14, 100), tables[1:3], strict=True):
        lines = table.split("\n\n", 1)[0].splitlines()
        spreads = [spread(line.split(" | ")[1]) for line in lines if "±" in line]
        said = re.search(rf"^{name}$.*?What learning from the teacher adds to scratch: ([^\n]*)", text, re.M | re.S)[1]
        found = re.findall(r"(\w+) ([+\N{MINUS SIGN}][\d.]+) dB \(95 % interval (\S+) to (\S+);", said)
        yield name, [printed(name, "scratch", *rest) for name, *rest in found], spreads, items


def ffkd() -> Iterator[tuple[str, list[Printed], list[float], int]]:
    """Every student against labels alone."""
    text = (RESULTS / "ffkd.md").read_text(encoding="utf-8")
    spreads = [value for row in rows(text, "| Variant | top-1, %") if (value := spread(row[1])) is not None]
    table = [row for row in rows(text, "| Student | against |") if row[1] == "scratch"]
    yield "CIFAR-10, a tenth, against scratch", [compared(row[3], row[0], row[1]) for row in table], spreads, 2000


def synthesis() -> Iterator[tuple[str, list[Printed], list[float], int]]:
    """SSIM against reconstruction, in both directions."""
    text = (RESULTS / "synthesis.md").read_text(encoding="utf-8")
    likeness = [row for row in rows(text, "| Made by | SSIM") if spread(row[1]) is not None]
    table = [row for row in rows(text, "| Variant | SSIM against copy") if not row[0].startswith("reconstruction")]
    half, each = len(likeness) // 2, len(table) // 2
    for place, direction in enumerate(("sketches", "photos")):
        spreads = [spread(row[1]) for row in likeness[place * half : (place + 1) * half]]
        some = [
            compared(row[2], row[0].split("<br>")[0], "reconstruction")
            for row in table[place * each : (place + 1) * each]
        ]
        yield f"CUHK {direction}, SSIM against reconstruction", some, spreads, 100


def main(words: list[str]) -> int:
    """Print a line for each comparison: difference, p corrected within its table, and whether it stands."""
    argparse.ArgumentParser("python -m benchmarks.judged_again", description=__doc__).parse_args(words)
    for page in (lfw, super_resolution, ffkd, synthesis):
        for title, comparisons, spreads, items in page():
            judged = [one for one in comparisons if one is not None]
            corrected = holm([p_value(one, spreads, items) for one in judged])
            print(title)
            for one, p in zip(judged, corrected, strict=True):
                word = "stands" if p < 0.05 else "not distinguishable"
                print(f"  {one.variant:22}{one.difference:+8.3f}  p = {p:.4f}  {word}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
