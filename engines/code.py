"""The code that each step runs, as one small file a step: what both engines compare instead of dozens of modules.

``data/code/STEP.txt`` has a line a module, its hash and its path. The Snakefile brings the files up to date whenever it
is read, ``python -m engines.code`` does so as a stage of dvc.yaml; a file whose text would be the same is left alone.
"""

from __future__ import annotations

import hashlib
import pkgutil
from pathlib import Path

from engines.graph import ROOT, modules
from engines.repair import keep_lock
from pipeline.files import write_text

STAGE = "code"  # in dvc.yaml
FOLDER = Path("data/code")


def steps() -> list[str]:
    """Every step there is, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules([str(ROOT / "pipeline/steps")]))


def digest(step: str) -> str:
    """The text for the step: it differs exactly when one of its modules does, or another is imported."""
    hashes = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in modules(step)}
    return "".join(f"{value[:32]}  {name}\n" for name, value in hashes.items())


def path(step: str) -> Path:
    """The step's file."""
    return FOLDER / f"{step}.txt"


def is_current() -> bool:
    """Whether the folder holds what it should, and nothing else."""
    found = {file: file.read_text(encoding="utf-8") for file in FOLDER.glob("*")}
    return found == {path(step): digest(step) for step in steps()}


def code(step: str) -> str:
    """The step's file, brought up to date: an input of its rule."""
    text, file = digest(step), path(step)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_text(file, text)
    return str(file)


def refresh() -> None:
    """Bring all up to date, and remove what is of no step."""
    for step in steps():
        code(step)
    for file in set(FOLDER.glob("*")) - {path(step) for step in steps()}:
        file.unlink()


if __name__ == "__main__":
    refresh()
    keep_lock()  # `dvc repro` comes here first: it may be killed while it writes dvc.lock
