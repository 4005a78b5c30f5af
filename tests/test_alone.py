"""One process at a time writes a result, whoever started it and however it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import alone
from pipeline.errors import InputError

WAIT = "import sys; from pipeline.alone import alone\nwith alone('train', ['--seed', '0']): print('has it', flush=True); sys.stdin.read()"


@pytest.fixture
def other(root, tmp_path, monkeypatch):
    """Another process that has the lock of ``train --seed 0`` in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(alone, "PATIENCE", 0.1)
    process = subprocess.Popen(
        [sys.executable, "-c", WAIT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert process.stdout.readline() == "has it\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_refused_by_the_first_one_s_number(other):
    line = rf"^train \(PID {other.pid}\) is at work on the same results: start again when it has finished$"
    with pytest.raises(InputError, match=line), alone.alone("train", ["--seed", "0"]):
        pass
    assert alone.at_work() == [f"train (PID {other.pid})"]
    with alone.alone("train", ["--seed", "1"]):
        assert set(alone.at_work()) == {f"train (PID {other.pid})", f"train (PID {os.getpid()})"}


@pytest.mark.parametrize("killed", [True, False])
def test_the_lock_goes_with_its_process(other, killed):
    other.send_signal(signal.SIGKILL) if killed else other.stdin.close()
    other.wait()
    with alone.alone("train", ["--seed", "0"]):
        pass
    assert alone.at_work() == [] and not any(alone.FOLDER.iterdir())


def test_nothing_is_left_where_a_step_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyError), alone.alone("train", []):
        raise KeyError
    assert not any(alone.FOLDER.iterdir())


def test_where_nothing_can_be_locked_the_step_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(".at-work").touch()  # as good as a folder that cannot be written, for root as well
    with alone.alone("train", []):
        assert alone.at_work() == []


def test_many_take_turns_and_none_is_beside_another(root, tmp_path, monkeypatch):
    """Files come and go while others open them."""
    monkeypatch.chdir(tmp_path)
    script = (
        "import os; from pipeline import alone; from pipeline.errors import InputError\n"
        "for _ in range(200):\n"
        "    try:\n"
        "        with alone.alone('step', []):\n"
        "            os.close(os.open('inside', os.O_CREAT | os.O_EXCL)); os.unlink('inside'); alone.at_work()\n"
        "    except InputError: pass\n"
    )
    environment = os.environ | {"PYTHONPATH": str(root)}
    running = [subprocess.Popen([sys.executable, "-c", script], env=environment) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
