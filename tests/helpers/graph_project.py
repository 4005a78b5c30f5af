"""A folder with the project in it, for tests that run both engines on stand-ins for the steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from filelock import FileLock

from tests.helpers.standin import make_project
from tests.helpers.warm import first_in_path

ALL = {
    *(
        "check",
        "recognition_download",
        "recognition_prepare",
        "recognition_degrade",
        "recognition_fetch_teacher",
        "recognition_train_teacher-1",
        "recognition_teacher_outputs",
        "recognition_efficiency",
    ),
    *("recognition_report", "report"),
    *(
        "recognition_train_baseline-basicnet-0",
        "recognition_train_student-logit_attention_kd-0",
        "recognition_evaluate-teacher-1",
    ),
    *("recognition_evaluate-basicnet-0", "recognition_evaluate-logit_attention_kd-0"),
}
STUDENT = {
    "check",
    "recognition_train_student-logit_attention_kd-0",
    "recognition_evaluate-logit_attention_kd-0",
    "recognition_report",
    "report",
}
MODEL = "models/recognition/students/logit_attention_kd/0/model.safetensors"
COMPILED = tempfile.TemporaryDirectory()  # dozens of short processes: each would compile what it imports
RUN = ("snakemake", "--cores", "1", "--quiet", "all")


class Project:
    """A folder with the project in it, and what ran there since last asked."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.log = folder.with_name(folder.name + "-ran.txt")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        person = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": COMPILED.name}
        self.environment = os.environ | {"PATH": path, "RAN": str(self.log)} | person | compiled

    def __call__(self, *words: str, ok: bool = True, **environment: str) -> str:
        """Run a command, and what it starts, in forks (warm.py); its output, both streams."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment | {"PATH": first_in_path()} | environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert (done.returncode == 0) == ok, done.stdout[-3000:]
        return done.stdout

    def start(self, *words: str, **environment: str) -> subprocess.Popen:
        """Start a command in a process group of its own, as a user would: it may be killed."""
        return subprocess.Popen(
            words,
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ran(self) -> list[str]:
        """The steps that ran since this was last asked."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.write_text("")
        return lines

    def wait_for(self, step: str) -> None:
        """Until the step has begun."""
        for _ in range(3000):
            if self.log.exists() and step in self.log.read_text().splitlines():
                return
            time.sleep(0.1)
        raise AssertionError(f"{step} never began")

    def edit(self, old: str, new: str) -> None:
        """Change params.yaml."""
        file = self.folder / "params.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def commit(self) -> None:
        """A Git commit of everything."""
        self("git", "add", "-A")
        self("git", "commit", "-qm", "state")

    def changed(self) -> set[str]:
        """What `dvc status` shows as changed."""
        return set(json.loads(self("dvc", "status", "--json")))

    def clean(self) -> None:
        """Both engines say that nothing is to be done, and nothing was done to say so."""
        assert self.changed() == set()
        assert "Nothing to be done" in self("snakemake", "-n", "--quiet", "reason")
        assert self.ran() == []


def copy(project: Project, folder: Path) -> Project:
    """A copy to change, with the times of all files; ``first`` is what ran there."""
    subprocess.run(["cp", "-a", project.folder, folder], check=True)
    other = Project(folder)
    other.first = project.log.read_text().splitlines()
    return other


def made_by_snakemake(root: Path, workers: Path) -> Project:
    """The project after a full run, all in Git: made once, in a folder that all workers share. Copy it to change it."""
    folder, partly = workers / "made-by-snakemake", workers / "being-made"
    with FileLock(workers / "made-by-snakemake.lock"):
        if not folder.exists():
            project = Project(make_project(root, partly / "project"))
            project.commit()
            project(*RUN)
            project.commit()
            partly.rename(folder)
    return Project(folder / "project")
