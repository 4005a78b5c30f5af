"""Files and folders of the user's, which may be anything: looked at, opened and copied without waiting for ever.

An error of reading names the user's path; an error of writing, the place written to (pipeline.files). A pipe is never
waited for. Standard library only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import urllib.parse
from pathlib import Path
from typing import BinaryIO, Literal

from pipeline.data.remote_file import RemoteFile
from pipeline.errors import InputError
from pipeline.files import atomic_path

BLOCK = 2**20  # bytes
EXPECTED = "expected http://, https://, file:///absolute/path or a path"
OTHER_KINDS = {
    stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


def local_path(file: RemoteFile) -> Path | None:
    """The path meant by a file:// address or a plain path; None for http, https and no address.

    Raises InputError for other addresses: another scheme or machine, what is no absolute path after file://.
    """
    if file.address is None:
        return None
    where = f"{file.name}: address {file.address!r}"
    try:
        parts = urllib.parse.urlsplit(file.address)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error
    if parts.scheme in ("http", "https"):
        if "@" in parts.netloc:  # which would also be shown in messages
            raise InputError(f"{file.name}: its address names a user, expected none: fetch the file by hand")
        return None
    if parts.scheme == "":
        try:
            return Path(file.address).expanduser()
        except RuntimeError as error:
            raise InputError(f"{where}: no home folder of that name, {EXPECTED}") from error
    if parts.scheme != "file":
        raise InputError(f"{where}, {EXPECTED}")
    if parts.netloc not in ("", "localhost"):
        raise InputError(f"{where}: names the machine {parts.netloc!r}, {EXPECTED}")
    if parts.query or parts.fragment:
        raise InputError(f"{where}: in a file address ? is written %3F, # is written %23")
    if not parts.path.startswith("/"):
        raise InputError(f"{where}: no absolute path, {EXPECTED}")
    return Path(os.fsdecode(urllib.parse.unquote_to_bytes(parts.path)))


def kind_of(path: Path) -> Literal["file", "folder"] | None:
    """What lies at ``path``, links followed; None: nothing.

    Raises InputError for what is neither file nor folder, for a link to nothing or back to itself, and where the path
    may not be looked at.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise InputError(f"{path}: a link to {os.readlink(path)!r}, where nothing is") from None
        return None
    except ValueError as error:  # a NUL byte
        raise InputError(f"{str(path)!r}: is no path: {error}") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISREG(mode):
        return "file"
    raise InputError(f"{path}: is {OTHER_KINDS.get(stat.S_IFMT(mode), 'no file')}, expected a file or a folder")


def unreadable(path: str | Path, error: OSError) -> InputError:
    """The error of a path of the user's that cannot be read."""
    what = "is a link that leads back to itself" if error.errno == errno.ELOOP else error.strerror or error
    return InputError(f"{path}: cannot be read: {what}")


class Reading:
    """An ordinary file of the user's, open: ``size`` bytes, of which none may change while it is read.

    Raises InputError naming the file: not to be opened or read, no ordinary file, shorter or otherwise changed since.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        try:
            self.file: BinaryIO = open(path, "rb", opener=_at_once)  # noqa: SIM115 (closed by __exit__)
        except OSError as error:
            raise unreadable(path, error) from error
        self.state = os.fstat(self.file.fileno())
        self.size = self.state.st_size
        if not stat.S_ISREG(self.state.st_mode):
            self.file.close()
            raise InputError(
                f"{path}: is {OTHER_KINDS.get(stat.S_IFMT(self.state.st_mode), 'no file')}, expected a file"
            )

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            if kind is None:
                self.check_unchanged()
        finally:
            self.file.close()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, fewer only at the end of the file."""
        try:
            data = self.file.read(size)
        except OSError as error:
            raise unreadable(self.path, error) from error
        self.count += len(data)
        if len(data) < size and self.count < self.size:
            raise InputError(f"{self.path}: became shorter while it was read, expected {self.size} bytes")
        return data

    def check_unchanged(self) -> None:
        """Raise InputError where the file has been written to since it was opened."""
        now = os.fstat(self.file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.size, self.state.st_mtime_ns) or self.count > self.size:
            raise InputError(f"{self.path}: changed while it was read, expected a file that is finished: run again")


def _at_once(path: str, flags: int) -> int:
    # A pipe that nobody writes to would be waited for in open().
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def copy(source: Path, temporary: Path) -> str:
    """Copy a file's bytes to ``temporary``; the SHA-256 of the very bytes that were written.

    Raises InputError where the source cannot be read, OSError where the copy cannot be written.
    """
    digest = hashlib.sha256()
    with Reading(source) as reader, open(temporary, "wb") as writer:
        while block := reader.read(BLOCK):
            digest.update(block)
            writer.write(block)
    return digest.hexdigest()


def sha256(path: Path) -> str:
    """The SHA-256 of a file, hex digits. Raises InputError where it cannot be read."""
    digest = hashlib.sha256()
    with Reading(path) as reader:
        while block := reader.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Put the file ``source`` at ``target`` too: a hard link costs no space; a copy where the file system has none.

    Raises InputError naming the path that failed.
    """
    try:
        os.link(source, target)
    except OSError:
        with atomic_path(target) as temporary:
            copy(source, temporary)
