"""Bring DVC back to work after it was killed: ``python -m engines.repair``; every start of Snakemake does the same.

DVC writes dvc.lock and its note of who is at work in place, so a SIGKILL may leave either empty or cut short, and DVC
then never starts again. dvc.lock is restored from the last whole copy: DVC compares contents, so an older file
costs nothing but a look. What was made since is entered again, from Snakemake's records and from DVC's run-cache.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from engines import holding, private, state
from pipeline.document import Document
from pipeline.errors import InputError
from pipeline.files import write_text
from pipeline.params.loading import read_document, validate

MARKER = re.compile(r"^(<{7}|={7}|>{7})( |$)")
CONFLICT = (
    "dvc.lock, line {}: a conflict of `git merge`: keep one side with `git checkout --ours dvc.lock` (or --theirs)"
    " and start again; what that side lacks comes from the cache or is made again"
)


def mend_lock() -> str | None:
    """Put a whole dvc.lock in the place of a broken one; a line that says so. The caller holds DVC's lock.

    Raises InputError where Git has left the marks of a conflict in it: which side is meant nobody else can know.
    """
    if not state.LOCK.exists():
        return None
    text = state.LOCK.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if MARKER.match(line):
            raise InputError(CONFLICT.format(number))
    if is_whole(text):
        return None
    for name, earlier in {"the last whole one": kept(), "Git's last commit": committed()}.items():
        if is_whole(earlier):
            write_text(state.LOCK, earlier)
            return (
                f"dvc.lock was cut short when DVC was killed: taken from {name}, what was made since is entered again"
            )
    state.LOCK.unlink()
    return "dvc.lock was cut short when DVC was killed: begun anew, what was made before is entered again"


def is_whole(text: str) -> bool:
    """Whether the text is a dvc.lock to its end."""
    if not text.endswith("\n"):
        return False
    try:
        private.lock_schema(text)
    except Exception:  # of YAML, or of the schema
        return False
    return True


def keep_lock() -> None:
    """Keep a copy of dvc.lock, if it is whole: called whenever both engines agree on it, and when `dvc repro` starts."""
    text = state.LOCK.read_text(encoding="utf-8", errors="replace") if state.LOCK.exists() else ""
    if text != kept() and is_whole(text):
        write_text(_copy(), text)


def kept() -> str:
    """The copy; empty where there is none."""
    return _copy().read_text(encoding="utf-8", errors="replace") if _copy().exists() else ""


def committed() -> str:
    """The dvc.lock of Git's last commit; empty where there is none."""
    shown = subprocess.run(["git", "show", f"HEAD:./{state.LOCK}"], capture_output=True, text=True, errors="replace")
    return shown.stdout if shown.returncode == 0 else ""


def _copy() -> Path:
    return holding.temporary() / "dvc.lock.whole"


def main() -> int:
    """Repair, and enter what was made; 0 when DVC can start, 1 with a line when it cannot."""
    from engines import resolved
    from engines.child import settle
    from engines.code import refresh

    try:
        lock, holder = holding.hold()
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    if lock is None:
        print(holding.busy(holder), file=sys.stderr)
        return 1
    try:
        line = mend_lock()
        document = read_document()
        validate(Document, document, "")
        refresh(document)  # as the Snakefile does, and agreement.begin
        resolved.write(document)
        state, trouble = settle("run", lock)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        lock.unlock()
    if state is None:
        print(f"dvc.lock: {trouble}", file=sys.stderr)
        return 1
    print(*filter(None, [line]), f"dvc.lock is up to date for {state['good']} of {state['steps']} steps", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
