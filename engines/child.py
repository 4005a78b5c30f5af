"""Runs engines.settle in a separate process, which shares DVC's lock with its parent and ends with it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from engines import private

LOCK = "ENGINES_LOCK"  # for the child: the number of the open file with DVC's lock


def settle(moment: str, lock: Any) -> tuple[dict[str, int] | None, str]:
    """Run engines.settle: how many steps there are and are good, or None and what went wrong.

    The child keeps the lock: should this process be killed alone, nothing starts beside what it has begun.
    """
    descriptor = private.descriptor(lock)
    with bound("" if descriptor is None else str(descriptor)) as words:
        done = subprocess.run(
            [sys.executable, "-m", "engines.settle", moment],
            capture_output=True,
            text=True,
            **words,
        )
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1]), ""
    return None, (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]


@contextlib.contextmanager
def bound(descriptor: str, **more: str) -> Iterator[dict[str, Any]]:
    """The words for subprocess that give a child the lock, and a pipe that ends when this process does."""
    reading, writing = os.pipe()
    try:
        environment = os.environ | {LOCK: descriptor} | more
        yield {"stdin": reading, "env": environment, "pass_fds": [int(descriptor)] if descriptor else []}
    finally:
        os.close(reading)
        os.close(writing)


def end_with_parent() -> None:
    """In the child: end at once when the parent has, however that came."""
    threading.Thread(target=lambda: os.read(0, 1) or os._exit(1), daemon=True).start()
