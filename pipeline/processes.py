"""Several processes, one per GPU, that share a training: their places, and how they are started. Execution, not
science.

PIPELINE_PROCESSES = N starts N of them on this machine in the place of a training step. PIPELINE_LAUNCH = COMMAND is
for several hosts: the step becomes ``COMMAND python -m pipeline STEP ...``, and COMMAND (torchrun --no-python, or
srun with it) starts that on each host. A process knows its place by the variables that torchrun sets. Nothing here
needs torch.
"""

from __future__ import annotations

import contextlib
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import InputError

MEETING = "PIPELINE_MEETING"  # file://..., where processes started here find each other; those of torchrun have a host
MOST = 1024
LOST = 75  # exit status of a process whose companions are gone: another process says why
PATIENCE = 10.0  # seconds that a failure leaves to the other processes, which mostly fail by themselves of the same
_LOOK = 0.05  # seconds between two looks at the processes


@dataclass(frozen=True)
class Place:
    """Its place among the ``count`` processes of a training, and among the ``local_count`` on its machine."""

    rank: int
    count: int
    local_rank: int
    local_count: int


def place() -> Place:
    """This process's place; alone where the variables of torchrun are not set. Raises InputError where they are wrong."""
    if "WORLD_SIZE" not in os.environ or "RANK" not in os.environ:
        return Place(0, 1, 0, 1)
    rank, count = _number("RANK"), _number("WORLD_SIZE")
    local_rank, local_count = _number("LOCAL_RANK", rank), _number("LOCAL_WORLD_SIZE", count)
    if not (rank < count and local_rank < local_count <= count):
        raise InputError(
            f"RANK = {rank}, WORLD_SIZE = {count}, LOCAL_RANK = {local_rank}, LOCAL_WORLD_SIZE = {local_count}:"
            " expected ranks below the numbers of processes, as torchrun sets them"
        )
    return Place(rank, count, local_rank, local_count)


def is_first() -> bool:
    """Whether this process writes the files."""
    return place().rank == 0


def launch(step: str, words: list[str]) -> int | None:
    """Do ``python -m pipeline WORDS`` in several processes, if that is asked for; the exit status, None if it is not.

    SIGTERM and Ctrl-C go on to the processes, which stop together. With PIPELINE_LAUNCH this process becomes the
    command.
    """
    wanted = _wanted()
    if "WORLD_SIZE" in os.environ:  # started by the launcher
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # warns of what pipeline.together does on purpose
        return None
    command = [sys.executable, "-m", "pipeline", *words]
    if prefix := shlex.split(os.environ.get("PIPELINE_LAUNCH", "")):
        if shutil.which(prefix[0]) is None:
            raise InputError(f"PIPELINE_LAUNCH = {shlex.join(prefix)!r}: found no program {prefix[0]!r}, expected one")
        sys.stdout.flush()
        os.execvp(prefix[0], [*prefix, *command])
    return _run(step, command, wanted) if wanted > 1 else None


def end_with_parent() -> None:
    """End at once when this process's parent is gone, however that ended: nobody else would stop it."""
    if MEETING in os.environ:
        threading.Thread(target=lambda: os.read(0, 1) or os._exit(LOST), daemon=True).start()


def _run(step: str, command: list[str], count: int) -> int:
    """Not torchrun: it answers a failed or stopped process with its own traceback and another exit status, and
    kills after 30 seconds what is still saving its state."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as files:
        shared = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), MEETING: Path(folder, "meeting").as_uri()}
        if sys.platform == "linux":
            shared["GLOO_SOCKET_IFNAME"] = "lo"  # by itself it looks for the host's name, which may not resolve
        processes, said = [], []
        received: list[int] = []
        heeded = [s for s in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(s) is not signal.SIG_IGN]
        noted = {s: signal.signal(s, lambda number, _: received.append(number)) for s in heeded}
        try:
            for rank in range(count):
                # What one says they all say: the others are heard only where they fail alone.
                said.append(files.enter_context(tempfile.TemporaryFile()) if rank else None)
                environment = os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
                # The pipe ends when this process does, which they notice: see end_with_parent.
                processes.append(subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stderr=said[-1]))
            ended = _wait(processes, received)
        finally:
            for process in processes:
                process.kill()  # nothing where it has ended
                process.wait()
                process.stdin.close()
            for number, handler in noted.items():
                signal.signal(number, handler)
        return _judge(step, processes, ended, said)


def _wait(processes: list[subprocess.Popen], received: list[int]) -> list[int]:
    """Wait until all have ended, or one failed and the others had time to; the ranks that ended, in order."""
    ended: list[int] = []
    deadline = math.inf
    while len(ended) < len(processes) and time.monotonic() < deadline:
        while received:
            number = received.pop()
            for process in processes:
                process.send_signal(number)  # nothing where it has ended
        for rank, process in enumerate(processes):
            if rank not in ended and process.poll() is not None:
                ended.append(rank)
                if process.returncode:
                    deadline = min(deadline, time.monotonic() + PATIENCE)
        time.sleep(_LOOK)
    return ended


def _judge(step: str, processes: list[subprocess.Popen], ended: list[int], said: list[BinaryIO | None]) -> int:
    """The exit status of all: the first process's, or that of a process that failed alone, whose output is shown."""
    statuses = [process.wait() for process in processes]
    failed = [rank for rank in ended if statuses[rank] not in (0, LOST)]
    if not failed:
        return 0 if not any(statuses) else LOST
    guilty = 0 if 0 in failed else failed[0]
    status = statuses[guilty]
    if guilty == 0 and status > 0:
        return status
    if said[guilty] is not None:
        said[guilty].seek(0)
        sys.stderr.write(said[guilty].read().decode(errors="replace"))
    by = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    print(f"{step}: process {guilty + 1} of {len(statuses)} ended {by}; the same command resumes", file=sys.stderr)
    return 128 - status if status < 0 else status


def _wanted() -> int:
    text = os.environ.get("PIPELINE_PROCESSES", "1")
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST):
        raise InputError(f"PIPELINE_PROCESSES = {text!r}: expected a whole number from 1 to {MOST}")
    if int(text) > 1 and os.environ.get("PIPELINE_LAUNCH"):
        raise InputError("PIPELINE_PROCESSES and PIPELINE_LAUNCH: found both, expected one of them")
    return int(text)


def _number(name: str, default: int | None = None) -> int:
    text = os.environ.get(name, "" if default is None else str(default))
    if not (text.isascii() and text.isdecimal()):
        raise InputError(f"{name} = {text!r}: expected a whole number, as torchrun sets it")
    return int(text)
