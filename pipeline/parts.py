"""Parts that params.yaml names: a file per part in a package, found by its name and loaded when it is asked for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from types import ModuleType

from pipeline.errors import InputError


def names(package: Iterable[str]) -> list[str]:
    """The names of all parts, sorted; ``package`` is the package's ``__path__``."""
    return sorted(module.name for module in pkgutil.iter_modules(package))


def load(package: str, name: str, states: Sequence[str]) -> ModuleType:
    """The module of the part ``name`` of ``package``, a dotted name.

    Raises InputError naming the file where it cannot be imported, or does not have what such a part ``states``.
    """
    try:
        module = importlib.import_module(f"{package}.{name}")
    except (SyntaxError, ImportError, NameError, AttributeError, TypeError) as error:
        place = f"{package.replace('.', '/')}/{name}.py"
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise InputError(f"{place}{line}: cannot be imported: {type(error).__name__}: {error}") from error
    if missing := [what for what in states if not hasattr(module, what)]:
        raise InputError(f"{module.__file__}: {missing[0]} is missing, expected {', '.join(states)}")
    return module
