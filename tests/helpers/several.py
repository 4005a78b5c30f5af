"""Several processes in a test: forked, so that torch is imported once, and meeting as those of pipeline.processes do."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.processes import MEETING

SECONDS = 120.0


def in_processes(count: int, work: Callable[[int], Any]) -> list[Any]:
    """``work(rank)`` in each of ``count`` processes: what it returned, in the order of ranks, a SystemExit's status
    where it ended so; raises AssertionError with the traceback of one that failed otherwise."""
    importlib.import_module("torch._dynamo")  # DistributedDataParallel does: two seconds, in each process but for this
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        pipes, children = [], []
        for rank in range(count):
            receiver, sender = context.Pipe(duplex=False)
            place = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count}
            environment = {key: str(value) for key, value in place.items()} | {MEETING: Path(folder, "m").as_uri()}
            children.append(context.Process(target=_child, args=(work, rank, environment, sender)))
            pipes.append(receiver)
            children[-1].start()
            sender.close()
        results = [pipe.recv() if pipe.poll(SECONDS) else ("failed", "nothing in time") for pipe in pipes]
        for child in children:
            child.kill()
            child.join()
    failures = [text for how, text in results if how == "failed"]
    assert not failures, "\n".join(map(str, failures))
    return [value for _, value in results]


def _child(work: Callable[[int], Any], rank: int, environment: dict[str, str], sender: Any) -> None:
    os.environ.update(environment, GLOO_SOCKET_IFNAME="lo")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        sender.send(("done", work(rank)))
    except SystemExit as end:
        sender.send(("done", end.code))
    except BaseException:
        sender.send(("failed", traceback.format_exc()))
    sender.close()
    os._exit(0)
