"""Reads the files inside a .tar, .tar.gz (.tgz) or .zip archive one after another, without unpacking it.

Nothing an archive says about itself is believed: names are checked before anything else happens, sizes are
measured while reading, and an archive that ends too early is an error even where the library stops quietly.

Memory is bounded by what archive_limits, archive_tar and archive_zip state, whatever the archive says: one file of
MAX_ENTRY_BYTES, all names (MAX_NAMES_BYTES), the directory of a zip (MAX_FILES).
"""

from __future__ import annotations

import errno
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from pipeline.data.archive_limits import DAMAGE, MAX_BYTES, MAX_ENTRY_BYTES, Limits, Member, Wanted
from pipeline.data.archive_tar import read_tar, read_tar_gz
from pipeline.data.archive_zip import read_zip
from pipeline.errors import InputError
from pipeline.files import atomic_directory


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

    Raises InputError, while iterating, naming the archive and the entry: an absolute name or a name with ``..``,
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

    count = 0
    for member in _read(Path(path), is_wanted, max_bytes, max_entry_bytes):
        count += 1
        yield member
    if not count:
        of = "" if endings is None else " or ".join(sorted(endings)) + " "
        raise InputError(f"{path}: holds no {of}files{'' if chosen is called is None else ' of the names asked for'}")


def names(path: str | Path, *, max_bytes: int = MAX_BYTES, max_entry_bytes: int = MAX_ENTRY_BYTES) -> list[str]:
    """The names of all files in the archive ``path``, in archive order; of a zip nothing is decompressed.

    Raises InputError as ``members`` does, except for what only shows in the content of a file.
    """
    stored: list[str] = []

    def note(name: str) -> bool:
        stored.append(name)
        return False

    for _ in _read(Path(path), note, max_bytes, max_entry_bytes):
        pass
    if not stored:
        raise InputError(f"{path}: holds no files")
    return stored


def heads(path: str | Path, is_wanted: Wanted, count: int) -> tuple[list[str], dict[str, bytes]]:
    """The names of all files in the archive ``path``, in archive order, and the first ``count`` bytes of each wanted
    file.

    The others are to be read later. Raises InputError as ``names`` does, and for an entry of these that is too large.
    """
    stored: list[str] = []

    def note(name: str) -> bool:
        stored.append(name)
        return is_wanted(name)

    beginnings = {member.name: member.data for member in _read(Path(path), note, MAX_BYTES, MAX_ENTRY_BYTES, count)}
    if not stored:
        raise InputError(f"{path}: holds no files")
    return stored, beginnings


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
        for member in members(path, max_bytes=max_bytes, max_entry_bytes=max_entry_bytes, suffixes=suffixes):
            target = temporary / member.name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with open(target, "xb") as file:
                    file.write(member.data)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise InputError(
                    f"{path}: entry {member.name!r} is both a file and a folder, or differs from another only in case"
                ) from error


def _read(
    path: Path, is_wanted: Wanted, max_bytes: int, max_entry_bytes: int, head: int | None = None
) -> Iterator[Member]:
    """The members whose names ``is_wanted`` accepts, each with its first ``head`` bytes (None: all)."""
    if not path.is_file():
        raise InputError(f"{path}: no such file (expected an archive: .tar, .tar.gz, .tgz or .zip)")
    try:
        yield from _reader(path)(path, is_wanted, Limits(path, max_bytes, max_entry_bytes, head))
    except DAMAGE as error:
        # What is damaged may lead outside the file, which is EINVAL; what else the system says, it says of the disk.
        for cause in (error, error.__context__):  # zipfile takes the latter for damage
            if isinstance(cause, OSError) and cause.errno not in (None, errno.EINVAL):
                raise InputError(f"{path}: cannot be read: {cause.strerror or cause}") from error
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
        return read_tar_gz
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return read_zip
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:
        pass  # a block of zeros is an empty tar, for which there is a separate message
    except tarfile.HeaderError as error:
        what = f"starts with {head[:8]!r}" if head else "is an empty file"
        raise InputError(f"{path}: not an archive: {what}, expected .tar, .tar.gz (.tgz) or .zip") from error
    return read_tar
