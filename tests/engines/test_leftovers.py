"""Networks that params.yaml no longer names are listed; those of today, in whatever form, are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.leftovers import leftovers, line
from tests.helpers.graph_project import MODEL, Project
from tests.helpers.parameters import read_once


@pytest.fixture
def models(tmp_path, monkeypatch) -> None:
    """What a run with the smallest parameters leaves, of each kind some: weights by themselves, and in a folder."""
    monkeypatch.chdir(tmp_path)
    put(MODEL, "models/recognition/teacher/1/model.safetensors", "models/recognition/teacher/1/x4.safetensors")
    others = "models/classification/expressions/students/ffkd/0/others"
    put(f"{others}/model.safetensors", f"{others}/more/model.safetensors")


def put(*files: str) -> None:
    for file in map(Path, files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


@pytest.fixture
def settings(root) -> dict:
    return read_once(root / "tests/settings/tiny.yaml")


def test_what_is_of_today_is_not_listed(models, settings):
    assert leftovers(settings) == [] and line(settings) == ""


def test_variants_seeds_and_tasks_that_are_gone_are_listed(models, settings):
    gone = ["recognition/students/gone/0", "recognition/students/logit_attention_kd/7", "super_resolution/x4/teacher/1"]
    put(*(f"models/{folder}/model.safetensors" for folder in gone))
    settings["super_resolution"] = None
    assert leftovers(settings) == [Path("models", folder) for folder in gone]
    said = line(settings)
    assert said.startswith("in params.yaml no longer, and read by no step: models/recognition/students/gone/0, ")
    assert "more" not in said
    put("models/other/0/model.safetensors")
    assert line(settings).endswith(" and 1 more (python -m engines.leftovers lists all)")


def test_a_run_says_so_when_it_starts(project: Project):
    kept = project.folder / "models/recognition/students/gone/0/model.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_text("of other faces")
    said = project("snakemake", "--cores", "1", "--forcerun", "report")
    assert "no longer, and read by no step: models/recognition/students/gone/0" in said
    assert kept.exists(), "nothing is removed"
    assert project("python", "-m", "engines.leftovers") == "models/recognition/students/gone/0\n"
