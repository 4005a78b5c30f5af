"""Time and memory of a piece of work, in a process of its own; Linux."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOOK = 0.005  # seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """Wall seconds; bytes at the peak above those at the start, without pages of mapped files, which can be dropped."""

    seconds: float
    peak: int


def cost(work: Callable[[], object]) -> Cost:
    """Of ``work``, in a forked child: what is imported before the call costs it nothing. Raises SystemExit if it fails."""
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        status = 99
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    first = peak = _anonymous(os.getpid())  # what the child begins with
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        peak = max(peak, _anonymous(child))
        time.sleep(LOOK)
    if status:
        raise SystemExit("the measured work failed")
    return Cost(time.perf_counter() - began, peak - first)


def _anonymous(process: int) -> int:
    """Bytes of a process that no file stands behind; 0 once it has ended."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("RssAnon")), 0)
