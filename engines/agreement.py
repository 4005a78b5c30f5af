"""Snakemake and DVC agree on what is up to date, without any command for it: called at the end of the Snakefile.

Before the graph is looked at, and again when a run ends, engines.settle compares what both engines believe. It
costs nothing while dvc.lock is the one that was last agreed on. In a folder without Git or DVC nothing happens.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from engines import state
from engines.links import make_replaceable

TMP = Path(".dvc/tmp")
LOCKS = Path(".snakemake/locks")
PATIENCE = 3.0  # seconds that another engine may hold the lock for a quick look


def agree(workflow: Any, document: dict[str, Any]) -> None:
    """Refuse what only one engine would see, bring the engines to agree now, and do so when the run ends."""
    if not workflow.is_main_process:
        keep_marks()
        return
    if state.CHILD in os.environ:
        return
    refuse_overrides(workflow)
    if not under_dvc():
        workflow.onstart(lambda log: state.begin(document))
        return
    real = will_run(workflow)
    if not state.settled() or (real and state.params_differ(document)) or any(LOCKS.glob("*")):
        begin(real)
    make_replaceable(Path(str(output)).parts[0] for rule in workflow.rules for output in rule.output)
    held = []

    def start(log: Any) -> None:
        lock, holder = hold()
        if lock is None:
            sys.exit(busy(holder))
        held.append(lock)
        state.begin(document)

    def finish(log: Any) -> None:
        found = settle("finish")
        say(f"dvc.lock is up to date for {found['good']} of {found['steps']} steps" if found else "")
        held.pop().close()

    workflow.onstart(start)
    workflow.onsuccess(finish)
    workflow.onerror(finish)


def keep_marks() -> None:
    """In a job on a cluster: leave Snakemake's mark of when the job began to the main process, which reads it last.

    The job's own Snakemake takes it away; the begin noted would then be that of an earlier run, or the end.
    """
    from snakemake.persistence.file import FilePersistence

    FilePersistence._unmark_incomplete = lambda self, key: None


def refuse_overrides(workflow: Any) -> None:
    """Exit with one line where Snakemake was given what DVC would not see, or told to believe without a look."""
    given = workflow.config_settings
    if given.config or given.configfiles:
        sys.exit("--config and --configfile reach only Snakemake: edit params.yaml, which DVC reads too")
    words = set(sys.argv[1:])
    if words & {"--touch", "-t"}:
        sys.exit("--touch calls results good without a look: leave it out, both engines compare contents by themselves")
    if "--no-hooks" in words:
        sys.exit("--no-hooks keeps DVC from seeing the results: leave it out")


def under_dvc() -> bool:
    """Whether the folder is a Git repository under DVC, and DVC is installed."""
    return Path(".dvc").is_dir() and Path(".git").exists() and importlib.util.find_spec("dvc") is not None


def will_run(workflow: Any) -> bool:
    """Whether jobs will run, rather than be looked at."""
    resources = workflow.resource_settings
    looks = workflow.logger_manager.settings.dryrun or {"--lint", "--list", "--list-rules"} & set(sys.argv)
    return not looks and (resources.cores or resources.nodes) is not None


def begin(real: bool) -> None:
    """Compare before a run or a look. While another engine works here, a run is refused and a look changes nothing."""
    lock, holder = hold()
    if lock is None and real:
        sys.exit(busy(holder))
    if lock is None:
        return
    try:
        # Whoever runs Snakemake jobs here holds DVC's lock, so what a killed run left locked is free.
        for file in LOCKS.glob("*"):
            file.unlink()
        settle("run" if real else "look")
    finally:
        lock.close()


def settle(moment: str) -> dict[str, int] | None:
    """Run engines.settle; None, with a line, when DVC cannot say."""
    done = subprocess.run([sys.executable, "-m", "engines.settle", moment], capture_output=True, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    last = (done.stderr.strip().splitlines() or [""])[-1]
    say(f"DVC was not brought up to date, the next run tries again: {last}")
    return None


def hold() -> tuple[Any, str]:
    """DVC's lock, free again when this process ends; else None and who has it."""
    from zc.lockfile import LockError, LockFile

    TMP.mkdir(parents=True, exist_ok=True)
    file, end = TMP / "lock", time.monotonic() + PATIENCE
    while True:
        try:
            lock = LockFile(str(file))
            break
        except LockError:
            if time.monotonic() > end:
                return None, f"another process (PID {(file.read_text().split() or ['unknown'])[0]})"
            time.sleep(0.2)
    if pid := running_stage():
        lock.close()
        return None, f"dvc (PID {pid})"
    return lock, ""


def busy(holder: str) -> str:
    """The line for a run that cannot start."""
    return f"{holder} is at work in this folder: start again when it has finished"


def running_stage() -> int | None:
    """The process of a ``dvc repro`` whose step runs right now: it has let go of the lock and noted files instead."""
    try:
        noted = json.loads((TMP / "rwlock").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    readers = [entry for entries in noted.get("read", {}).values() for entry in entries]
    pids = {entry["pid"] for entry in [*readers, *noted.get("write", {}).values()]}
    return next((pid for pid in sorted(pids - {os.getpid()}) if alive(pid)), None)


def alive(pid: int) -> bool:
    """Whether the process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def say(line: str) -> None:
    """One line among Snakemake's own."""
    from snakemake.logging import logger

    if line:
        logger.info(line)
