"""The graph with stand-ins for the work: real engines, real rules and stages, steps that take no time.

A stand-in writes to each output a hash of all that the step reads, so results differ exactly when they should.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from pipeline.steps import step_place

PROJECT = [
    "Snakefile",
    "graph",
    "dvc.yaml",
    ".dvc",
    ".dvcignore",
    ".gitignore",
    "pipeline",
    "engines",
    "profiles",
    "environment.yaml",
]
OUTPUTS = {
    "check": {"out"},
    "recognition_download": {"out"},
    "recognition_prepare": {"faces", "index", "pairs", "searches", "notes", "contact_sheet"},
    "recognition_degrade": {"out"},
    "recognition_fetch_teacher": {"out"},
    "recognition_train_teacher": {"model", "losses"},
    "recognition_teacher_outputs": {"out"},
    "recognition_train_baseline": {"model", "losses"},
    "recognition_train_student": {"model", "losses"},
    "recognition_evaluate": {"metrics", "scores", "ranks", "low_rates", "samples", "run"},
    "recognition_efficiency": {"out"},
    "recognition_report": {"out"},
    "report": {"out"},
}
FOLDERS = {
    "recognition_download",
    "recognition_degrade",
    "recognition_fetch_teacher",
    "recognition_teacher_outputs",
    "recognition_report",
}
OVERRIDE = '\n\nfrom standin import stand_in  # noqa: E402\n\nrun = stand_in("{step}", run)\n'


def make_project(root: Path, folder: Path) -> Path:
    """A repository at ``folder`` with the project's graph, stand-ins for its steps, one baseline and one student."""
    folder.mkdir(parents=True)
    for name in PROJECT:
        if (root / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "tmp", "cache", "config.local")
            shutil.copytree(root / name, folder / name, ignore=ignore)
        else:
            shutil.copy2(root / name, folder / name)
    for step in OUTPUTS:
        file = folder / f"{step_place(step).replace('.', '/')}.py"
        file.write_text(file.read_text() + OVERRIDE.format(step=step))
    shutil.copy2(__file__, folder / "standin.py")
    text = (root / "tests/settings/tiny.yaml").read_text().partition("super_resolution:")[0]  # one task will do
    (folder / "params.yaml").write_text(text.replace("    degraded_only: {train_qualities: [1, 4]}\n", ""))
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def stand_in(step: str, real: Any) -> Any:
    """What takes the place of the step's ``run``.

    The environment may name a step (with variant and seed) that shall FAIL, or one that shall WAIT until a file
    of that name is gone; RAN is the file that lists the steps that ran.
    """

    @functools.wraps(real)  # whose signature is the command line
    def run(settings: dict[str, Any], **options: Any) -> None:
        name = "-".join([step, *(str(options[key]) for key in ("variant", "seed") if key in options)])
        with open(os.environ["RAN"], "a") as ran:
            ran.write(name + "\n")
        if name == os.environ.get("FAIL"):
            raise SystemExit(1)
        while name == os.environ.get("WAIT") and Path(name).exists():
            time.sleep(0.05)
        write(step, options, "good\n" if step == "check" else digest(step, options, settings))

    return run


def digest(step: str, options: dict[str, Any], settings: dict[str, Any]) -> str:
    """A hash of the command line, the settings and all files read; the report reads only declared variants."""
    given = {key: value for key, value in sorted(options.items()) if key not in OUTPUTS[step]}
    read = {key: content(path) for key, path in given.items() if isinstance(path, Path) and path.exists()}
    if step == "recognition_report":
        declared = {"teacher", *settings["baselines"], *settings["students"]}
        for key in ("evaluations", "losses"):
            read[key] = [entry for entry in read[key] if Path(entry[0]).parts[-3] in declared]
    values = {key: v.model_dump(mode="json") if hasattr(v, "model_dump") else str(v) for key, v in settings.items()}
    everything = [step, {key: str(value) for key, value in given.items()}, read, values]
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest() + "\n"


def content(path: Path) -> list[tuple[str, str]]:
    """Name and hash of a file, or of all in a folder."""
    files = [path] if path.is_file() else sorted(f for f in path.rglob("[!.]*") if f.is_file())
    return [(str(file), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]


def write(step: str, options: dict[str, Any], text: str) -> None:
    """The step's outputs."""
    from pipeline.files import atomic_directory, write_text

    number = int(text[:6], 16) if step != "check" else 0
    if step == "report":
        for file in ("index.html", "report.md"):
            write_text(options["out"] / file, text)
        write_text(options["out"] / "metrics.csv", f"task,value\nrecognition,{number}\n")
        write_text(options["out"] / "metrics.json", json.dumps({"number": number}))
        columns = "protocol,variant,condition,downsampling,accuracy,low,high"
        write_text(options["out"] / "accuracy.csv", f"{columns}\ncross_age,kd,x1,1,0.{number},0.1,0.9\n")
    for option in sorted(OUTPUTS[step]):
        path = options[option]
        if step in FOLDERS or step == "report":
            with atomic_directory(path / "figures" if step == "report" else path) as folder:
                (folder / "a.svg").write_text(text)
                (folder / "more").mkdir()
                (folder / "more/b.svg").write_text(text)
        elif option == "losses":
            write_text(path, f"epoch,learning_rate,total\n1,0.1,0.{number}\n")
        else:
            write_text(path, text * 20_000 if option == "faces" else text)  # above what Snakemake makes checksums of
    if "model" in OUTPUTS[step]:
        write_text(options["model"].with_suffix(".json"), json.dumps({"made": text}))
