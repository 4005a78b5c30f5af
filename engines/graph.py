"""What a step depends on, for both engines: the modules that it imports and its slices of params.yaml.

Read by the Snakefile and by engines.code; no step imports it.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline.params.loading import lookup, validate
from pipeline.steps import step_module, step_place
from pipeline.tasks import task_names

ROOT = Path(__file__).resolve().parent.parent
# Not a parse: at every start of either engine, a hundred files are looked through.
IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(?=pipeline)([\w.]+)[ \t]+)?import[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE)
# Packages whose modules are found by a name that stands in params.yaml, under which key there.
FOUND_BY_NAME = {
    "pipeline.data.class_sources": "source",
    "pipeline.data.degradations": "method",
    "pipeline.data.sources": "source",
    "pipeline.distill": "distill",
    "pipeline.face_losses": "kind",
    "pipeline.face_measures": "measures",
    "pipeline.face_networks": "architecture",
}
DOCUMENT = "pipeline.document"  # the module that finds the settings of every task
ANY_NETWORK = ("architecture", "own")  # a user's checkpoint may be of any architecture
Names = frozenset[tuple[str, str]]


def science(step: str, document: dict[str, Any], **options: str) -> dict[str, Any]:
    """The step's slices as plain values by dotted key: equal for any layout of params.yaml that means the same."""
    slices = step_module(step).SLICES
    values = {}
    for key, kind in slices.values():
        key = key.format(**options)
        value = TypeAdapter(kind).dump_python(validate(kind, lookup(document, key), key), mode="json")
        # The whole file as DVC has it: a group that is left out is not there.
        values |= {key: value} if key else {group: v for group, v in value.items() if v is not None}
    return values


def names(value: Any) -> Names:
    """What modules may be found by in a part of params.yaml: each key with the text, or the keys, that it has."""
    if isinstance(value, list):
        return frozenset().union(*map(names, value))
    if not isinstance(value, dict):
        return frozenset()
    texts = {(key, inner) for key, inner in value.items() if isinstance(inner, str)}
    keys = {(key, name) for key, inner in value.items() if isinstance(inner, dict) for name in inner}
    return frozenset(texts | keys).union(*map(names, value.values()))


@functools.cache
def modules(step: str, named: Names | None = None) -> list[str]:
    """Files under pipeline/ that ``python -m pipeline STEP`` imports, now or inside a function; sorted paths.

    Of a package whose modules are found by name these are the modules that ``named``, what the settings name, has; all
    of them without it. A file beside a module that the module names, such as a template, counts as imported.
    """
    names: set[str] = set()
    waiting = ["pipeline.__main__", step_place(step)]
    while waiting:
        name = waiting.pop()
        if name in names:
            continue
        names.add(name)
        if name in FOUND_BY_NAME:
            waiting += [f"{name}.{stem}" for stem in _chosen(name, named)]
        if name == DOCUMENT:
            waiting += [f"pipeline.tasks.{task}.params.group" for task in task_names()]
        waiting += _imports(name)
        while "." in name:  # importing a module imports its packages
            name = name.rpartition(".")[0]
            waiting.append(name)
    paths = {path for name in names if (path := _path(name)) is not None}
    paths |= {data for path in paths for data in _data_beside(path)}
    return sorted(str(path.relative_to(ROOT)) for path in paths)


@functools.cache
def _chosen(package: str, named: Names | None) -> frozenset[str]:
    key = FOUND_BY_NAME[package]
    stems = frozenset(file.stem for file in (ROOT / package.replace(".", "/")).glob("*.py"))
    if named is None or (key == ANY_NETWORK[0] and ANY_NETWORK in named):
        return stems
    return stems & {name for place, name in named if place == key}


@functools.cache
def _path(name: str) -> Path | None:
    base = ROOT / name.replace(".", "/")
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


@functools.cache
def _data_beside(path: Path) -> list[Path]:
    files = [file for file in path.parent.iterdir() if file.suffix not in (".py", ".pyc") and file.is_file()]
    return [file for file in files if file.name in path.read_text(encoding="utf-8")] if files else []


@functools.cache
def _imports(name: str) -> list[str]:
    path = _path(name)
    if path is None:
        return []
    names = []
    for module, what in IMPORT.findall(path.read_text(encoding="utf-8")):
        words = re.findall(r"[\w.]+", what)
        names += [module, *(f"{module}.{word}" for word in words)] if module else words
    return [name for name in names if name.split(".")[0] == "pipeline" and _path(name) is not None]
