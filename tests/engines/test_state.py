"""What the engines note of results, of who is at work and of dvc.lock, by itself: no engine is started here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from engines import agreement, code, holding, links, private, records, repair, resolved, state, surroundings
from pipeline.errors import InputError

LOCK = "schema: '2.0'\nstages:\n  a:\n    cmd: run\n    outs:\n    - path: x\n      hash: md5\n      md5: {}\n      size: 1\n"
GOOD = LOCK.format("a" * 32)
# Root may write where others may not, so what is tried as root is tried without that right.
ORDINARY = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder of results, in the current folder of a repository under DVC."""
    monkeypatch.chdir(tmp_path)
    Path(".dvc/tmp").mkdir(parents=True)
    Path("made/more").mkdir(parents=True)
    for name in ("made/a", "made/b", "made/more/c"):
        Path(name).write_text(name)
    return Path("made")


def older(file: Path, text: str) -> None:
    """Another content with an older time, as `cp -p` and `rsync -t` bring it along."""
    new = file.with_name("copied")
    new.write_text(text)
    os.utime(new, ns=(10**18, 10**18))
    new.replace(file)


def rewritten(file: Path) -> None:
    """Another content of the same size, in place, under the time of the old one."""
    before = file.stat()
    file.write_text(file.read_text()[::-1])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda made: older(made / "b", "other"),
        lambda made: older(made / "more/c", "made/more/d"),
        lambda made: rewritten(made / "more/c"),
        lambda made: (made / "b").unlink(),
        lambda made: (made / "b").rename(made / "c"),
        lambda made: (made / "more").rename(made / "less"),
        lambda made: (made / "new").touch(),
        lambda made: (made / "new").mkdir(),
        lambda made: ((made / "b").unlink(), (made / "b").symlink_to("a")),
        lambda made: ((made / "b").unlink(), (made / "b").symlink_to("nowhere")),
        lambda made: (
            (made / "b").rename(made / "z"),
            (made / "a").rename(made / "b"),
            (made / "z").rename(made / "a"),
        ),
        lambda made: shutil.rmtree(made),
    ],
    ids=[
        "older",
        "deeper",
        "rewritten",
        "deleted",
        "renamed",
        "moved",
        "added",
        "folder",
        "linked",
        "dangling",
        "swapped",
        "gone",
    ],
)
def test_any_change_inside_a_folder_changes_its_stamp(folder, change):
    before = state.stamps(["made"])
    assert before == state.stamps(["made"]) and before["made"]
    change(folder)
    assert state.stamps(["made"]) != before


@pytest.mark.parametrize("left", [b"", b"\0" * 9, b"\xff\xfe", b"[]", b"null", b'{"stamps": [1]}', b"[" * 10_000])
def test_whatever_lies_in_the_place_of_a_note_is_as_if_there_was_none(folder, left):
    """As a machine that goes down may leave it: no start may end in it."""
    record = Path(records.place("made/a"))
    for note in (state.FILE, record, resolved.FILE, code.FOLDER / "train"):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_bytes(left)
    assert state.read() == {} and state.changed() == set() and state.settled()
    assert not records.vouched("python -m pipeline check", ["made/a"], [], {})
    assert not resolved.is_current({}) and not code.is_current({})
    code.refresh({})
    assert code.is_current({}) and not (code.FOLDER / "train").exists()
    resolved.write({})
    assert resolved.is_current({})


def test_a_change_behind_a_link_is_seen(folder):
    Path("target").write_text("one")
    (folder / "link").symlink_to(Path("target").absolute())
    before = state.stamps(["made"])
    older(Path("target"), "two")
    assert state.stamps(["made"]) != before


@pytest.mark.parametrize(
    "text", ["", "\n", GOOD[:-1], GOOD[:60], GOOD + "\0\0\0", "[]\n", "x: 1\n", GOOD * 2, "\udcff\n"]
)
def test_a_broken_dvc_lock_gives_way_to_the_last_whole_one(folder, text):
    state.LOCK.write_text(GOOD)
    repair.keep_lock()
    assert repair.mend_lock() is None and state.LOCK.read_text() == GOOD
    state.LOCK.write_text(text, errors="surrogateescape")
    repair.keep_lock()  # is not kept
    assert "taken from the last whole one" in repair.mend_lock() and state.LOCK.read_text() == GOOD


def test_without_a_copy_it_is_that_of_git_or_none(folder):
    state.LOCK.write_text(GOOD)
    person = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "dvc.lock"], [*person, "commit", "-qm", "state"]):
        subprocess.run(["git", *words], check=True)
    state.LOCK.write_text("")
    assert "taken from Git's last commit" in repair.mend_lock() and state.LOCK.read_text() == GOOD
    shutil.rmtree(".git")
    state.LOCK.write_text("")
    assert "begun anew" in repair.mend_lock() and not state.LOCK.exists()
    assert repair.mend_lock() is None, "none is as good as on a fresh clone"


def test_a_conflict_of_a_merge_is_named_and_left(folder):
    state.LOCK.write_text(GOOD)
    repair.keep_lock()
    text = f"{GOOD}<<<<<<< HEAD\n    size: 2\n=======\n    size: 3\n>>>>>>> other\n"
    state.LOCK.write_text(text)
    with pytest.raises(
        InputError, match=r"^dvc.lock, line 10: a conflict of `git merge`: keep one side with `git checkout"
    ):
        repair.mend_lock()
    assert state.LOCK.read_text() == text


def write_note(pid: int, *, age: float = 0.0) -> Path:
    """DVC's note that this process works here, so many seconds old."""
    file = Path(".dvc/tmp/rwlock")
    file.write_text(json.dumps({"read": {"/x": [{"pid": pid, "cmd": "dvc repro"}]}}))
    os.utime(file, (file.stat().st_mtime - age,) * 2)
    return file


