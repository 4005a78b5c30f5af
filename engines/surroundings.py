"""What a run needs around it, said in one line where it is missing: called before anything else in the Snakefile."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from pipeline.errors import InputError

WRITTEN = (".", ".snakemake", ".dvc/tmp", "data", "data/code")  # a dry run writes too: its notes


def prepare() -> None:
    """Have ``python`` on the PATH, by which steps are started. Raises InputError where a run could not even begin."""
    for place in WRITTEN:
        if os.path.exists(place) and not os.access(place, os.W_OK):
            here = Path(place).absolute()
            raise InputError(
                f"{here}: cannot be written, expected a folder that can: Snakemake keeps notes there, -n too"
            )
    if shutil.which("python") is None:
        # As where a virtual environment's snakemake is called by its path: its python lies beside it.
        beside = Path(sys.executable).parent
        if shutil.which("python", path=str(beside)) is None:
            raise InputError(
                f"python: no such program on the PATH ({os.environ.get('PATH', '')}), steps are started by it"
            )
        os.environ["PATH"] = os.pathsep.join(filter(None, [str(beside), os.environ.get("PATH", "")]))
