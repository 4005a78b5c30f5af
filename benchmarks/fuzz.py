"""Damage small valid files of each format and read them: python -m benchmarks.fuzz --seconds 600 --seed 0

Each damaged file must be read or be refused by one short line (InputError) within 5 s and with less than 300 MB. Formats
take turns, each in a process of its own that is killed where it hangs. A mutant follows from seed, format and number
alone: --format NAME --first NUMBER --count 1 reads it again. Exit status 1 where anything else came out.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.fuzz_formats import Format, formats
from pipeline.errors import LONGEST_LINE, InputError

HANG = 5.0  # seconds
GROWTH = 300  # MB
TURN = 2.0  # seconds that a format is tried before the next


@dataclass
class Tried:
    """What came of a format's mutants."""

    count: int = 0
    refused: int = 0
    slowest: float = 0.0  # seconds
    growth: float = 0.0  # MB above the beginning
    faults: list[str] = field(default_factory=list)


def mutant(seed: int, name: str, number: int, form: Format) -> bytes:
    """The damaged target of a format."""
    draw = random.Random(f"{seed} {name} {number}")
    return form.damage(form.files[form.target], draw)


def attempt(place: Path, name: str, form: Format, seed: int, number: int) -> tuple[bool, str]:
    """Whether the mutant was refused, and what was wrong with that; "" where it was read or refused as it should be."""
    (place / form.target).write_bytes(mutant(seed, name, number, form))
    try:
        form.read(place)
    except InputError as error:
        line = str(error)
        return True, "" if line.isprintable() and len(
            line
        ) <= LONGEST_LINE else f"a line not fit to print: {line[:99]!r}"
    except Exception:
        return False, traceback.format_exc()
    return False, ""


def prepared() -> dict[str, Format]:
    """All formats, each read once: what is imported on first use is none of the mutants'."""
    with tempfile.TemporaryDirectory() as folder:
        everything = formats(Path(folder))
        for form in everything.values():
            for file, data in form.files.items():
                Path(folder, file).write_bytes(data)
            form.read(Path(folder))
    return everything


def _work(pipe: Connection, name: str, form: Format, seed: int, folder: Path) -> None:
    """Read mutants by their numbers, which come through the pipe, until 'None' comes."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)  # libtiff writes there by itself
    place = Path(tempfile.mkdtemp(dir=folder))
    for file, data in form.files.items():
        (place / file).write_bytes(data)
    form.read(place)  # what a process sets up on first use is none of the mutants'
    Path("/proc/self/clear_refs").write_text("5")
    start = _status("VmRSS")
    pipe.send("ready")
    while (number := pipe.recv()) is not None:
        begun = time.monotonic()
        refused, fault = attempt(place, name, form, seed, number)
        pipe.send((refused, fault, time.monotonic() - begun, max(0, _status("VmHWM") - start)))


def _status(key: str) -> float:
    """Megabytes of this process: VmRSS now, VmHWM at most."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{key}:")[2].split()[0]) / 1024


def run(names: list[str], all_formats: dict[str, Format], seconds: float, seed: int, first: int = 0,
        count: int | None = None) -> dict[str, Tried]:  # fmt: skip
    """Try the formats ``names`` in turns for ``seconds``, or ``count`` mutants of each from number ``first`` on."""
    context = multiprocessing.get_context("fork")
    by_format = {name: Tried() for name in names}
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        for name in itertools.cycle(names):
            tried = by_format[name]
            if time.monotonic() > end or count is not None and tried.count >= count:
                break
            ours, theirs = context.Pipe()
            worker = context.Process(
                target=_work, args=(theirs, name, all_formats[name], seed, Path(folder)), daemon=True
            )
            worker.start()
            theirs.close()  # else the pipe stays open when the worker dies
            if not ours.poll(60) or ours.recv() != "ready":
                raise RuntimeError(f"the valid file of {name} cannot be read")
            turn = time.monotonic() + min(TURN, seconds / len(names))
            while time.monotonic() < turn if count is None else tried.count < count:
                _next(
                    tried, ours, f"--seed {seed} --format '{name}' --first {first + tried.count}", first + tried.count
                )
                if not worker.is_alive() or tried.faults and "hangs" in tried.faults[-1]:
                    break
            else:
                with contextlib.suppress(OSError):  # it may have died on the last
                    ours.send(None)
                worker.join(HANG)
            worker.kill()
            worker.join()
    return by_format


def _next(tried: Tried, pipe: Connection, where: str, number: int) -> None:
    """Have the worker read one mutant and note what came of it."""
    tried.count += 1
    try:
        pipe.send(number)
        if not pipe.poll(4 * HANG):  # beyond doubt, on a busy machine; what answers late is told by its time
            tried.faults.append(f"{where}: hangs")
            return
        refused, fault, took, growth = pipe.recv()
    except (EOFError, OSError):
        tried.faults.append(f"{where}: the process died")
        return
    tried.refused += refused
    tried.slowest, tried.growth = max(tried.slowest, took), max(tried.growth, growth)
    if fault or took > HANG or growth > GROWTH:
        tried.faults.append(f"{where}: {fault or f'{took:.1f} s, {growth:.0f} MB'}")


def main(words: list[str]) -> int:
    """Try all formats and print what came of each."""
    parser = argparse.ArgumentParser("python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="for all formats together (default: 600)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", help="this one alone")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--count", type=int, help="how many mutants of each format, whatever time they take")
    options = parser.parse_args(words)
    everything = prepared()
    names = [options.format] if options.format else list(everything)
    begun = time.monotonic()
    by_format = run(names, everything, options.seconds, options.seed, options.first, options.count)
    took = time.monotonic() - begun
    print(f"{'format':18}{'mutants':>9}{'refused':>9}{'slowest, s':>12}{'growth, MB':>12}{'faults':>8}")
    for name, tried in by_format.items():
        print(
            f"{name:18}{tried.count:9}{tried.refused:9}{tried.slowest:12.2f}{tried.growth:12.0f}{len(tried.faults):8}"
        )
    total = sum(tried.count for tried in by_format.values())
    print(f"seed {options.seed}: {total} mutants in {took:.0f} s, {total / took:.0f} a second")
    faults = [fault for tried in by_format.values() for fault in tried.faults]
    for fault in faults[:50]:
        print(fault)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
