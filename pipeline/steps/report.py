"""Bring the tasks' sections together: one tidy table, the page, its figures."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

SLICES: dict[str, tuple[str, type]] = {}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--sections", type=Path, required=True, help="a folder a section")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the report")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Write metrics.csv, metrics.json, accuracy.csv, report.md, index.html and figures/."""
    from pipeline.report.build import build

    build(options.out, options.sections)
