"""Only one process at a time writes a result: while a step works, it holds a lock on the files that it writes.

An engine that is killed alone leaves its steps at work; what starts them again meets the lock, whoever it is. The
lock is the system's and goes with the process, however that ends; the file, in a folder that stays, names who holds
it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import InputError

FOLDER = Path(".at-work")
PATIENCE = 1.0  # seconds: whoever looks at the files holds each for a moment


@contextlib.contextmanager
def alone(step: str, words: list[str]) -> Iterator[None]:
    """Hold the lock of this step with these options. Raises InputError where another process has it.

    Where there is nothing to lock with (a folder that cannot be written, a file system without locks) it goes on
    without: the first is said by the step itself.
    """
    file = FOLDER / f"{step}-{hashlib.sha256(repr(words).encode()).hexdigest()[:16]}"
    try:
        lock = _take(file)
    except OSError:
        lock = -1
    if lock is None:
        raise InputError(f"{_holder(file)} is at work on the same results: start again when it has finished")
    try:
        yield
    finally:
        if lock >= 0:
            file.unlink(missing_ok=True)
            os.close(lock)


def at_work() -> list[str]:
    """Who works in this folder right now, as ``STEP (PID 123)``; files of those who have ended are removed."""
    holders = []
    for file in sorted(FOLDER.glob("*")):
        try:
            lock = _try(file)
        except OSError:
            continue
        if lock is None:
            holders.append(_holder(file))
        else:
            file.unlink(missing_ok=True)
            os.close(lock)
    return holders


def _take(file: Path) -> int | None:
    """The open file with its lock, None where somebody keeps it."""
    end = time.monotonic() + PATIENCE
    FOLDER.mkdir(exist_ok=True)
    while (lock := _try(file, os.O_CREAT)) is None:
        if time.monotonic() > end:
            return None
        time.sleep(0.05)
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    return lock


def _try(file: Path, flags: int = 0) -> int | None:
    while True:
        descriptor = os.open(file, os.O_RDWR | flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # its holder ended, and removed it, after it was opened here


def _holder(file: Path) -> str:
    try:
        pid = file.read_text(encoding="utf-8")
    except OSError:
        pid = ""
    return f"{file.name.rpartition('-')[0]} (PID {pid or 'unknown'})"
