"""Imports point one way: what a task is made of knows no task, settings know nothing, and nothing knows the engines."""

from __future__ import annotations

import ast

import pytest

from tests.helpers import ROOT

ABOVE = {  # what a package's files, in functions too, may not import
    "params": ("data", "distill", "models", "metrics", "face_networks", "face_losses", "report", "tasks", "document"),
    "data": ("models", "distill", "report", "tasks", "document", "steps"),
    "models": ("report", "tasks", "document", "steps"),
    "distill": ("report", "tasks", "document", "steps"),
    "metrics": ("models", "report", "tasks", "document", "steps"),
    "face_networks": ("report", "tasks", "document", "steps"),
    "face_losses": ("report", "tasks", "document", "steps"),
    "face_measures": ("report", "tasks", "document", "steps"),
    "report": ("models", "distill", "tasks", "document", "steps"),
}
# Settings of variants name networks and losses of recognition, which are found by their names.
ALLOWED = {("params/variants.py", "face_networks"), ("params/variants.py", "face_losses")}


def imported(file) -> set[str]:
    """Dotted names that a file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("package", ABOVE)
def test_no_import_points_up(package):
    files = sorted((ROOT / "pipeline" / package).rglob("*.py"))
    assert files
    wrong = []
    for file in files:
        parts = {name.split(".")[1] for name in imported(file) if name.startswith("pipeline.")}
        here = file.relative_to(ROOT / "pipeline").as_posix()
        wrong += [(here, part) for part in sorted(parts & set(ABOVE[package])) if (here, part) not in ALLOWED]
    assert not wrong


def test_the_work_knows_no_engine():
    files = [*(ROOT / "pipeline").rglob("*.py")]
    wrong = {file.name: n for file in files for n in imported(file) if n.split(".")[0] in ("engines", "graph", "dvc")}
    assert len(files) > 200 and not wrong


def test_a_task_builds_on_recognition_alone():
    """Its faces and its teacher; no other task knows another."""
    tasks = ROOT / "pipeline/tasks"
    for task in (folder.name for folder in tasks.iterdir() if (folder / "steps").is_dir()):
        names = {name for file in (tasks / task).rglob("*.py") for name in imported(file)}
        others = {name.split(".")[2] for name in names if name.startswith("pipeline.tasks.")}
        assert others <= {task, "recognition"}, task
