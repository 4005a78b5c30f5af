"""What was last agreed on, in .snakemake/agreement.json: for which dvc.lock and files, and whether nothing was open."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engines.notes import read_mapping
from pipeline.params.loading import read_written

CHILD = "SNAKEMAKE_IS_ONLY_TOUCHING"
FILE = Path(".snakemake/agreement.json")
LOCK = Path("dvc.lock")


def lock_hash() -> str:
    """The hash of dvc.lock; empty where there is none."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest() if LOCK.exists() else ""


def read() -> dict[str, Any]:
    """The note; empty where there is none."""
    noted = read_mapping(FILE)
    return noted if isinstance(noted.get("stamps", {}), dict) else {}


def stamps(paths: Iterable[str]) -> dict[str, str]:
    """What tells of each file or folder whether anything in it was written, put in its place or taken away."""
    return {path: _stamp(Path(path)) for path in sorted(paths)}


def _stamp(path: Path) -> str:
    """A hash of names, kinds, sizes, times and inodes; empty where there is nothing.

    The time of content can be set back, and a copy may bring an older one along; that of the inode cannot.
    """
    seen = hashlib.sha256()
    for thing in [path, *sorted(path.rglob("*"))]:
        for look in (thing.lstat, thing.stat) if thing.is_symlink() else (thing.stat,):
            with contextlib.suppress(OSError):  # gone, or a link to nowhere
                s = look()
                # A folder's size and time differ between file systems; the names in it are compared instead.
                facts = (s.st_size, s.st_mtime_ns, s.st_ctime_ns) if not stat.S_ISDIR(s.st_mode) else ()
                seen.update(repr((str(thing), s.st_mode, s.st_ino, *facts)).encode())
    return seen.hexdigest()[:32] if path.is_symlink() or path.exists() else ""


def touched() -> bool:
    """Whether a result was written to since: Snakemake goes by the time of a folder, and of a file above a megabyte."""
    return bool(changed())


def changed() -> set[str]:
    """The results that were written to since, and what Snakemake noted of them."""
    noted = read().get("stamps", {})
    now = stamps(noted)
    return {path for path in noted if now[path] != noted[path]}


def begin() -> None:
    """Note that a run has begun: from here on nothing is settled."""
    write(settled=False, lock=read().get("lock", ""))


def write(settled: bool, **more: Any) -> None:
    """Note that both engines were compared at this dvc.lock, and whether they agreed on everything."""
    FILE.parent.mkdir(exist_ok=True)
    temporary = FILE.with_suffix(".new")
    temporary.write_text(json.dumps({"lock": lock_hash(), "settled": settled, **more}), encoding="utf-8")
    os.replace(temporary, FILE)


def lock_changed() -> bool:
    """Whether dvc.lock differs from the file that the note describes."""
    return read().get("lock", "") != lock_hash()


def settled() -> bool:
    """Whether nothing can have changed hands since the engines last agreed; true for a folder where nothing ran."""
    return read().get("settled", True) and not lock_changed() and not touched()


def params_differ() -> bool:
    """Whether params.yaml has changed since: DVC may have results for it."""
    written = read_written()
    return read().get("params", written) != written
