"""The whole of params.yaml: a group for each task. Checked before any job starts."""

from __future__ import annotations

import importlib
from pathlib import Path

from pydantic import create_model

from pipeline.params.loading import PARAMS_FILE, Settings, read_document, validate
from pipeline.params.networks import Seeds
from pipeline.tasks import FIRST, task_names


def _group(task: str) -> tuple[type, object]:
    """Type and default of a task's group: a task whose group is missing does not run."""
    kind = importlib.import_module(f"pipeline.tasks.{task}.params.group").Group
    return (kind, ...) if task == FIRST else (kind | None, None)


Document = create_model(
    "Document",
    __base__=Settings,
    __doc__="Settings of all tasks; ``seeds`` are those of every variant of every task.",
    seeds=(Seeds, ...),
    **{task: _group(task) for task in task_names()},
)


def check(path: str | Path = PARAMS_FILE) -> Document:
    """The validated file. Raises InputError, a single line: the key, its value, what is allowed."""
    return validate(Document, read_document(path), "", path)
