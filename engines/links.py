"""Results that DVC keeps as hard links into its cache."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def make_replaceable(places: Iterable[str]) -> None:
    """Let Snakemake replace and touch the files at or below ``places``: DVC makes linked ones read-only.

    Which links DVC makes may be set for the project, the user or the machine, so the files are what is asked. Steps
    never write into a file that is there, so the copy in DVC's cache is safe. What belongs to another user stays.
    """
    for place in sorted({str(Path(place)) for place in places}):
        for file in [Path(place), *Path(place).rglob("*")]:
            if file.is_file() and not file.is_symlink() and not os.access(file, os.W_OK):
                with contextlib.suppress(OSError):
                    file.chmod(file.stat().st_mode | 0o200)
