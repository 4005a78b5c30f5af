"""Damaged files of every format are read or refused by one line, soon and in little memory; see benchmarks/fuzz.py."""

from __future__ import annotations

import time

import pytest

from benchmarks import fuzz
from benchmarks.fuzz_formats import Format
from pipeline.errors import InputError


@pytest.mark.slow
def test_no_damaged_file_does_harm():
    everything = fuzz.prepared()
    tried_by_format = fuzz.run(list(everything), everything, seconds=20, seed=0)
    faults = [fault for tried in tried_by_format.values() for fault in tried.faults]
    assert not faults, "\n".join(faults[:5])
    assert sum(tried.refused for tried in tried_by_format.values()) > 100
    assert sum(tried.count - tried.refused for tried in tried_by_format.values()) > 20, "all are refused at the door"


def test_mutants_follow_from_seed_format_and_number():
    form = Format({"a": bytes(range(200))}, "a", lambda place: None)
    first = [fuzz.mutant(3, "x", number, form) for number in range(50)]
    assert first == [fuzz.mutant(3, "x", number, form) for number in range(50)]
    assert len(set(first)) > 40 and first != [fuzz.mutant(4, "x", number, form) for number in range(50)]


def _raises(place):
    if (place / "a").read_bytes() != b"good":
        raise KeyError("other")


def _waits(place):
    if (place / "a").read_bytes() != b"good":
        time.sleep(60)


def _grows(place):
    if (place / "a").read_bytes() != b"good":
        bytearray(b"x") * (400 * 2**20)


def _dies(place):
    if (place / "a").read_bytes() != b"good":
        fuzz.os._exit(9)


def _refuses(place):
    if (place / "a").read_bytes() != b"good":
        raise InputError("no \x1b good" + "d" * 100_000)


@pytest.mark.parametrize("read, fault", [(_raises, "KeyError: 'other'"), (_waits, "hangs"), (_grows, "MB"),
                                         (_dies, "process died"), (_refuses, None)])  # fmt: skip
def test_faults_are_seen(read, fault, monkeypatch):
    monkeypatch.setattr(fuzz, "HANG", 0.5 if fault == "hangs" else 30)
    monkeypatch.setattr(fuzz, "GROWTH", 300 if fault == "MB" else 10_000)
    form = Format({"a": b"good"}, "a", read)
    tried = fuzz.run(["a"], {"a": form}, seconds=30, seed=0, count=1)["a"]
    assert tried.count == 1
    assert fault is None and tried.refused == 1 and not tried.faults or fault in tried.faults[0]