def test_a_note_of_who_is_at_work(folder):
    living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    file = write_note(living.pid)
    assert holding.running_stage() == f"dvc (PID {living.pid})"
    assert holding.hold() == (None, f"dvc (PID {living.pid})")
    write_note(living.pid, age=3600.0)  # the number has gone to another process since
    assert holding.running_stage() is None and not file.exists(), "DVC itself would wait for that process"
    living.kill()
    os.waitid(os.P_PID, living.pid, os.WEXITED | os.WNOWAIT)
    write_note(living.pid)  # a zombie
    assert holding.running_stage() is None
    living.communicate()


@pytest.mark.parametrize("text", ["", "{", '{"read": {"/x": [{"pid"', '{"read": 1}', "\0" * 20])
def test_a_broken_note_of_who_is_at_work_is_removed_when_nobody_is(folder, text):
    file = Path(".dvc/tmp/rwlock")
    file.write_text(text)
    assert holding.is_broken() or text == '{"read": 1}'
    lock, holder = holding.hold()
    assert (holder, file.exists()) == ("", False)
    lock.unlock()
    assert not holding.is_broken()


@pytest.mark.parametrize("linked", [False, True])
def test_dvc_s_lock_is_taken_as_dvc_takes_it(folder, tmp_path, monkeypatch, linked):
    """As a hard link, if the user's own settings say so; a killed process then leaves it behind, and nobody knows."""
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "user"))
    monkeypatch.setattr("dvc.lock.DEFAULT_TIMEOUT", 0.1)
    Path("user").mkdir()
    Path("user/config").write_text(f"[core]\n    hardlink_lock = {linked}\n")
    script = "from engines.holding import hold; held = hold(); import os; os.kill(os.getpid(), 9)"
    killed = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -9, killed.stderr
    lock, holder = holding.hold()
    if linked:
        assert "(if there is none, remove .dvc/tmp/lock, left by one that was killed)" in holder
        Path(".dvc/tmp/lock").unlink()
        lock, _ = holding.hold()
    assert lock.is_locked and (Path(".dvc/tmp/lock").stat().st_nlink == 2) == linked
    lock.unlock()


@pytest.mark.parametrize(("text", "said"), [("[core", "Invalid line"), ("[core]\nnosuch = 1\n", "nosuch")])
def test_settings_of_dvc_that_cannot_be_read_are_named(folder, capsys, text, said):
    Path(".dvc/config.local").write_text(text)
    for attempt in (holding.hold, holding.settings):
        with pytest.raises(InputError, match=f"config.*{said}"):
            attempt()
    assert repair.main() == 1
    assert said in (line := capsys.readouterr().err) and line.count("\n") == 1
    with pytest.raises(SystemExit, match=said):
        agreement.hold_or_exit()


def test_read_only_results_are_made_replaceable_wherever_dvc_was_told_to_link(folder):
    """An ordinary user's right to write is asked here, which root has on any file."""
    linked, symbolic = folder / "more/c", folder / "symbolic"
    linked.chmod(0o444)
    Path("cached").touch(0o444)
    symbolic.symlink_to(Path("cached").absolute())
    script = "import os, sys; os.umask(0o22); from engines.links import make_replaceable; make_replaceable(['made'])"
    subprocess.run(
        [*ORDINARY, sys.executable, "-c", script],
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert linked.stat().st_mode & 0o777 == 0o644 and Path("cached").stat().st_mode & 0o777 == 0o444
    assert links.make_replaceable(["nowhere"]) is None


def test_dvc_s_folder_may_lie_above(folder, monkeypatch):
    monkeypatch.chdir(folder / "more")
    assert holding.dvc_folder().samefile("../../.dvc")


def test_private_parts_were_tried_with_the_versions_that_are_pinned(root):
    pinned = dict(line.split("==") for line in (root / "requirements.txt").read_text().split() if "==" in line)
    for name, tried in private.TRIED.items():
        assert tried == pinned[name] == version(name)


def test_hashes_that_dvc_keeps_by_time_are_dropped(folder, tmp_path, monkeypatch):
    """DVC goes by inode, size and time of a file, all of which can be as before."""
    from dvc.repo import Repo

    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    subprocess.run(["git", "init", "-q"], check=True)
    stage = {"cmd": "true", "outs": ["made"]}
    with open("dvc.yaml", "w") as stream:
        YAML().dump({"stages": {"make": stage}}, stream)
    with Repo() as repo:
        out = repo.index.stages[0].outs[0]
        before = out.get_hash()
        rewritten(folder / "b")
        assert out.get_hash() == before, "else DVC looks by itself, and this is no longer needed"
        private.hash_anew(repo, ["made"])
        assert out.get_hash() != before


PREPARE = "import os; from engines.surroundings import prepare; os.umask(0o22); prepare()"


@pytest.mark.parametrize("place", [".", ".snakemake", "data/code"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path, root, place):
    """Where root may write nevertheless: as an ordinary user."""
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place).chmod(0o555)
    environment = os.environ | {"PYTHONPATH": str(root)}
    words = [*ORDINARY, sys.executable, "-c", PREPARE]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    (tmp_path / place).chmod(0o755)
    line = f"InputError: {(tmp_path / place).absolute()}: cannot be written, expected a folder that can"
    assert line in done.stderr.splitlines()[-1]


def test_without_python_on_the_path_that_beside_snakemake_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    surroundings.prepare()
    assert shutil.which("python") == str(Path(sys.executable).with_name("python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    with pytest.raises(InputError, match="^python: no such program on the PATH"):
        surroundings.prepare()
