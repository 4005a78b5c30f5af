"""What is reached into or replaced of Snakemake and DVC beyond their public interfaces, all of it in this file.

Tried with the versions in TRIED, which requirements.txt pins; with others, tests/engines/test_agreement.py is what to run.
Each function imports what it needs: the Snakefile is read without DVC, and DVC's stages without Snakemake.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

TRIED = {"snakemake": "9.27.1", "dvc": "3.67.1", "dvc-data": "3.18.3", "zc-lockfile": "4.0"}


def before_graph(workflow: Any, call: Callable[[], None]) -> None:
    """Have ``call`` run when Snakemake's settings are all known, before it looks at any file.

    The Snakefile is read before the settings of execution and of the graph are there.
    """
    prepare = workflow._prepare_dag

    def prepared(*arguments: Any, **words: Any) -> Any:
        call()
        return prepare(*arguments, **words)

    workflow._prepare_dag = prepared


def before_deleting(workflow: Any, call: Callable[[], None]) -> None:
    """Have ``call`` run before Snakemake deletes results or what it noted of them, because it was told to."""
    for name in ("delete_output", "cleanup_metadata"):
        method = getattr(workflow, name)

        def called(*arguments: Any, method: Any = method, **words: Any) -> Any:
            if not words.get("dryrun"):
                call()
            return method(*arguments, **words)

        setattr(workflow, name, called)


def executor(workflow: Any) -> Any:
    """What describes the executor of this run; None where Snakemake was asked for something else than a run."""
    return workflow._executor_plugin and workflow._executor_plugin.common_settings


def rerun_incomplete(workflow: Any) -> None:
    """As ``--rerun-incomplete``, which profiles/default sets: a run without that profile would stop at our marks."""
    workflow.dag_settings.force_incomplete = True


def keep_marks() -> None:
    """In a job on a cluster: leave Snakemake's mark of when the job began to the main process, which reads it last.

    The job's own Snakemake takes it away; the begin noted would then be that of an earlier run, or the end.
    """
    from snakemake.persistence.file import FilePersistence

    FilePersistence._unmark_incomplete = lambda self, key: None


def read_each_file_once() -> None:
    """Have DVC parse params.yaml once, not once a step, while this process lives."""
    from dvc.utils.serialize import _yaml

    parse = functools.cache(_yaml.parse_yaml)
    _yaml.parse_yaml = lambda text, path, *more, **words: copy.deepcopy(parse(text, path, *more, **words))


def without_lock(repo: Any) -> Any:
    """The repository for a process whose parent holds DVC's lock."""
    from dvc.lock import LockNoop

    repo.lock = LockNoop()
    return repo


def read_again(repo: Any) -> None:
    """Have DVC read its files anew."""
    repo._reset()


def descriptor(lock: Any) -> int | None:
    """The file behind DVC's lock: a child that inherits it holds the lock too. None where the lock is a hard link."""
    held = getattr(lock, "_lock", None)
    return held._fp.fileno() if hasattr(held, "_fp") else None


def hash_anew(repo: Any, paths: Iterable[str]) -> None:
    """Have DVC look into the files at or below ``paths``: it goes by inode, size and time, which can be set back."""
    for path in paths:
        for file in [Path(path), *Path(path).rglob("*")]:
            repo.state.hashes.pop(str(file.absolute()))


def lock_schema(text: str) -> None:
    """Raise where a text is not what DVC writes into dvc.lock."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import loads_yaml

    COMPILED_LOCKFILE_SCHEMA(loads_yaml(text))


def working(text: str) -> list[dict[str, Any]]:
    """The entries, with ``pid`` and ``cmd``, of DVC's file of who works on what. Raises where it is broken."""
    from dvc.rwlock import SCHEMA

    noted = SCHEMA(json.loads(text))
    return [*(entry for entries in noted["read"].values() for entry in entries), *noted["write"].values()]
