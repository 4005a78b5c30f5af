"""What was last agreed on, in .snakemake/agreement.json: for which dvc.lock and files, and whether nothing was open."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CHILD = "SNAKEMAKE_IS_ONLY_TOUCHING"
FILE = Path(".snakemake/agreement.json")
LOCK = Path("dvc.lock")


def lock_hash() -> str:
    """The hash of dvc.lock; empty where there is none."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest() if LOCK.exists() else ""


def read() -> dict[str, Any]:
    """The note; empty where there is none."""
    try:
        return json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}


def stamps(paths: Iterable[str]) -> dict[str, int]:
    """When each file or folder, or the newest thing in the folder, was last written: ns; 0 where there is none."""
    return {path: _newest(Path(path)) for path in sorted(paths)}


def _newest(path: Path) -> int:
    things = [path, *path.rglob("*")] if path.is_dir() else [path]
    return max((thing.stat().st_mtime_ns for thing in things if thing.exists()), default=0)


def touched() -> bool:
    """Whether a result was written to since: Snakemake goes by the time of a folder, and of a file above a megabyte."""
    noted = read().get("stamps", {})
    return noted != stamps(noted)


def begin(document: dict[str, Any]) -> None:
    """Note that a run has begun, with these parameters: from here on nothing is settled."""
    write(settled=False, params=document, lock=read().get("lock", ""))


def write(settled: bool, **more: Any) -> None:
    """Note that both engines were compared at this dvc.lock, and whether they agreed on everything."""
    FILE.parent.mkdir(exist_ok=True)
    temporary = FILE.with_suffix(".new")
    temporary.write_text(json.dumps({"lock": lock_hash(), "settled": settled, **more}), encoding="utf-8")
    os.replace(temporary, FILE)


def lock_changed() -> bool:
    """Whether dvc.lock is another one than that of the note."""
    return read().get("lock", "") != lock_hash()


def settled() -> bool:
    """Whether nothing can have changed hands since the engines last agreed; true for a folder where nothing ran."""
    return read().get("settled", True) and not lock_changed() and not touched()


def params_differ(document: dict[str, Any]) -> bool:
    """Whether params.yaml has changed since: DVC may have results for it."""
    return read().get("params", document) != document
