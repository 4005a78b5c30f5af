"""The one way a file is written: under a temporary name beside its place, flushed, then renamed.

A reader therefore sees the old file, the new file, or none: never half of one. What a killed process leaves
under temporary names is removed by the next write into the same folder. Nothing here knows what is inside a file
beyond JSON, CSV, text and arrays.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
import platform
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import plain_json
from pipeline.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TEMPORARY_PREFIX = ".writing-"
_unfinished: set[Path] = set()  # what this process writes just now, under temporary names


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it takes the place of ``path``, else it is removed.

    Raises InputError when the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = _temporary(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        # a rename would put a plain file in the place of a device such as /dev/null, for the whole machine
        raise InputError(f"{path}: is a device or the like, expected a place for an ordinary file")
    try:
        _make_folder(path.parent)
        remove_leftovers(path.parent)
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    except OSError as error:
        raise _disk_error(path, error) from error
    finally:
        _remove(temporary)


@contextlib.contextmanager
def atomic_directory(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``path`` on success, with whatever was put into it.

    An existing ``path`` is replaced as a whole. Raises InputError as atomic_path does.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        if path.is_file():
            raise InputError(f"{path}: is a file, expected a folder to write or replace")
        _make_folder(path.parent)
        remove_leftovers(path.parent)
        temporary.mkdir()
        yield temporary
        for entry in [*temporary.rglob("*"), temporary]:  # files, and folders: they hold the files' names
            _flush(entry)
        if path.exists():
            # A folder cannot be renamed over a full one: the old one steps aside first.
            old = _temporary(path)
            os.replace(path, old)
            os.replace(temporary, path)
            _remove(old)
        else:
            os.replace(temporary, path)
        _flush(path.parent)
    except OSError as error:
        raise _disk_error(path, error) from error
    finally:
        _remove(temporary)


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed on this machine left under temporary names in ``folder``.

    A name carries the process that writes it. The folder is listed before a process is found dead, so a file of a
    living process, or of a new one with the number of a dead one, is never taken for a leftover.
    """
    prefix = f"{TEMPORARY_PREFIX}{_machine()}-"
    for entry in [entry for entry in folder.iterdir() if entry.name.startswith(prefix)]:
        process = entry.name.removeprefix(prefix).partition("-")[0]
        if process.isdecimal() and not _is_alive(int(process)):
            _remove(entry)


def abandon_writes() -> None:
    """Remove what this process has not finished writing: for a process that is about to end at once."""
    for temporary in list(_unfinished):
        _remove(temporary)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write ``value`` as JSON with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file, as plain_json does. Raises InputError naming the file when it is absent or damaged."""
    try:
        return plain_json.read(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error})") from error


def write_csv(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table without its row index; floats in the shortest form that reads back to the same value."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays, compressed; equal arrays give equal bytes."""
    import numpy as np

    buffer = io.BytesIO()  # given a path, NumPy would put another ending behind the temporary name
    np.savez_compressed(buffer, **arrays)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _temporary(path: Path) -> Path:
    """A new name beside ``path`` that tells whose it is: machine, process, and a random number."""
    name = f"{TEMPORARY_PREFIX}{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:12]}-{path.name}"
    _unfinished.add(temporary := path.with_name(name))
    return temporary


def _remove(temporary: Path) -> None:
    """Remove a file or folder, which may be gone or may never have been made."""
    with contextlib.suppress(OSError):
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink()
    _unfinished.discard(temporary)


@functools.cache
def _machine() -> str:
    """Where process numbers mean the same: this machine, and on Linux this container, in eight hex digits."""
    namespace = ""
    with contextlib.suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{platform.node()} {namespace}".encode()).hexdigest()[:8]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _make_folder(folder: Path) -> None:
    """Make ``folder`` with its parents, and bring the new names to the disk."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in new:
        _flush(place.parent)


def _flush(path: Path) -> None:
    """Ask the system to bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk_error(path: Path, error: OSError) -> InputError:
    if (file := next((place for place in path.parents if place.is_file()), None)) is not None:
        return InputError(f"{path}: cannot be written: {file} is a file, expected a folder")
    return InputError(f"{path}: cannot be written: {error.strerror or error} (expected a writable folder with space)")
