"""Partial, failed and killed runs, two engines at once, results changed by hand: DVC never claims more than is true.

The graph, the rules and the stages are the real ones; the work of the steps is a stand-in, see standin.py.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.helpers.graph_project import MODEL, RUN, STUDENT

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


def test_a_run_of_one_target_is_recorded_and_the_rest_shows_as_changed(project):
    project.edit("weight: 5.0", "weight: 4.0")
    project("snakemake", MODEL, *RUN[1:])
    assert project.ran() == ["recognition_train_student-logit_attention_kd-0"]
    assert project.changed() == {"check", "recognition_evaluate_student@logit_attention_kd-0", "recognition_report"}
    project(*RUN)
    assert sorted(project.ran()) == sorted(STUDENT - {"recognition_train_student-logit_attention_kd-0"})
    project.clean()


def test_a_failed_run(project):
    step = "recognition_evaluate-logit_attention_kd-0"
    project.edit("weight: 5.0", "weight: 4.0")
    project(*RUN, ok=False, FAIL=step)
    assert {"recognition_evaluate_student@logit_attention_kd-0", "recognition_report"} <= project.changed()
    assert "recognition_train_student@logit_attention_kd-0" not in project.changed()
    project.ran()
    project(*RUN)
    assert (
        {step, "recognition_report", "report"} <= set(project.ran()) <= {step, "recognition_report", "report", "check"}
    )
    project.clean()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run(project, how):
    """What was finished is not made again; what was not shows as changed. While it runs, nobody else may."""
    step = "recognition_evaluate-logit_attention_kd-0"
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
    if how == signal.SIGTERM:  # which tee got as well: the step's last words are in the log all the same
        assert (
            "recognition_evaluate: stopped by SIGTERM"
            in (project.folder / "logs/recognition_evaluate_student/logit_attention_kd-0.log").read_text()
        )
    assert {"recognition_evaluate_student@logit_attention_kd-0", "recognition_report"} <= project.changed()
    assert "recognition_train_student-logit_attention_kd-0" in project.ran()
    project(*RUN)
    assert (
        {step, "recognition_report", "report"} <= set(project.ran()) <= {step, "recognition_report", "report", "check"}
    )
    project.clean()


@pytest.mark.parametrize("engine", [RUN, ("dvc", "repro")])
def test_an_engine_killed_alone(project, engine):
    """Its steps live on: whoever starts next is told of them, and no second process writes the same results."""
    step = "recognition_evaluate-logit_attention_kd-0"
    project.edit("weight: 5.0", "weight: 4.0")
    (project.folder / step).touch()
    run = project.start(*engine, WAIT=step)
    project.wait_for(step)
    run.kill()
    run.wait()
    pid = next(p.pid for p in psutil.process_iter(["cmdline"]) if is_step(p, project, "recognition_evaluate"))
    refusal = project(*RUN, ok=False).strip().splitlines()[-1]
    assert refusal == f"recognition_evaluate (PID {pid}) is at work in this folder: start again when it has finished"
    said = project("python", "-m", "engines.repair", ok=False)
    assert said.strip() == refusal
    assert f"recognition_evaluate: recognition_evaluate (PID {pid}) is at work on the same results" in project(
        "dvc", "repro", ok=False
    )
    (project.folder / step).unlink()
    psutil.wait_procs([psutil.Process(pid)])
    assert project.ran().count(step) == 1
    project(*RUN)
    project.ran()
    project.clean()


def is_step(process: psutil.Process, project, step: str) -> bool:
    """Whether the process is this step of the project, rather than a shell around it."""
    try:
        words = process.cmdline()
        return words[1:4] == ["-m", "pipeline", step] and Path(process.cwd()) == project.folder
    except psutil.Error:
        return False


def test_settle_ends_with_the_engine_that_started_it(project):
    """Killed in the middle of comparing: what it had started is gone, and the next start puts all right."""
    for wait in (0.2, 0.6, 1.2):
        project.edit("weight: 5.0", "weight: 4.0")
        run = project.start(*RUN)
        while not (settling := [p for p in psutil.process_iter() if "engines.settle" in command(p, project)]):
            assert run.poll() is None
            time.sleep(0.02)
        time.sleep(wait)
        run.kill()
        run.wait()
        _, living = psutil.wait_procs(settling, timeout=10)
        assert living == []
        project.edit("weight: 4.0", "weight: 5.0")
        project(*RUN)
        project.clean()


def command(process: psutil.Process, project) -> list[str]:
    """The words of a process in the project; none where it is elsewhere, or gone."""
    try:
        return process.cmdline() if Path(process.cwd()) == project.folder else []
    except psutil.Error:
        return []


@pytest.mark.parametrize("text", ["", "half", "conflict"])
def test_what_a_kill_leaves_of_dvc_s_files(project, text):
    """Each engine starts again, and nothing is made twice; a conflict of a merge is left to who made it."""
    lock, note = project.folder / "dvc.lock", project.folder / ".dvc/tmp/rwlock"
    whole = lock.read_text()
    conflict = f"{whole}<<<<<<< HEAD\n=======\n>>>>>>> other\n"
    lock.write_text({"": "", "half": whole[: len(whole) // 2], "conflict": conflict}[text])
    note.write_text("")
    if text == "conflict":
        for words in (("python", "-m", "engines.repair"), ("snakemake", "-n"), RUN):
            assert "a conflict of `git merge`: keep one side" in project(*words, ok=False).strip().splitlines()[-1]
        assert lock.read_text() == conflict
        return
    assert "Nothing to be done" in project("snakemake", "-n", "--quiet", "reason")
    project("dvc", "repro", "--quiet")
    project.clean()
    lock.write_text({"": "", "half": whole[: len(whole) // 3]}[text])
    note.write_text('{"read": {"')
    project.edit("weight: 5.0", "weight: 4.0")
    assert "dvc.lock was cut short" in project("python", "-m", "engines.repair")
    project("dvc", "repro", "--quiet")
    assert sorted(project.ran()) == sorted(STUDENT)
    project.clean()


def test_what_was_made_since_the_last_whole_dvc_lock_is_entered_again(project):
    """By Snakemake or by DVC alone, of which the last whole dvc.lock, that of Git, knows nothing."""
    project.edit("weight: 5.0", "weight: 4.0")
    project("dvc", "repro", "--quiet")
    project.ran()
    for name in ("dvc.lock", ".dvc/tmp/rwlock"):
        (project.folder / name).write_text("")
    (project.folder / ".dvc/tmp/dvc.lock.whole").unlink()
    said = project("python", "-m", "engines.repair")
    assert "taken from Git's last commit" in said and "up to date for 17 of 17 steps" in said
    project.clean()


def test_snakemake_while_dvc_runs(project):
    step = "recognition_evaluate-logit_attention_kd-0"
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
    assert "recognition_evaluate_baseline@basicnet-0" in project.changed()
    project(
        "snakemake", "--forcerun", "recognition_efficiency", *RUN[1:]
    )  # restored from the cache before anything runs
    assert scores.read_bytes() == before
    assert set(project.ran()) <= {"recognition_efficiency", "recognition_report", "report"}
    project.clean()


def test_a_result_changed_by_hand_that_the_cache_has_lost(project):
    """DVC then calls it lost from the cache, without a look at it."""
    scores = project.folder / "reports/recognition/evaluations/basicnet/0/scores.csv"
    before = scores.read_bytes()
    scores.write_text("better\n")
    project("rm", "-r", ".dvc/cache")
    project(*RUN)
    assert "recognition_evaluate-basicnet-0" in project.ran() and scores.read_bytes() == before
    project.clean()


def test_params_edited_while_a_run_is_on(project):
    """A run goes on with the values that it began with; those edited meanwhile are for the next."""
    step = "recognition_train_student-logit_attention_kd-0"
    project.edit("weight: 5.0", "weight: 4.0")
    (project.folder / step).touch()
    run = project.start(*RUN, WAIT=step)
    project.wait_for(step)
    project.edit("sample_faces: 2", "sample_faces: 1")
    (project.folder / step).unlink()
    assert run.wait() == 0
    assert set(project.ran()) == STUDENT and project.changed() == {"settings"}
    project.edit("sample_faces: 1", "sample_faces: 2")
    project(*RUN)
    assert project.ran() == []
    project.edit("sample_faces: 2", "sample_faces: 1")
    project("dvc", "repro", "--quiet")
    assert "recognition_evaluate-logit_attention_kd-0" in project.ran()
    project.clean()


def test_params_edited_while_dvc_runs_a_step(project):
    """A result is noted under the values that its step read, and comes back for them alone."""
    step = "recognition_train_student-logit_attention_kd-0"
    project.edit("weight: 5.0", "weight: 4.0")
    (project.folder / step).touch()
    run = project.start("dvc", "repro", WAIT=step)
    project.wait_for(step)
    project.edit("weight: 4.0", "weight: 3.0")
    (project.folder / step).unlink()
    assert run.wait() == 0
    made = (project.folder / MODEL).read_bytes()
    project.ran()
    project("dvc", "repro", "--quiet")
    assert step in project.ran() and (project.folder / MODEL).read_bytes() != made
    project.edit("weight: 3.0", "weight: 4.0")
    project("dvc", "repro", "--quiet")
    assert project.ran() == [] and (project.folder / MODEL).read_bytes() == made
    project.clean()
