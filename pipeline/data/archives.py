"""Reads the files inside a .tar, .tar.gz (.tgz) or .zip archive one after another, without unpacking it.

Nothing an archive says about itself is believed: names are checked before anything else happens, sizes are
measured while reading, and an archive that ends too early is an error even where the library stops quietly.
"""

from __future__ import annotations

import gzip
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from pipeline.errors import InputError
from pipeline.files import atomic_directory

MAX_BYTES = 64 * 2**30  # of a whole archive once decompressed: above the largest face set in use
MAX_ENTRY_BYTES = 2**30  # of one file in it: one file is held in memory at a time
BLOCK = 2**20  # bytes read at once while passing over an entry

UNPRINTABLE = re.compile("[\x00-\x1f\ud800-\udfff]")  # control characters, and bytes that are not UTF-8

# What the libraries raise on bytes that are not what they should be; gzip.BadGzipFile is an OSError.
DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, struct.error,
    ValueError, NotImplementedError, RuntimeError, IndexError, KeyError, OverflowError,
)

Wanted = Callable[[str], bool]  # whether the file of a name is to be read


@dataclass(frozen=True)
class Member:
    """One file of an archive: its name (relative, with forward slashes) and its content."""

    name: str
    data: bytes


def members(
    path: str | Path,
    *,
    max_bytes: int = MAX_BYTES,
    max_entry_bytes: int = MAX_ENTRY_BYTES,
    suffixes: Collection[str] | None = None,
    only: Collection[str] | None = None,
    called: Collection[str] | None = None,
) -> Iterator[Member]:
    """Yield the files in the archive ``path``, in archive order.

    ``suffixes`` (such as ``{".jpg"}``, letter case ignored), ``only`` (names, as ``names`` gives them) and ``called``
    (names without their folders) select files; the others are passed over, but their names are checked too.
    ``max_bytes`` bounds all that is decompressed, ``max_entry_bytes`` one file.

    Raises InputError, while iterating, naming the archive and the entry: an absolute name or one with ``..``,
    a link or device, a name that occurs twice, an encrypted entry, more bytes than allowed, an archive that
    is truncated, damaged, of another format, or without any (selected) file.
    """
    endings = None if suffixes is None else {suffix.lower() for suffix in suffixes}
    chosen = None if only is None else frozenset(only)

    def is_wanted(name: str) -> bool:
        return (
            (endings is None or PurePosixPath(name).suffix.lower() in endings)
            and (chosen is None or name in chosen)
            and (called is None or PurePosixPath(name).name in called)
        )

    found = 0
    for member in _read(Path(path), is_wanted, max_bytes, max_entry_bytes):
        found += 1
        yield member
    if not found:
        of = "" if endings is None else " or ".join(sorted(endings)) + " "
        raise InputError(f"{path}: holds no {of}files{'' if chosen is called is None else ' of the names asked for'}")


def names(
    path: str | Path, *, max_bytes: int = MAX_BYTES, max_entry_bytes: int = MAX_ENTRY_BYTES
) -> list[str]:
    """The names of all files in the archive ``path``, in archive order; of a zip nothing is decompressed.

    Raises InputError as ``members`` does, except for what only shows in the content of a file.
    """
    found: list[str] = []

    def note(name: str) -> bool:
        found.append(name)
        return False

    for _ in _read(Path(path), note, max_bytes, max_entry_bytes):
        pass
    if not found:
        raise InputError(f"{path}: holds no files")
    return found


def unpack(
    path: str | Path,
    folder: str | Path,
    *,
    max_bytes: int = MAX_BYTES,
    max_entry_bytes: int = MAX_ENTRY_BYTES,
    suffixes: Collection[str] | None = None,
) -> None:
    """Unpack ``path`` into ``folder``, which appears whole or not at all and replaces an existing one.

    Arguments and errors are those of ``members``.
    """
    path = Path(path)
    with atomic_directory(folder) as temporary:
        for member in members(
            path, max_bytes=max_bytes, max_entry_bytes=max_entry_bytes, suffixes=suffixes
        ):
            target = temporary / member.name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with open(target, "xb") as file:
                    file.write(member.data)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise InputError(
                    f"{path}: entry {member.name!r} is both a file and a folder, or differs from another"
                    " only in case"
                ) from error


@dataclass
class _Limits:
    """What may be decompressed, and what has been so far (bytes)."""

    path: Path
    total: int
    entry: int
    used: int = 0

    def use(self, count: int) -> None:
        self.used += count
        if self.used > self.total:
            raise InputError(
                f"{self.path}: decompresses to more than {self.total} bytes, the limit: not unpacked"
            )

    def check_entry(self, size: int, name: str) -> None:
        if size > self.entry:
            raise InputError(
                f"{self.path}: entry {name!r} is larger than {self.entry} bytes, the limit: not unpacked"
            )


def _read(path: Path, is_wanted: Wanted, max_bytes: int, max_entry_bytes: int) -> Iterator[Member]:
    """The members that ``is_wanted``, which is asked for each name once."""
    if not path.is_file():
        raise InputError(f"{path}: no such file (expected an archive: .tar, .tar.gz, .tgz or .zip)")
    try:
        yield from _reader(path)(path, is_wanted, _Limits(path, max_bytes, max_entry_bytes))
    except DAMAGE as error:
        detail = str(error) or type(error).__name__
        raise InputError(f"{path}: truncated or corrupt archive ({detail}); fetch it again") from error


