"""The tasks, one a folder, found by their names: ``TASK`` is the group in params.yaml, the table ``graph/TASK.py``, the
folder of data, models and results, and what the names of its steps begin with.

A task's folder has
- ``params/group.py``: ``Group``, its group in params.yaml;
- ``steps/``: one step per file, see pipeline.steps;
- ``learning.py``: what is learned in a step (pipeline.training.Task), and the recipe that goes from paths to it
  (pipeline.trained.Recipe); ``evaluation.py``: how it is judged;
- ``report/section.py``: what becomes of the results in the report.
"""

from __future__ import annotations

import pkgutil

FIRST = "recognition"  # prepares the faces that the others learn from, so it cannot be left out


def task_names() -> list[str]:
    """Every task there is: the first, then the others by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)
    return sorted(names, key=lambda name: name != FIRST)
