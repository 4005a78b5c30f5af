"""All rules: those of every task, and what frames them.

docs/graph.svg shows them: ``snakemake --rulegraph | dot -Tsvg``, with the parameters as shipped.
"""

from __future__ import annotations

import importlib

from graph.step import Rule, Step, rules
from pipeline.tasks import task_names

FILES = {
    "note": "data/params-checked.txt",
    "sections": "reports/sections",
    "out": "reports",
    "page": "reports/index.html",
    "text": "reports/report.md",
    "metrics": "reports/metrics.csv",
    "summary": "reports/metrics.json",
    "accuracy": "reports/accuracy.csv",
    "figures": "reports/figures",
}
ACCURACY = {
    "template": "accuracy",
    "x": "downsampling",
    "y": "accuracy",
    "title": "Accuracy by quality",
    "x_label": "downsampling factor",
}
CHECK = rules([Step("check", writes="out=note", memory=500, minutes=5)], FILES)
REPORT = rules(
    [
        Step(
            "report",
            reads="sections",
            writes="page text metrics summary accuracy figures",
            memory=1000, minutes=10, metrics=("summary",), plots={"accuracy": ACCURACY},
        )
    ],
    FILES,
)  # fmt: skip
# By their group in params.yaml; all but the first may be left out of it.
TASKS: dict[str, list[Rule]] = {task: importlib.import_module(f"graph.{task}").RULES for task in task_names()}


def all_rules(groups: object = TASKS) -> list[Rule]:
    """The rules of the tasks whose names are in ``groups``, each after those that it builds on."""
    return [*CHECK, *(rule for task, rules in TASKS.items() if task in groups for rule in rules), *REPORT]
