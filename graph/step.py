"""What a step of the graph is, and the rules that come of it: each is a rule of Snakemake and a stage of dvc.yaml.

Texts name what they are made of in braces: ``{seed}`` is a wildcard, a job for each of its values; ``{faces}`` a file
of the task's table; ``{recognition.teacher.seeds[0]}``, with a dot, a value of params.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from pipeline.command_line import options
from pipeline.params.loading import SETTINGS_FILE, lookup
from pipeline.steps import step_module

FIELD = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Each:
    """The values of a wildcard: the keys of a mapping, or the items of a list, at a dotted key of params.yaml."""

    key: str


Case = dict[str, str | Each]  # wildcards, and texts that differ from case to case


NAMED_BY = "named_by"  # the text of a case that says which settings, besides the step's, name parts of its code


@dataclass(frozen=True)
class Step:
    """A step as its table has it; what it does and which options it takes is in ``pipeline/tasks/TASK/steps/NAME.py``.

    ``reads`` and ``writes`` are names of files in the table, divided by spaces; ``out=raw`` says that the option
    ``--out`` names the file ``raw``. A folder that no step writes stands for all that is written below it. ``cases``
    are the ways in which the step is run, by what is added to its name: a rule each. Options and files that a case
    has no text for are left out of it.
    """

    name: str
    reads: str = ""
    writes: str = ""
    cases: dict[str, Case] = field(default_factory=lambda: {"": {}})
    memory: int = 2000  # MB
    minutes: int = 60  # that a cluster lets it run; a training resumes and has a day
    resumes: bool = False
    gpu: bool = False
    alone: bool = False  # it measures times: with all threads, other jobs would show in them
    priority: int = 0  # what others wait for comes first
    plots: dict[str, dict[str, str]] = field(default_factory=dict)  # of DVC: file of ``writes`` -> how it is drawn
    metrics: tuple[str, ...] = ()  # of DVC: files of ``writes``


@dataclass(frozen=True)
class Rule:
    """One case of a step, all texts filled in but for wildcards and values of params.yaml."""

    name: str
    step: Step
    each: dict[str, Each]
    reads: dict[str, str]
    writes: dict[str, str]
    options: dict[str, str]  # and their values
    settings: tuple[str, ...]  # dotted keys of params.yaml: what the step reads, and what else names parts of its code

    @property
    def code(self) -> str:
        """Where the code that the rule runs is listed: a list for each value of the wildcards in its settings."""
        fields = dict.fromkeys(name for key in self.settings for name in FIELD.findall(key))
        return "/".join([f"data/code/{self.step.name}", *(f"{{{name}}}" for name in fields)]) + ".txt"

    def command(self, value: Callable[[str], str]) -> str:
        """The command line, with each field of an option's value replaced by what ``value`` says of its name."""
        words = [f"--{option.replace('_', '-')} {fill(text, value)}" for option, text in self.options.items()]
        return " ".join([f"python -m pipeline {self.step.name} --params {SETTINGS_FILE}", *words])


def of_networks(results: str, *tables: str) -> dict[str, str]:
    """The files of a task's networks: weights, card, losses and, by their names, what an evaluation writes."""
    return {
        "model": "{network}.safetensors",
        "card": "{network}.json",
        "all_losses": f"{results}/losses",
        "losses": "{all_losses}/{variant}/{seed}/losses.csv",
        "evaluations": f"{results}/evaluations",
        "evaluation": "{evaluations}/{variant}/{seed}",
        **{table.partition(".")[0]: f"{{evaluation}}/{table}" for table in tables},
        "efficiency": f"{results}/efficiency.csv",
    }


def variants(group: str, models: str, **more: str | Each) -> Case:
    """The case of all variants in a group of params.yaml, such as ``recognition.students``, trained with all seeds."""
    network = f"{models}/{group.rpartition('.')[2]}/{{variant}}/{{seed}}/model"
    named_by = f"{group}.{{variant}} {more.get(NAMED_BY, '')}"
    return {**more, "variant": Each(group), "seed": Each("seeds"), "network": network, NAMED_BY: named_by}


def rules(steps: Iterable[Step], files: dict[str, str], task: str = "") -> list[Rule]:
    """The rules of a task's table of steps and the files that it names: each rule's name begins with the task's.

    Raises ValueError where a text names nothing.
    """
    named = [replace(step, name=f"{task}_{step.name}") if task else step for step in steps]
    return [_rule(step, suffix, case, files) for step in named for suffix, case in step.cases.items()]


def values(params: dict[str, Any], each: Each) -> list[str]:
    """What a wildcard may be, in the document of params.yaml."""
    return [str(value) for value in lookup(params, each.key)]


def fill(text: str, value: Callable[[str], str]) -> str:
    """``text`` with each field replaced by what ``value`` says of its name."""
    return FIELD.sub(lambda match: value(match[1]), text)


def is_folder(path: str) -> bool:
    """Whether the path is that of a folder: its last part has no suffix."""
    return not PurePosixPath(FIELD.sub("x", path)).suffix


def below(folder: str, among: Iterable[Rule]) -> list[tuple[Rule, str]]:
    """What is written below a folder, with the rule that does; nothing where a rule writes the folder itself."""
    written = [(rule, path) for rule in among for path in rule.writes.values()]
    if any(path == folder for _, path in written):
        return []
    inside = [(rule, path) for rule, path in written if path.startswith(f"{folder}/")]
    if not inside:
        raise ValueError(f"{folder} is read, and no step writes it or anything in it")
    return inside


def _rule(step: Step, suffix: str, case: Case, files: dict[str, str]) -> Rule:
    texts = files | {name: text for name, text in case.items() if isinstance(text, str)}
    each = {name: values for name, values in case.items() if isinstance(values, Each)}
    elsewhere = {name for other in step.cases.values() for name in other}

    def value(name: str) -> str:
        if "." in name or name in each:
            return f"{{{name}}}"
        if name in texts:
            return fill(texts[name], value)
        if name in elsewhere:
            raise _LeftOut
        raise ValueError(f"{step.name}: {{{name}}} is neither a file of the table nor a wildcard of the step")

    def filled(names: Iterable[tuple[str, str]]) -> dict[str, str]:
        paths = {}
        for name, text in names:
            try:
                paths[name] = value(text)
            except _LeftOut:
                continue
        return paths

    reads, writes = _named(step.reads), _named(step.writes)
    work = step_module(step.name)
    given = filled((option, (reads | writes).get(option, option)) for option in options(work.run))
    keys = [*(key for key, _ in work.SLICES.values()), *case.get(NAMED_BY, "").split()]
    settings = tuple(dict.fromkeys(fill(key, value) for key in keys))
    name = f"{step.name}_{suffix}" if suffix else step.name
    return Rule(name, step, each, filled(reads.items()), filled(writes.items()), given, settings)


class _LeftOut(Exception):
    """A case has no text for a name that another case of the step has."""


def _named(words: str) -> dict[str, str]:
    """Option -> file."""
    return {word.partition("=")[0]: word.rpartition("=")[2] for word in words.split()}
