"""The graph as Snakemake's rules: what the Snakefile hands to each directive of a rule."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from engines.graph import science
from graph.step import Rule, below, fill, is_folder, values
from graph.tables import TASKS, all_rules
from pipeline.params.loading import lookup

GPU = 0 if os.environ.get("PIPELINE_DEVICE") == "cpu" else 1  # that a job asks for
ALL_THREADS = 512  # as many as there are


@dataclass(frozen=True)
class Directives:
    """What a rule of Snakemake is made of, by the names of its directives."""

    name: str
    input: dict[str, Any]
    output: dict[str, str]
    folders: frozenset[str]
    constraints: dict[str, str]
    label: str
    science: Callable[[Any], dict[str, Any]]
    threads: int
    priority: int
    resources: dict[str, Any]
    command: Callable[[Any], str]


def directives(params: dict[str, Any]) -> Iterator[Directives]:
    """Those of every rule of the tasks that ``params``, the document of params.yaml, has a group for."""
    rules = all_rules([task for task in TASKS if params.get(task) is not None])
    for rule in rules:
        yield _directives(rule, rules, params)


def _directives(rule: Rule, among: list[Rule], params: dict[str, Any]) -> Directives:
    step = rule.step

    def known(text: str) -> str:
        """The text with the values of params.yaml in it, wildcards as they are."""
        return fill(text, lambda name: _lookup(params, name) if "." in name else f"{{{name}}}")

    def command(wildcards: Any) -> str:
        return rule.command(lambda name: _lookup(params, name) if "." in name else wildcards[name])

    inputs = {name: _input(path, rule, among, params, known) for name, path in rule.reads.items()}
    constraints = {name: "|".join(values(params, each)) or "none" for name, each in rule.each.items()}
    return Directives(
        name=rule.name,
        input={"code": rule.code, **inputs},
        output={name: known(path) for name, path in rule.writes.items()},
        constraints=constraints,
        label="/".join([rule.name, *(["-".join(f"{{{name}}}" for name in rule.each)] if rule.each else [])]),
        folders=frozenset(name for name, path in rule.writes.items() if is_folder(path)),
        science=lambda wildcards: science(step.name, params, **wildcards),
        threads=ALL_THREADS if step.alone else 1,
        priority=step.priority,
        resources={
            "mem_mb": _more(step.memory),
            "runtime": 1440 if step.resumes else _more(step.minutes),
            "gpu": GPU if step.gpu else 0,
        },
        command=command,
    )


def _input(path: str, rule: Rule, among: list[Rule], params: dict[str, Any], known: Callable[[str], str]) -> Any:
    """The path, or all that is written below it, for every value of the wildcards that the path does not have."""
    inside = below(path, among) if is_folder(path) else []
    files = []
    for other, written in inside:
        free = [name for name in other.each if f"{{{name}}}" not in path]
        for chosen in product(*(values(params, other.each[name]) for name in free)):
            here = dict(zip(free, chosen, strict=True))
            files.append(known(fill(written, lambda name: here.get(name, f"{{{name}}}"))))
    return list(dict.fromkeys(files)) if inside else known(path)


def _lookup(params: dict[str, Any], key: str) -> str:
    """The value, as text, at a dotted key, which may end with the number of an item: ``recognition.teacher.seeds[0]``."""
    key, _, item = key.partition("[")
    value = lookup(params, key)
    return str(value[int(item[:-1])] if item else value)


def _more(amount: int) -> Callable[[Any, int], int]:
    """Memory (MB) or time (min) of a job: the amount, twice that if the cluster kills it, up to four times."""
    return lambda wildcards, attempt: amount * min(attempt, 4)
