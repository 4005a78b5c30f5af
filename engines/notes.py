"""Small files that the engines keep for themselves: a file with any other content counts as missing.

A machine that goes down, or a disk that fails, may leave anything in them. They can all be made again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_mapping(path: Path) -> dict[str, Any]:
    """The JSON mapping in the file; empty where there is none, or something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def holds(path: Path, text: str) -> bool:
    """Whether the file is there with just this text."""
    try:
        return path.read_bytes() == text.encode("utf-8")
    except OSError:
        return False
