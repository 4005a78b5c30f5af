"""The options of a step, read off the signature of its ``run``: names, types and defaults; help from its docstring."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

# What the work is given beside its options: the typed slices of params.yaml, and that file's path.
GIVEN = ("settings", "params")
ENTRY = re.compile(r"^ +(\w+): (.+)$", re.MULTILINE)


def options(run: Callable[..., None]) -> dict[str, inspect.Parameter]:
    """The parameters of ``run`` that are options of the command line, in their order."""
    return {name: parameter for name, parameter in inspect.signature(run).parameters.items() if name not in GIVEN}


def add_options(parser: argparse.ArgumentParser, run: Callable[..., None]) -> None:
    """Give the parser an option for each: ``small_and_large: Path`` is ``--small-and-large``, and required.

    A parameter that has a default may be left out; ``Literal`` names the values allowed. Raises ValueError for an
    option that the docstring of ``run`` does not describe.
    """
    hints, described = get_type_hints(run), dict(ENTRY.findall(inspect.getdoc(run) or ""))
    for name, parameter in options(run).items():
        if name not in described:
            raise ValueError(f"{run.__module__}.run: its docstring does not describe {name}")
        required = parameter.default is inspect.Parameter.empty
        words: dict[str, Any] = {} if required else {"default": parameter.default}
        kind = next((kind for kind in get_args(hints[name]) if kind is not NoneType), hints[name])
        if get_origin(hints[name]) is Literal:
            words |= {"choices": list(get_args(hints[name]))}
        else:
            words |= {"type": kind}
        help_text = described[name].replace("%", "%%")
        parser.add_argument(f"--{name.replace('_', '-')}", required=required, help=help_text, **words)
