"""Snakemake and DVC agree on what is up to date, without any command for it: called at the end of the Snakefile.

Before the graph is looked at, and again when a run ends, engines.settle compares what both engines believe. It
costs nothing while dvc.lock has not changed since they last agreed. In a folder without Git or DVC nothing happens.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from engines import leftovers, private, records, repair, resolved, state
from engines.child import end_with_parent, settle
from engines.holding import busy, dvc_folder, hold, is_broken, settings
from engines.links import make_replaceable
from engines.refusals import refuse, refuse_touch
from pipeline.errors import InputError
from pipeline.params.loading import PARAMS_FILE


def agree(workflow: Any, document: dict[str, Any]) -> None:
    """Refuse what only one engine would see; bring the engines to agree before the graph is made and after the run."""
    if not workflow.is_main_process:
        private.keep_marks()
        private.before_graph(workflow, lambda: refuse_touch(workflow))
        return
    if state.CHILD in os.environ:
        end_with_parent()
        return
    held: list[Any] = []

    def before() -> None:
        refuse(workflow)
        private.rerun_incomplete(workflow)
        if not under_dvc():
            return
        executor = private.executor(workflow)
        real = executor is not None and not executor.dryrun_exec
        if not is_settled() or (real and state.params_differ()) or any(records.LOCKS.glob("*")):
            begin(real, document)
        make_replaceable(str(output).partition("{")[0] for rule in workflow.rules for output in rule.output)

    def start(log: Any) -> None:
        if under_dvc():
            held.append(hold_or_exit())
        resolved.write(document)
        state.begin()
        say(leftovers.line(document))

    def finish(log: Any) -> None:
        if not held:
            return
        state = settle_and_say("finish", held[0])
        say(f"dvc.lock is up to date for {state['good']} of {state['steps']} steps" if state else "")
        held.pop().unlock()

    private.before_graph(workflow, before)
    private.before_deleting(workflow, lambda: held.append(hold_or_exit()) if under_dvc() else None)
    workflow.onstart(start)
    workflow.onsuccess(finish)
    workflow.onerror(finish)


def under_dvc() -> bool:
    """Whether DVC is installed and works here: in a Git repository, or in a part of one, unless it is told otherwise."""
    if not dvc_folder().is_dir() or importlib.util.find_spec("dvc") is None:
        return False
    if any((place / ".git").exists() for place in (Path(), *Path.cwd().parents)):
        return True
    try:
        return bool(settings()["core"].get("no_scm", False))
    except InputError as error:
        sys.exit(str(error))


def is_settled() -> bool:
    """Whether nothing can have changed hands since the engines last agreed, and DVC can start."""
    return state.settled() and not is_broken()


def source_of_settings(workflow: Any) -> str:
    """The file to read settings from: params.yaml, but in a process that Snakemake starts what it started with."""
    started = not workflow.is_main_process or state.CHILD in os.environ
    return str(resolved.FILE) if started else PARAMS_FILE


def begin(real: bool, document: dict[str, Any]) -> None:
    """Compare before a run or a look. While another engine works here, a run is refused and a look changes nothing."""
    lock, holder = try_to_hold()
    if lock is None and real:
        sys.exit(busy(holder))
    if lock is None:
        return
    try:
        records.unlock()
        say(mended := repair.mend_lock())
        resolved.write(document)
        settle_and_say("run" if real or mended else "look", lock)
    except InputError as error:
        sys.exit(str(error))
    finally:
        lock.unlock()


def hold_or_exit() -> Any:
    """DVC's lock; where another engine is at work the line that says so, and the end."""
    lock, holder = try_to_hold()
    if lock is None:
        sys.exit(busy(holder))
    return lock


def try_to_hold() -> tuple[Any, str]:
    """DVC's lock, or who has it; where DVC's settings cannot be read the line that says so, and the end."""
    try:
        return hold()
    except InputError as error:
        sys.exit(str(error))


def settle_and_say(moment: str, lock: Any) -> dict[str, int] | None:
    """Run engines.settle; None, with a line, when DVC cannot say."""
    state, trouble = settle(moment, lock)
    if state is None:
        say(f"DVC was not brought up to date, the next run tries again: {trouble}")
    return state


def say(line: str | None) -> None:
    """One line among Snakemake's own."""
    from snakemake.logging import logger

    if line:
        logger.info(line)
