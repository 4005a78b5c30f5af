"""The project with the smallest parameters in a folder of its own, and a whole run of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from tests.helpers.standin import PROJECT
from tests.helpers.warm import first_in_path


def copy_project(root: Path, folder: Path, **changes: str) -> Path:
    """The project in a repository of its own at ``folder``, with the tiny parameters; ``changes`` replace text."""
    folder.mkdir(parents=True)
    for name in PROJECT:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "tmp", "cache"))
        else:
            shutil.copy2(source, folder / name)
    text = (root / "tests/settings/tiny.yaml").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "params.yaml").write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


# What holds times of this run, or shows them.
TASKS = ("recognition", "super_resolution/x4", "synthesis/drawn", "classification/expressions")
VOLATILE = {
    *(f"reports/{task}/efficiency.csv" for task in TASKS),
    *(f"reports/sections/{task.replace('/', '_')}/section.json" for task in TASKS),
    *("reports/index.html", "reports/report.md"),
}


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of the environment that runs the tests, in ``folder``."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, env=os.environ | {"PATH": path} | environment
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def whole_run(root: Path, workers: Path) -> tuple[Path, Path]:
    """The project after a full run by Snakemake, to read, and a copy to change; made once for all workers."""
    made, partly = workers / "whole-by-snakemake", workers / "whole-being-made"
    with FileLock(workers / "whole-by-snakemake.lock"):
        if not made.exists():
            folder = copy_project(root, partly / "project")
            run(folder, "snakemake", "--cores", "2", "--quiet", "all", PATH=first_in_path())
            subprocess.run(["cp", "-a", folder, partly / "copy"], check=True)
            partly.rename(made)
    return made / "project", made / "copy"


def hashes(folder: Path) -> dict[str, str]:
    """Content hashes of all that the steps wrote."""
    files = [f for top in ("data", "models", "reports") for f in (folder / top).rglob("*") if f.is_file()]
    names = {str(f.relative_to(folder)): f for f in files if f.name not in (".gitignore", ".snakemake_timestamp")}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in names.items()}
