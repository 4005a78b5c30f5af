"""The graph as dvc.yaml: ``python -m graph.stages`` writes the file.

Matrices stay templates of params.yaml, so `dvc repro` follows an edit of it without this command.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from graph.step import Rule, fill
from graph.tables import TASKS, all_rules
from pipeline.params.loading import SETTINGS_FILE
from pipeline.steps import step_module

FILE = Path("dvc.yaml")
HEAD = """\
# Written by `python -m graph.stages` from the tables in graph/; not to be edited.
# A step depends on a list in data/code/, which says what its code is, and on values in data/settings.json, which is
# params.yaml with every same_as resolved: the stages `code` and `settings` write them, as the Snakefile does.
"""
CODE = {
    "cmd": "python -m engines.code",
    "deps": ["pipeline", "graph", "engines/code.py", "engines/graph.py", SETTINGS_FILE],
    "outs": ["data/code"],
}
RESOLVED = {
    "cmd": "python -m engines.resolved",
    "deps": ["pipeline", "engines/resolved.py"],
    "params": [{"params.yaml": None}],
    "outs": [SETTINGS_FILE],
}


def document() -> dict[str, Any]:
    """What dvc.yaml holds: variables for tasks that params.yaml leaves out, and a stage for each rule."""
    return {
        "vars": _left_out(),
        "stages": {"settings": RESOLVED, "code": CODE} | {rule.name: _stage(rule) for rule in all_rules()},
    }


def text() -> str:
    """The file's text."""
    yaml, file = YAML(), io.StringIO()
    yaml.width, yaml.indent = 110, 2
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda data: True
    yaml.dump(document(), file)
    return HEAD + file.getvalue()


def _stage(rule: Rule) -> dict[str, Any]:
    def field(name: str) -> str:
        return f"${{item.{name}}}" if name in rule.each else f"${{{name}}}"

    def dvc(text: str) -> str:
        return fill(text, field)

    step = rule.step
    work = step_module(step.name)
    stage: dict[str, Any] = {"desc": work.__doc__.split("\n")[0]}
    if rule.each:
        stage["matrix"] = {name: f"${{{each.key}}}" for name, each in rule.each.items()}
    stage["cmd"] = rule.command(field)
    stage["deps"] = [*map(dvc, [rule.code, *rule.reads.values()])]
    if keys := [key for key, _ in work.SLICES.values()]:
        stage["params"] = [{SETTINGS_FILE: None if "" in keys else [dvc(key) for key in keys]}]
    stage["outs"] = [dvc(path) for name, path in rule.writes.items() if name not in {*step.metrics, *step.plots}]
    if step.metrics:
        stage["metrics"] = [dvc(rule.writes[name]) for name in step.metrics]
    if step.plots:
        stage["plots"] = [{dvc(rule.writes[name]): look} for name, look in step.plots.items()]
    return stage


def _left_out() -> list[dict[str, Any]]:
    """Empty groups for what the matrices of the tasks that may be left out go over."""
    variables: dict[str, Any] = {}
    keys = [each.key for task in list(TASKS)[1:] for rule in TASKS[task] for each in rule.each.values()]
    for key in (key for key in keys if "." in key):
        *groups, last = key.split(".")
        place = variables
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = {}
    return [{task: group} for task, group in variables.items()]


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
