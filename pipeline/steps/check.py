"""Check the whole of params.yaml before anything runs: types, ranges, unknown keys, contradictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.document import Document, check
from pipeline.files import write_text

SLICES = {"everything": ("", Document)}


def run(
    settings: dict[str, Any],
    *,
    out: Path,
    params: Path,
) -> None:
    """Write the note. Its bytes never change, so nothing after this step reruns because of it.

    Args:
        out: to write: a note that the parameters are valid
        params: the parameter file
    """
    check(params)
    write_text(out, "the parameters are valid\n")
