"""Bring the tasks' sections together: one tidy table, the page, its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SLICES: dict[str, tuple[str, type]] = {}


def run(
    settings: dict[str, Any],
    *,
    sections: Path,
    out: Path,
) -> None:
    """Write metrics.csv, metrics.json, accuracy.csv, report.md, index.html and figures/.

    Args:
        sections: one folder per section
        out: the folder of the report
    """
    from pipeline.report.build import build

    build(out, sections)
