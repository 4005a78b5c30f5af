"""What may come out of an archive: the limits, the names that are allowed, what libraries raise on damage."""

from __future__ import annotations

import lzma
import re
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from pipeline.errors import InputError

MAX_BYTES = 64 * 2**30  # of a whole archive once decompressed: above the largest face set in use
# Of one file in it, which is held in memory, once: STL-10's test_X.bin has 211 MiB, 64 Mpixel of plain RGB 192.
MAX_ENTRY_BYTES = 256 * 2**20
MAX_NAMES_BYTES = 2**30  # of all names, which are held in memory: six million of 100 characters
MAX_NAME = 4096  # characters of one name: Linux takes no longer path
BLOCK = 2**20  # bytes read at once while passing over an entry
APART = "unpack both and pack the files again, or drop a folder of them in"  # of two archives in one file
NAME_COST = 100  # bytes that a set takes for each name it holds, at most

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and bytes that are not UTF-8

# What the libraries raise on bytes that are not what they should be.
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    struct.error,
    ValueError,
    NotImplementedError,
    RuntimeError,
    IndexError,
    KeyError,
    OverflowError,
)

Wanted = Callable[[str], bool]  # whether the file of a name is to be read


@dataclass(frozen=True)
class Member:
    """One file of an archive: its name (relative, with forward slashes) and its content."""

    name: str
    data: bytes


@dataclass
class Limits:
    """What may be decompressed, and what has been so far (bytes)."""

    path: Path
    total: int
    entry: int
    head: int | None = None  # bytes that are asked for of each wanted entry, the others being read later; None: all
    used: int = 0

    def use(self, count: int) -> None:
        self.used += count
        if self.used > self.total:
            raise InputError(f"{self.path}: decompresses to more than {self.total} bytes, the limit: not unpacked")

    def check_entry(self, size: int, name: str) -> None:
        if size < 0:
            raise InputError(f"{self.path}: entry {name!r} says that it has {size} bytes, expected 0 or more")
        if size > self.entry:
            raise InputError(f"{self.path}: entry {name!r} is larger than {self.entry} bytes, the limit: not unpacked")


class Names:
    """Entry names seen so far; refuses what could leave the folder or overwrite another entry."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: set[str] = set()
        self.used = 0  # bytes of memory

    def folder(self, raw: str) -> None:
        self._inside(raw)

    def file(self, raw: str) -> str:
        name = self._inside(raw)
        if name in self.seen:
            raise InputError(f"{self.path}: entry {name!r} occurs twice")
        self.seen.add(name)
        self.used += sys.getsizeof(name) + NAME_COST
        if self.used > MAX_NAMES_BYTES:
            raise InputError(
                f"{self.path}: more than {len(self.seen) - 1} files, whose names take {MAX_NAMES_BYTES} bytes of memory,"
                " the limit: expected fewer files, or shorter names"
            )
        return name

    def _inside(self, raw: str) -> str:
        if len(raw) > MAX_NAME:
            raise InputError(
                f"{self.path}: entry {raw!r} has a name of {len(raw)} characters, expected {MAX_NAME} at most"
            )
        posix = PurePosixPath(raw)
        windows = PureWindowsPath(raw)  # also splits at backslashes and knows drives
        if posix.is_absolute() or windows.drive or windows.root or ".." in posix.parts + windows.parts:
            raise InputError(f"{self.path}: entry {raw!r} points outside the archive: not unpacked")
        # macOS keeps a folder's own picture in a file whose name ends with a carriage return.
        if not raw or UNPRINTABLE.search(raw.removesuffix("Icon\r")):
            raise InputError(f"{self.path}: entry {raw!r} has a name that is empty or not printable UTF-8")
        return posix.as_posix()
