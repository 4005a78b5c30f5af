"""The graph on a real SLURM cluster: jobs that are cancelled and timed out on the way, and the bytes of a local run."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers import slurm_cluster
from tests.helpers.tiny_project import VOLATILE, hashes, run, whole_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.exhaustive,
    pytest.mark.slurm,
    pytest.mark.skipif(
        bool(slurm_cluster.missing()),
        reason=f"no {', '.join(slurm_cluster.missing())}: apt-get install slurmctld slurmd slurm-client munge",
    ),
]

SUBMIT = (
    *("setpriv", "--pdeathsig", "KILL"),  # ends with the test, even one that is killed
    *("snakemake", "--profile", "profiles/slurm"),
    # a cluster that answers at once, and one file system
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1", "--latency-wait", "5"),
)
LOST = (  # from a finished run: two trainings and what is made from them
    *("models/recognition/students", "models/recognition/baselines/basicnet", "reports/recognition/efficiency.csv"),
    *("reports/recognition/evaluations/logit_attention_kd", "reports/recognition/evaluations/basicnet"),
    *("reports/recognition/losses/logit_attention_kd", "reports/recognition/losses/basicnet"),
    *("reports/sections/recognition", "reports/sections/super_resolution_x4", "reports/index.html", "reports/figures"),
    ".dvc/cache",  # or they would come back from there
)


@pytest.fixture(scope="module")
def by_slurm(workers, root):
    """A run completed by SLURM, which cancels one training and ends another at its time limit."""
    folder = whole_run(root, workers)[1]
    for lost in LOST:
        subprocess.run(["rm", "-r", folder / lost], check=True)
    said = folder.with_name("said.txt")
    with slurm_cluster.cluster() as variables, said.open("w") as out:
        variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
        environment = os.environ | variables | {"PIPELINE_SAVE_SECONDS": "0"}
        running = subprocess.Popen(SUBMIT, cwd=folder, env=environment, stdout=out, stderr=out)
        try:
            held = hold({"recognition_train_student", "recognition_train_baseline"}, folder, running)
            slurm_cluster.ask(environment, "scancel", held["recognition_train_student"])
            slurm_cluster.ask(
                environment, "scontrol", "update", f"JobId={held['recognition_train_baseline']}", "EndTime=now+1"
            )
            running.wait(timeout=900)
        finally:
            running.kill()
        text = slurm_cluster.ask(environment, "scontrol", "show", "jobs", "--oneliner").decode()
    assert running.returncode == 0, said.read_text()[-3000:]
    jobs = {job["JobId"]: job for job in (dict(re.findall(r"(\w+)=(\S+)", line)) for line in text.splitlines())}
    return folder, jobs, held["recognition_train_student"], held["recognition_train_baseline"]


def hold(steps: set[str], folder: Path, running: subprocess.Popen[bytes]) -> dict[str, str]:
    """Stop a training of each step when it has saved its state for the first time; the numbers of their SLURM jobs.

    Until then they run for moments only, so none gets to its end unseen. What SLURM sends to end a job wakes it.
    """
    held: dict[str, str] = {}
    while held.keys() != steps:
        assert running.poll() is None, folder.with_name("said.txt").read_text()[-3000:]
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                step = words[3] if words[1:3] == ["-m", "pipeline"] and len(words) > 3 else ""
                if step in steps - held.keys() and (process / "cwd").readlink() == folder:
                    os.kill(int(process.name), signal.SIGSTOP)
                    if (folder / ".resume" / words[words.index("--model") + 1]).exists():
                        variables = (process / "environ").read_bytes().decode().split("\0")
                        held[step] = dict(variable.partition("=")[::2] for variable in variables)["SLURM_JOB_ID"]
                    else:
                        os.kill(int(process.name), signal.SIGCONT)
        time.sleep(0.02)
    return held


def of_rule(jobs: dict[str, dict[str, str]], name: str) -> list[dict[str, str]]:
    """The jobs of a rule or group, in the order in which they were submitted."""
    return [jobs[key] for key in sorted(jobs, key=int) if jobs[key]["Comment"].startswith(f"rule_{name}")]


def test_every_job_asks_for_what_its_rule_names(by_slurm):
    _, jobs, _, _ = by_slurm
    assert len(jobs) == 4 + 4, (
        "two trainings twice; efficiency, two evaluations in one, two sections in one, the report"
    )
    for name, gpus, cpus, memory, limit in [
        ("recognition_train_student", 1, "1", "3000M", "1-00:00:00"),
        ("recognition_evaluations", 1, "1", "3000M", "04:00:00"),  # one after another, on one GPU
        ("recognition_efficiency", 1, "4", "2000M", "00:10:00"),
        ("sections", 0, "2", "4000M", "00:10:00"),  # side by side
        ("report", 0, "1", "1000M", "00:10:00"),
    ]:
        job = of_rule(jobs, name)[0]
        assert job.get("TresPerJob") == ("gres:gpu:1" if gpus else None), name
        assert (job["NumCPUs"], job["MinMemoryNode"], job["TimeLimit"]) == (cpus, memory, limit), name


def test_a_job_that_was_killed_is_submitted_again_with_more_memory(by_slurm):
    _, jobs, student, baseline = by_slurm
    assert jobs[student]["JobState"] == "CANCELLED" and jobs[baseline]["JobState"] == "TIMEOUT"
    for name in ("recognition_train_student", "recognition_train_baseline"):
        first, second = of_rule(jobs, name)
        assert second["JobState"] == "COMPLETED"
        assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("3000M", "6000M")
        assert second["TimeLimit"] == "1-00:00:00", "it resumes, and a queue may have no longer jobs"


def test_a_training_goes_on_where_it_was_stopped(by_slurm):
    folder, _, _, _ = by_slurm
    for log in ("recognition_train_student/logit_attention_kd-0", "recognition_train_baseline/basicnet-0"):
        assert ": resuming after step " in (folder / f"logs/{log}.log").read_text()
    assert not (folder / ".resume").exists() and not list(folder.rglob(".writing-*"))


def test_the_bytes_are_those_of_a_run_on_one_machine(by_slurm, workers, root):
    ours, theirs = hashes(by_slurm[0]), hashes(whole_run(root, workers)[0])
    assert set(ours) == set(theirs)
    different = {name for name in ours if ours[name] != theirs[name]}
    assert different <= VOLATILE, different


def test_both_engines_have_nothing_left_to_do(by_slurm):
    """The main process alone talks to DVC: it holds DVC's lock, and a job that wanted it would have failed."""
    folder = by_slurm[0]
    run(folder, "dvc", "status", "--quiet")
    assert "Nothing to be done" in run(folder, "snakemake", "-n", "--quiet", "reason").stdout
