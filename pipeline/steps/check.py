"""Check the whole of params.yaml before anything runs: types, ranges, unknown keys, contradictions."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.files import write_text
from pipeline.params.document import Document, check

SLICES = {"everything": ("", Document)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--out", type=Path, required=True, help="a note that the parameters were found good")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Write the note. Its bytes never change, so nothing after this step reruns because of it."""
    check(options.params)
    write_text(options.out, "the parameters are valid\n")
