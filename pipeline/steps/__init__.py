"""The steps of the graph, found by their names: ``recognition_evaluate`` is ``pipeline/tasks/recognition/steps/evaluate.py``.

Those of no task, which frame a run, are here. A step reads its slices of params.yaml and the files named on its
command line. Its module has
- ``SLICES``: name -> (dotted key in params.yaml, type), where {option} in the key is an option of the command line;
- ``run(settings, *, ...)``: the work. ``settings`` holds the typed slices by name; every other parameter is an option
  of the command line, with its type and its line in the docstring; ``params``, if there is one, is the parameter file;
- ``SHARED = True`` where several processes may do the work together, see pipeline.processes.

Modules import torch and other slow packages inside ``run``: the Snakefile reads every step's SLICES at start.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from pipeline import tasks
from pipeline.tasks import task_names


def step_names() -> list[str]:
    """Every step there is, sorted."""
    names = _inside(__path__[0])
    for task in task_names():
        names += [f"{task}_{name}" for name in _inside(f"{tasks.__path__[0]}/{task}/steps")]
    return sorted(names)


def step_place(name: str) -> str:
    """The dotted name of the step's module."""
    task = next((task for task in task_names() if name.startswith(f"{task}_")), None)
    return f"{tasks.__name__}.{task}.steps.{name.removeprefix(f'{task}_')}" if task else f"{__name__}.{name}"


def step_module(name: str) -> ModuleType:
    """The step's module."""
    return importlib.import_module(step_place(name))


def _inside(folder: str | Path) -> list[str]:
    return [module.name for module in pkgutil.iter_modules([str(folder)])]
