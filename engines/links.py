"""Results that DVC keeps as hard links into its cache."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def make_replaceable(tops: Iterable[str]) -> None:
    """Let Snakemake replace and touch what lies under ``tops``: DVC makes hard links read-only, which it refuses.

    Steps never write into a file that is there, so the copy in DVC's cache is safe.
    """
    if not any("hardlink" in file.read_text() for file in Path(".dvc").glob("config*")):
        return
    for file in (file for top in set(tops) for file in Path(top).rglob("*")):
        if file.is_file() and not file.is_symlink() and not os.access(file, os.W_OK):
            file.chmod(file.stat().st_mode | 0o200)
