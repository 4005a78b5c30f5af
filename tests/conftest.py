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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, or one worker is left with them when the other has nothing more to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Leave out the drawing where a test is about a report's words and numbers."""
    from pipeline.report import figures

    monkeypatch.setattr(figures, "svg", lambda figure: b"")
    monkeypatch.setattr(figures, "png", lambda figure: b"")
