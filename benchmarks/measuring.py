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
    """Seconds of the processor, which other work does not lengthen as it does those of the clock; bytes at the peak
    above those at the start, without pages of mapped files, which can be dropped."""

    seconds: float
    peak: int


def cost(work: Callable[[], object]) -> Cost:
    """Of ``work``, in a forked child: what is imported before the call costs it nothing. Raises SystemExit if it fails."""
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
    first = _anonymous(os.getpid())  # what the child begins with
    whole = until_end(child)
    return Cost(whole.seconds, whole.peak - first)


def until_end(child: int) -> Cost:
    """Of a child process, from nothing on. Raises SystemExit if it fails.

    Looked at now and then: what the system notes as the peak includes, after an exec, that of the process before it.
    """
    peak = 0
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            break
        peak = max(peak, _anonymous(child))
        time.sleep(LOOK)
    if status:
        raise SystemExit("the measured work failed")
    return Cost(used.ru_utime + used.ru_stime, peak)


def _anonymous(process: int) -> int:
    """Bytes of a process that no file stands behind; 0 once it has ended."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("RssAnon")), 0)
