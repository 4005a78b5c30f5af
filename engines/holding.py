"""Who is at work in this folder, and DVC's lock, which keeps both engines from working at once.

DVC lets go of its lock while a step of `dvc repro` runs and notes in another file, rwlock, who reads and writes what.
A process that is killed while it writes that file leaves it empty, and DVC then never starts again: it is removed here
when nobody is at work. So is a note of a process whose number now belongs to another process.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engines import private
from pipeline.alone import at_work
from pipeline.errors import InputError

NOTE = "rwlock"


def dvc_folder() -> Path:
    """DVC's own folder: here or, where the project is a part of a larger repository, in a folder above."""
    places = [place / ".dvc" for place in (Path(), *Path.cwd().parents)]
    return next((place for place in places if place.is_dir()), Path(".dvc"))


def temporary() -> Path:
    """Where DVC keeps its locks, and the project its copy of dvc.lock."""
    return dvc_folder() / "tmp"


def settings() -> dict[str, Any]:
    """DVC's settings for this folder: of the system, the user, the project and this copy of it, merged.

    Raises InputError, naming the file, where DVC cannot read them.
    """
    from dvc.config import Config, ConfigError

    try:
        return Config(str(dvc_folder().absolute()))
    except ConfigError as error:
        dvc = dvc_folder().absolute()
        for file in (
            dvc / "config",
            dvc / "config.local",
            *(Path(Config.get_dir(w), "config") for w in ("global", "system")),
        ):
            try:
                Config.load_file(str(file))
            except ConfigError as broken:
                raise InputError(f"{file}: {broken}, expected settings of DVC") from error
            except OSError:  # mostly none
                continue
        raise InputError(f"{dvc / 'config'} or another file of DVC's settings: {error}") from error


def hold() -> tuple[Any, str]:
    """DVC's lock, free again when this process ends; else None and who is at work."""
    from dvc.lock import LockError

    temporary().mkdir(parents=True, exist_ok=True)
    lock = _lock("lock")
    try:
        lock.lock()
    except LockError:
        if is_linked():  # who has it is not in the file
            return None, f"another process (if there is none, remove {lock_file('lock')}, left by one that was killed)"
        pid = (lock_file("lock").read_text(errors="replace").split() or ["unknown"])[0]
        return None, f"another process (PID {pid})"
    try:
        holder = running_stage() or next(iter(at_work()), None)
    except BaseException:
        lock.unlock()
        raise
    if holder:
        lock.unlock()
        return None, holder
    return lock, ""


def busy(holder: str) -> str:
    """The line for a run that cannot start."""
    return f"{holder} is at work in this folder: start again when it has finished"


def is_broken() -> bool:
    """Whether DVC's note of who is at work is no JSON: of a process that was killed, or that is just writing it."""
    try:
        json.loads(lock_file(NOTE).read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


def running_stage() -> str | None:
    """The `dvc repro` whose step runs right now, as ``dvc (PID 123)``. A note that is of nobody alive is removed."""
    file = lock_file(NOTE)
    with _guard() as free:
        if not free:
            return "another process"
        try:
            entries, noted = private.working(file.read_text(encoding="utf-8")), file.stat().st_mtime
        except FileNotFoundError:
            return None
        except Exception:  # half written by a process that was killed: whoever writes holds the guard
            if not at_work():
                file.unlink()
            return None
        living = [pid for pid in sorted({entry["pid"] for entry in entries}) if lives(pid, noted)]
        if entries and not living:
            file.unlink()  # DVC would wait for whoever has the number of a dead process now
        return f"dvc (PID {living[0]})" if living else None


def lives(pid: int, noted: float) -> bool:
    """Whether the process that had this number at that time (s) is still there, rather than a later one."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= noted + 2.0
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:  # it is another user's
        return True


def lock_file(name: str) -> Path:
    """One of DVC's files of this kind."""
    return temporary() / name


def is_linked() -> bool:
    """Whether DVC was told to lock by hard links, which stay behind when a process is killed."""
    return settings()["core"].get("hardlink_lock", False)


def _lock(name: str) -> Any:
    """A lock as DVC takes it."""
    from dvc.lock import make_lock

    file = lock_file(name).absolute()
    return make_lock(str(file), tmp_dir=str(file.parent), hardlink_lock=is_linked())


@contextlib.contextmanager
def _guard() -> Iterator[bool]:
    """DVC's guard of the note; whether it is free."""
    from dvc.lock import LockError

    guard = _lock(f"{NOTE}.lock")
    try:
        guard.lock()
    except LockError:
        yield False
        return
    try:
        yield True
    finally:
        guard.unlock()
