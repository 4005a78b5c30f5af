"""The code that each step runs, as small files: what both engines compare instead of dozens of modules.

A file in ``data/code/`` has one line per module, its hash and its path; a step that is run for several variants has one
file per variant, with the code of the methods and networks that its entry names. So a new method is no reason to train
anything again but what names it. The Snakefile brings the files up to date whenever it is read, ``python -m
engines.code`` does so as a stage of dvc.yaml; a file whose text would be the same is left alone.
"""

from __future__ import annotations

import functools
import hashlib
from itertools import product
from pathlib import Path
from typing import Any

from engines.graph import ROOT, Names, modules, names
from engines.notes import holds
from engines.repair import keep_lock
from graph.step import FIELD, fill, values
from graph.tables import TASKS, all_rules
from pipeline.files import write_text
from pipeline.params.loading import SETTINGS_FILE, lookup, read_document

STAGE = "code"  # in dvc.yaml
FOLDER = Path("data/code")


def lists(document: dict[str, Any]) -> dict[Path, str]:
    """Each file that there should be, and its text, for the settings of a run."""
    texts = {}
    for rule in all_rules([task for task in TASKS if document.get(task) is not None]):
        fields = list(dict.fromkeys(FIELD.findall(rule.code)))
        for chosen in product(*(values(document, rule.each[name]) for name in fields)):
            here = dict(zip(fields, chosen, strict=True))
            named = frozenset().union(*(names(lookup(document, fill(key, here.get))) for key in rule.settings))
            texts[Path(fill(rule.code, here.get))] = digest(rule.step.name, named)
    return texts


def digest(step: str, named: Names | None = None) -> str:
    """The list for the step: it changes exactly when a module that the step imports changes, or another is imported."""
    return "".join(f"{_hash(name)[:32]}  {name}\n" for name in modules(step, named))


@functools.cache
def _hash(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def is_current(document: dict[str, Any]) -> bool:
    """Whether the folder holds what it should for these settings, and nothing else."""
    texts = lists(document)
    return set(_files()) == texts.keys() and all(holds(file, text) for file, text in texts.items())


def refresh(document: dict[str, Any]) -> None:
    """Bring all up to date, and remove what is of no step."""
    texts = lists(document)
    for file, text in texts.items():
        if not holds(file, text):
            write_text(file, text)
    for file in set(_files()) - set(texts):
        file.unlink()
    for folder in FOLDER.glob("*/"):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _files() -> list[Path]:
    return [file for file in FOLDER.rglob("*") if file.is_file()]


if __name__ == "__main__":
    refresh(read_document(SETTINGS_FILE))
    keep_lock()  # `dvc repro` comes here before any work is done: it may be killed while it writes dvc.lock