def _reader(path: Path):
    """Choose the reader by content, since a wrong name is as common as a wrong file."""
    try:
        with open(path, "rb") as file:
            head = file.read(tarfile.BLOCKSIZE)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if head.startswith(b"\x1f\x8b"):
        return _read_tar_gz
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_zip
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:
        pass  # a block of zeros is an empty tar, which has its own message
    except tarfile.HeaderError as error:
        what = f"starts with {head[:8]!r}" if head else "is an empty file"
        raise InputError(f"{path}: not an archive: {what}, expected .tar, .tar.gz (.tgz) or .zip") from error
    return _read_tar


class _Names:
    """Entry names seen so far; refuses what could leave the folder or overwrite another entry."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: set[str] = set()

    def folder(self, raw: str) -> None:
        self._inside(raw)

    def file(self, raw: str) -> str:
        name = self._inside(raw)
        if name in self.seen:
            raise InputError(f"{self.path}: entry {name!r} occurs twice")
        self.seen.add(name)
        return name

    def _inside(self, raw: str) -> str:
        posix = PurePosixPath(raw)
        windows = PureWindowsPath(raw)  # also splits at backslashes and knows drives
        if posix.is_absolute() or windows.drive or windows.root or ".." in posix.parts + windows.parts:
            raise InputError(f"{self.path}: entry {raw!r} points outside the archive: not unpacked")
        if not raw or UNPRINTABLE.search(raw):
            raise InputError(f"{self.path}: entry {raw!r} has a name that is empty or not printable UTF-8")
        return posix.as_posix()


def _read_tar(path: Path, is_wanted: Wanted, limits: _Limits) -> Iterator[Member]:
    with open(path, "rb") as file:
        yield from _read_tar_stream(path, file, is_wanted, limits)


def _read_tar_gz(path: Path, is_wanted: Wanted, limits: _Limits) -> Iterator[Member]:
    # tarfile's stream mode ("r|gz") neither checks the CRC nor notices a truncated end; GzipFile does both.
    with gzip.open(path, "rb") as file:
        yield from _read_tar_stream(path, file, is_wanted, limits)


def _read_tar_stream(
    path: Path, file: BinaryIO, is_wanted: Wanted, limits: _Limits
) -> Iterator[Member]:
    stream = _MeasuredStream(file, limits)
    names = _Names(path)
    with tarfile.TarFile(fileobj=stream, mode="r") as tar:
        while (info := tar.next()) is not None:
            tar.members = []  # else half a million headers pile up in memory
            if info.isdir():
                names.folder(info.name)
                continue
            if not info.isfile() or info.issparse():
                raise InputError(
                    f"{path}: entry {info.name!r} is a link, a device or a sparse file (expected plain files)"
                )
            name = names.file(info.name)
            if not is_wanted(name):
                continue  # the next header is further on: tar.next() reads up to it
            limits.check_entry(info.size, name)
            data = stream.read(info.size)
            if len(data) != info.size:
                raise EOFError(f"it ends inside entry {name!r}")
            yield Member(name, data)
    # tarfile takes a missing end or a damaged header for the end of the archive; only zeros are.
    if len(stream.last) != tarfile.BLOCKSIZE or any(stream.last):
        raise EOFError("no end-of-archive mark after the last readable entry")
    while stream.read(BLOCK):
        pass  # to the end, where gzip compares its checksum


class _MeasuredStream:
    """A forward-only view of a decompressing file that counts what comes out of it."""

    def __init__(self, file: BinaryIO, limits: _Limits) -> None:
        self.file = file
        self.limits = limits
        self.position = 0
        self.last = b""  # what the last read gave

    def tell(self) -> int:
        return self.position

    def read(self, size: int) -> bytes:
        # tarfile reads a pax header or a long name in one piece, however large it claims to be.
        self.limits.check_entry(size - tarfile.BLOCKSIZE, "(header)")
        self.last = self.file.read(size)
        self.position += len(self.last)
        self.limits.use(len(self.last))
        return self.last

    def seek(self, position: int) -> None:
        if position < self.position:
            raise tarfile.ReadError("entries overlap")
        while self.position < position:
            if not self.read(min(BLOCK, position - self.position)):
                raise EOFError("it ends inside an entry")


def _read_zip(path: Path, is_wanted: Wanted, limits: _Limits) -> Iterator[Member]:
    names = _Names(path)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            # filename is cut at a NUL byte, so the name as stored is the one to check.
            if info.is_dir():
                names.folder(info.orig_filename)
                continue
            name = names.file(info.orig_filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise InputError(f"{path}: entry {name!r} is a link or a device (expected plain files)")
            if info.flag_bits & 0x1:
                raise InputError(f"{path}: entry {name!r} is encrypted (expected one without password)")
            if is_wanted(name):
                yield Member(name, _read_zip_entry(archive, info, name, limits))


def _read_zip_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, limits: _Limits) -> bytes:
    pieces = []
    size = 0
    with archive.open(info) as file:
        while piece := file.read(BLOCK):
            size += len(piece)
            limits.use(len(piece))
            limits.check_entry(size, name)
            pieces.append(piece)
    if size != info.file_size:
        raise EOFError(f"it ends inside entry {name!r}")
    return b"".join(pieces)
