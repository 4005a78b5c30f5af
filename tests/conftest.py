"""What several test files need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import ROOT
from tests.helpers.graph_project import Project, copy, made_by_snakemake
from tests.helpers.parameters import read_once

# One thread, as the steps themselves run: bytes repeat, and two workers do not fight for two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def workers(tmp_path_factory) -> Path:
    """A folder that all workers share, for what is made once."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture
def document(root) -> dict[str, Any]:
    """The shipped parameters: a copy, so that whoever edits params.yaml is not told that tests fail."""
    return read_once(root / "tests/settings/params.yaml")


@pytest.fixture
def project(workers, tmp_path, root) -> Project:
    """The project with stand-ins for its steps, after a full run by Snakemake; see graph_project.py."""
    return copy(made_by_snakemake(root, workers), tmp_path / "project")


# By seconds, from 40 to 10: the longest first, or one worker is left with it when the other has nothing more to do.
LONGEST = (
    *("graph/test_whole.py", "engines/test_agreement.py", "tasks/recognition/test_report.py", "test_fuzz.py"),
    *("tasks/recognition/test_teachers.py", "graph/test_graph.py", "data/sources/test_photo_files.py"),
    *("engines/test_kills.py", "tasks/synthesis/test_report.py", "test_bad_inputs.py", "engines/test_leftovers.py"),
    *("test_processes.py", "test_cards.py", "models/test_onnx_process.py", "tasks/recognition/test_identification.py"),
    *("tasks/super_resolution/test_report.py", "params/test_same_as.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then those of the exhaustive tests."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    assert not (gone := [str(path) for path in places if not path.exists()]), f"no such files: {gone}"
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (places.get(item.path, len(places)), item.path not in slow))


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Leave out the drawing where a test is about a report's words and numbers."""
    from pipeline.report import figures

    monkeypatch.setattr(figures, "svg", lambda figure: b"")
    monkeypatch.setattr(figures, "png", lambda figure: b"")
