"""What several test files need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# One thread, as the steps themselves run: bytes repeat, and two workers do not fight for two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent




@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT
