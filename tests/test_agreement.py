"""Snakemake and DVC agree on what is up to date, whichever of them ran, with no command for it.

The graph, the rules and the stages are the real ones; the work of the steps is a stand-in, see standin.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from standin import make_project

pytestmark = pytest.mark.slow

ALL = {
    *("check", "download", "prepare", "degrade", "train_teacher", "teacher_outputs", "efficiency", "report"),
    *("train_baseline-basicnet-0", "train_student-logit_attention_kd-0", "evaluate-teacher-1"),
    *("evaluate-basicnet-0", "evaluate-logit_attention_kd-0"),
}
STUDENT = {"check", "train_student-logit_attention_kd-0", "evaluate-logit_attention_kd-0", "report"}
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
        """Run a command; its output, both streams."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment | environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert (done.returncode == 0) == ok, done.stdout[-3000:]
        return done.stdout

    def start(self, *words: str, **environment: str) -> subprocess.Popen:
        """Start a command in a process group of its own."""
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
        for _ in range(600):
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
    """A copy to change, with the times of all files."""
    subprocess.run(["cp", "-a", project.folder, folder], check=True)
    return Project(folder)


@pytest.fixture(scope="module")
def by_snakemake(tmp_path_factory, root) -> Project:
    project = Project(make_project(root, tmp_path_factory.mktemp("snakemake") / "project"))
    project.commit()
    project(*RUN)
    project.first = project.ran()
    project.commit()
    return project


@pytest.fixture
def project(by_snakemake, tmp_path) -> Project:
    return copy(by_snakemake, tmp_path / "project")


def test_snakemake_on_a_fresh_clone_then_dvc(by_snakemake):
    assert sorted(by_snakemake.first) == sorted(ALL)
    by_snakemake.clean()
    by_snakemake("dvc", "repro", "--quiet")
    by_snakemake.clean()
    assert by_snakemake("git", "status", "--short") == ""


def test_dvc_on_a_fresh_clone_then_snakemake(tmp_path, root):
    project = Project(make_project(root, tmp_path / "project"))
    project.commit()
    project("dvc", "repro", "--quiet")
    assert sorted(project.ran()) == sorted(ALL)
    project(*RUN)
    project.clean()
    assert project("git", "status", "--short").split() == ["??", "dvc.lock"]


def test_a_parameter_changed_and_back(project):
    """Each engine runs what the change reaches, once; what was made before comes from the run-cache."""
    project.edit("weight: 5.0", "weight: 4.0")
    project("dvc", "repro", "--quiet")
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()
    project.edit("weight: 4.0", "weight: 3.0")
    project(*RUN)
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()
    project.edit("weight: 3.0", "weight: 4.0")  # made by DVC
    project("dvc", "repro", "--quiet")
    project.edit("weight: 4.0", "weight: 5.0")  # made by Snakemake
    project("dvc", "repro", "--quiet")
    assert project.ran() == []
    project.clean()


def test_a_variant_put_in_and_taken_out_and_other_commits_checked_out(project):
    """What params.yaml or a commit does not name leaves the folders that the report reads whole, and comes back."""
    losses = project.folder / "reports/recognition/losses/kd/0/losses.csv"
    kd = "    kd: {train_qualities: [4], distill: {attention: {weight: 1.0}}}\n"
    old = project("git", "rev-parse", "HEAD").strip()
    project.edit("  evaluation:", kd + "  evaluation:")
    project(*RUN)
    assert "train_student-kd-0" in project.ran()
    project.commit()
    new = project("git", "rev-parse", "HEAD").strip()
    project.edit(kd, "")
    project(*RUN)
    assert not losses.exists() and set(project.ran()) <= {"check", "report"}
    project.clean()
    project.edit("  evaluation:", kd + "  evaluation:")
    project(*RUN)
    assert losses.exists() and project.ran() == []
    project.clean()
    for commit in (old, new):
        project("git", "checkout", "-q", "--force", commit)
        project("dvc", "checkout", "--quiet")
        project.clean()
        assert losses.exists() == (commit == new)


def test_a_fresh_clone_with_results_from_a_remote(project, tmp_path):
    project("dvc", "remote", "add", "--quiet", "--default", "store", str(tmp_path / "store"))
    project.commit()
    project("dvc", "push", "--quiet")
    project("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone("dvc", "pull", "--quiet")
    clone.clean()
    clone.edit("weight: 5.0", "weight: 4.0")  # restored files have a record to compare with
    clone(*RUN)
    assert sorted(clone.ran()) == sorted(STUDENT)
    clone.clean()


@pytest.mark.parametrize("link", ["hardlink", "symlink"])
def test_links_into_the_cache(project, link):
    """Results are replaced, never written through a link, though DVC makes linked files read-only."""
    project("dvc", "config", "--local", "cache.type", link)
    project("dvc", "checkout", "--relink", "--quiet")
    model = project.folder / MODEL
    assert model.is_symlink() if link == "symlink" else model.stat().st_nlink == 2
    kept = cache_of(project)
    project.edit("weight: 5.0", "weight: 4.0")
    # root may write into any file; without that right it is as anybody else
    project("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override", *RUN)
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()
    project.edit("weight: 4.0", "weight: 5.0")
    project("dvc", "repro", "--quiet")
    assert project.ran() == []
    project.clean()
    now = cache_of(project)
    assert {name: now[name] for name in kept} == kept


def cache_of(project: Project) -> dict[str, bytes]:
    """All contents in DVC's cache by name."""
    files = (project.folder / ".dvc/cache/files").rglob("*")
    return {str(file): file.read_bytes() for file in files if file.is_file()}


def test_a_run_of_one_target_is_recorded_and_the_rest_shows_as_changed(project):
    project.edit("weight: 5.0", "weight: 4.0")
    project("snakemake", MODEL, *RUN[1:])
    assert project.ran() == ["train_student-logit_attention_kd-0"]
    assert project.changed() == {"check", "evaluate_student@logit_attention_kd-0", "report"}
    project(*RUN)
    assert sorted(project.ran()) == sorted(STUDENT - {"train_student-logit_attention_kd-0"})
    project.clean()


def test_a_failed_run(project):
    step = "evaluate-logit_attention_kd-0"
    project.edit("weight: 5.0", "weight: 4.0")
    project(*RUN, ok=False, FAIL=step)
    assert {"evaluate_student@logit_attention_kd-0", "report"} <= project.changed()
    assert "train_student@logit_attention_kd-0" not in project.changed()
    project.ran()
    project(*RUN)
    assert {step, "report"} <= set(project.ran()) <= {step, "report", "check"}
    project.clean()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run(project, how):
    """What was finished is not made again; what was not shows as changed. While it runs, nobody else may."""
    step = "evaluate-logit_attention_kd-0"
    project.edit("weight: 5.0", "weight: 4.0")
    (project.folder / step).touch()
    run = project.start(*RUN, WAIT=step)
    project.wait_for(step)
    if how == signal.SIGKILL:
        assert "Unable to acquire lock" in project("dvc", "repro", ok=False)
        refusal = project(*RUN, ok=False).strip().splitlines()[-1]
        assert refusal == f"another process (PID {run.pid}) is at work in this folder: start again when it has finished"
        assert "would" not in project("snakemake", "-n", "--quiet", "all")
    os.killpg(run.pid, how)
    run.wait()
    (project.folder / step).unlink()
    assert {"evaluate_student@logit_attention_kd-0", "report"} <= project.changed()
    assert "train_student-logit_attention_kd-0" in project.ran()
    project(*RUN)
    assert {step, "report"} <= set(project.ran()) <= {step, "report", "check"}
    project.clean()


def test_snakemake_while_dvc_runs(project):
    step = "evaluate-logit_attention_kd-0"
    project.edit("weight: 5.0", "weight: 4.0")
    (project.folder / step).touch()
    run = project.start("dvc", "repro", WAIT=step)
    project.wait_for(step)
    refusal = project(*RUN, ok=False).strip().splitlines()[-1]
    assert refusal == f"dvc (PID {run.pid}) is at work in this folder: start again when it has finished"
    (project.folder / step).unlink()
    assert run.wait() == 0
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()


def test_a_result_changed_by_hand_is_never_taken_for_good(project):
    scores = project.folder / "reports/recognition/evaluations/basicnet/0/scores.csv"
    before = scores.read_bytes()
    scores.write_text("better\n")
    project("snakemake", "--forcerun", "efficiency", *RUN[1:])
    assert project.changed() == {"evaluate_baseline@basicnet-0"}
    project.ran()
    project(*RUN)  # restored from the cache, with the report that was made from it
    assert scores.read_bytes() == before
    assert project.ran() in ([], ["report"])
    project.clean()


def test_params_edited_while_a_run_is_on(project):
    """A step reads params.yaml when it begins; nothing made from other values than noted is taken for good."""
    step = "train_student-logit_attention_kd-0"
    project.edit("weight: 5.0", "weight: 4.0")
    (project.folder / step).touch()
    run = project.start(*RUN, WAIT=step)
    project.wait_for(step)
    project.edit("sample_faces: 2", "sample_faces: 1")
    (project.folder / step).unlink()
    assert run.wait() == 0
    assert "train_student@logit_attention_kd-0" not in project.changed()
    assert {"check", "evaluate_student@logit_attention_kd-0"} <= project.changed()
    project.ran()
    project.edit("sample_faces: 1", "sample_faces: 2")
    project(*RUN)
    assert "evaluate-logit_attention_kd-0" in project.ran(), "it was made with one face"
    project.clean()


def test_what_only_one_engine_would_see_is_refused(project):
    for words, line in {
        ("--config", "weight=1"): "--config and --configfile reach only Snakemake: edit params.yaml",
        ("--configfile", "params.yaml"): "--config and --configfile reach only Snakemake: edit params.yaml",
        ("--touch",): "--touch calls results good without a look",
        ("--no-hooks",): "--no-hooks keeps DVC from seeing the results",
    }.items():
        last = project("snakemake", "--cores", "1", *words, ok=False).strip().splitlines()[-1]
        assert last.startswith(line)
    assert project.ran() == []


def test_without_git_or_dvc_snakemake_works_alone(tmp_path, project):
    """As from a downloaded archive; made a repository later, what was made before is taken up."""
    for name in (".git", "dvc.lock", ".dvc/tmp", ".dvc/cache", ".snakemake"):
        project("rm", "-rf", name)
    project("rm", "-rf", "data", "models", "reports")
    project(*RUN)
    assert sorted(project.ran()) == sorted(ALL)
    project("git", "init", "-q")
    project(*RUN)
    assert project.ran() == []
    project.clean()
