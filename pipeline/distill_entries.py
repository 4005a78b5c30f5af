"""The methods of distillation in a student's entry, checked against what its task knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.distill import method, method_names
from pipeline.errors import InputError
from pipeline.params.loading import validate


def by_method(methods: Any, known: Sequence[str], task: str) -> Any:
    """``{name: settings}`` with each method's own settings in place of plain values; anything but a mapping as it is.

    ``known`` are the fields of pipeline.distill.Knowledge that the task's networks have. Raises ValueError naming a
    method that there is not, that compares what the task has not, or whose settings are wrong.
    """
    if not isinstance(methods, dict):
        return methods
    checked = {}
    for name, settings in methods.items():
        if name not in method_names():
            raise ValueError(f"{name} is not a method of distillation (there are: {', '.join(method_names())})")
        stated = method(name)
        if foreign := set(stated.NEEDS) - set(known):
            raise ValueError(f"{name} compares {min(foreign)}, which {task} has not, expected another method")
        try:
            checked[name] = validate(stated.Settings, settings, f"@{name}")
        except InputError as error:
            raise ValueError(str(error).partition("@")[2]) from None
    return checked
