"""Runs that are killed, stopped or run out of disk: nothing half-written, and the same bytes in the end."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import kills
from pipeline import files
from pipeline.__main__ import main
from pipeline.errors import InputError


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder with all that the training reads, and in new/ what it writes when nobody disturbs it."""
    folder = tmp_path_factory.mktemp("kills")
    with contextlib.chdir(folder):
        kills.make_inputs(epochs=20)
        assert main(kills.TRAIN.split()) == 0
    return folder


@pytest.fixture
def project(whole, tmp_path, monkeypatch) -> Path:
    """A copy before the training, which saves its state after each step."""
    shutil.copytree(whole, tmp_path / "project", ignore=shutil.ignore_patterns("new"))
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("PIPELINE_SAVE_SECONDS", "0")
    return tmp_path / "project"


def start(root: Path, *words: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *words],
        env=os.environ | {"PYTHONPATH": path},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell starts what it puts into the background with Ctrl-C ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def complete(whole: Path) -> None:
    """The next start goes on where the last one stopped and ends with the bytes of the undisturbed run."""
    assert main(kills.TRAIN.split()) == 0
    assert kills.written() == kills.written(whole / "new")
    assert not Path(".resume").exists() and not kills.temporaries()


@pytest.mark.slow
@pytest.mark.exhaustive
def test_killed_at_random_moments_it_ends_with_the_same_bytes(root):
    """The full size is in benchmarks/kills.py; this is a few of the same."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kills", "--kills", "8", "--seed", "1"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 kills: " in done.stdout and "\n0 differences in model.safetensors, model.json, losses.csv" in done.stdout


@pytest.mark.exhaustive
@pytest.mark.parametrize("engine", ["snakemake", "dvc"])
def test_whole_runs_killed_at_random_moments_end_with_the_same_bytes(root, engine):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kills", engine, "--kills", "3", "--seed", "1"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kills of its process group" in done.stdout and "; 0 differences; " in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_stopped_while_training_it_says_so_saves_and_resumes(number, whole, project, root, monkeypatch, capsys):
    running = start(root, *kills.TRAIN.split())
    state = Path(".resume/new/model.safetensors")
    while not state.exists():
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.01)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 128 + number, err
    assert out.splitlines()[-1].startswith("logit_attention_kd, seed 0: stopped in epoch ")
    assert out.endswith("; the next start resumes there\n") and "Traceback" not in err
    assert state.exists() and not Path("new").exists() and not kills.temporaries()
    complete(whole)
    assert ": resuming after step " in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_at_any_other_moment_it_is_one_line(number, project, root):
    """Most of all while it imports, which takes a second or more."""
    running = start(root, *kills.TRAIN.split())
    while "libtorch" not in Path(f"/proc/{running.pid}/maps").read_text():
        time.sleep(0.01)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 128 + number, err
    line = f"recognition_train_student: stopped by {number.name}, nothing half-written is left;"
    line += " the same command starts it again\n"
    assert (out, err) == ("", line)
    assert not Path("new").exists() and not kills.temporaries()


def test_a_full_disk_keeps_the_last_state_and_what_comes_after_resumes(whole, project, monkeypatch, capsys):
    # The state grows by a row of the log an epoch, so a limit of its middle size strikes halfway.
    sizes = []
    save = files.atomic_path

    @contextlib.contextmanager
    def measured(path):
        with save(path) as temporary:
            yield temporary
            sizes.append(temporary.stat().st_size)

    monkeypatch.setattr("pipeline.checkpoints.atomic_path", measured)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert main(kills.TRAIN.split()) == 0
    shutil.rmtree("new")
    states = sizes[:-1]
    assert states[0] < states[len(states) // 2] < max(states)
    resource.setrlimit(resource.RLIMIT_FSIZE, (states[len(states) // 2], limits[1]))
    try:
        status = main(kills.TRAIN.split())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    line = capsys.readouterr().err.splitlines()[-1]
    assert status == 1 and line.startswith(
        "recognition_train_student: .resume/new/model.safetensors: cannot be written: File too"
    )
    assert Path(".resume/new/model.safetensors").exists() and not Path("new").exists() and not kills.temporaries()
    complete(whole)
    assert ": resuming after step " in capsys.readouterr().out


def test_a_killed_writer_leaves_what_the_next_write_removes(tmp_path):
    child = os.fork()
    if child == 0:
        with files.atomic_path(tmp_path / "file") as file:
            file.write_text("half")
            with files.atomic_directory(tmp_path / "folder") as folder:
                (folder / "file").write_text("half")
                os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    left = set(tmp_path.iterdir())
    assert len(left) == 2
    living = tmp_path / next(path.name for path in left if path.is_file()).replace(f"-{child}-", f"-{os.getpid()}-")
    living.write_text("of a process that lives")
    elsewhere = tmp_path / f"{files.TEMPORARY_PREFIX}0123abcd-{child}-x-file"
    elsewhere.write_text("of another machine, which this one cannot ask")
    files.write_text(tmp_path / "other", "whole")
    assert set(tmp_path.iterdir()) == {living, elsewhere, tmp_path / "other"}


def test_bytes_reach_the_disk_before_the_name_does(tmp_path, monkeypatch):
    """For a power loss: the content is flushed, then renamed, then the folder of the new name is flushed."""
    calls = []

    def fsync(descriptor):
        calls.append(("flush", Path(os.readlink(f"/proc/self/fd/{descriptor}"))))

    def replace(source, target, rename=os.replace):
        calls.append(("rename", Path(target)))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    file = tmp_path / "new" / "file"
    with files.atomic_path(file) as temporary:
        temporary.write_text("content")
    assert calls == [("flush", tmp_path), ("flush", temporary), ("rename", file), ("flush", file.parent)]
    calls.clear()
    folder = tmp_path / "folder"
    with files.atomic_directory(folder) as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "file").write_text("content")
    flushed, renamed, last = calls[:-2], calls[-2], calls[-1]
    assert set(flushed) == {("flush", path) for path in (temporary, temporary / "inner", temporary / "inner/file")}
    assert (renamed, last) == (("rename", folder), ("flush", tmp_path))


def test_a_device_is_never_replaced(tmp_path):
    """As root a rename would turn /dev/null into a plain file; a pipe stands for it here."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: is a device or the like"), files.atomic_path(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo() and len(list(tmp_path.iterdir())) == 1
