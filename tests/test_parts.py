"""Parts that are found by their names: a file that does not do is named in one line, in every package."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.helpers.tiny_project import copy_project

PACKAGES = ["face_networks", "face_losses", "face_measures", "data/degradations", "data/sources", "data/class_sources"]
WRONG = {
    "def (": ", line 1: cannot be imported: SyntaxError",
    "import nothing_of_this_name": ": cannot be imported: ModuleNotFoundError: No module named 'nothing_of_this_name'",
    "x = 1": "Settings is missing, expected Settings",
}


@pytest.mark.parametrize("content", WRONG)
def test_a_part_that_cannot_be_loaded_is_one_line(root, tmp_path, content):
    folder = copy_project(root, tmp_path / "project")
    for package in PACKAGES:
        file = folder / f"pipeline/{package}/mine.py"
        file.write_text(content)
        if package == "face_measures":  # loaded where params.yaml names it
            params = folder / "params.yaml"
            params.write_text(params.read_text().replace("measures: {auc: {}", "measures: {mine: {}, auc: {}"))
        words = [sys.executable, "-m", "pipeline", "check", "--out", "note.txt"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        line = done.stderr.splitlines()
        assert done.returncode == 1 and len(line) == 1, done.stderr
        assert f"{package}/mine.py" in line[0] and WRONG[content] in line[0]
        file.unlink()
