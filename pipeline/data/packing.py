"""Packs a folder of the user's into one tar whose bytes depend on names and contents alone. Standard library only."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.data.local_files import Reading
from pipeline.data.photo_kinds import is_hidden
from pipeline.errors import InputError


def pack(folder: str | os.PathLike[str], path: str | os.PathLike[str]) -> str:
    """Write the files below ``folder`` to the uncompressed tar ``path``; return its SHA-256 in hex digits.

    Entries are named relative to ``folder`` and sorted; times, owners and permissions are zeroed, so that equal
    names and contents give equal bytes on any machine. Names that begin with a dot are left out, and
    others that systems write unasked, such as Thumbs.db. Links are followed.

    Raises InputError naming the place: no file at all, what cannot be read or is neither a file nor a folder, a
    link back to a folder above it, a name that is not UTF-8.
    """
    folder = Path(folder)
    files = {place.relative_to(folder).as_posix(): place for place in _files(folder, ())}
    if not files:
        raise InputError(f"{folder}: an empty folder, expected files in it")
    for name, place in files.items():
        try:
            name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(f"{os.fsencode(place)!r}: expected a name in UTF-8") from error
    with open(path, "wb") as file:
        writer = _Hashing(file)
        with tarfile.open(fileobj=writer, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8") as tar:
            for name in sorted(files):
                with Reading(files[name]) as reader:
                    info = tarfile.TarInfo(name)  # its time and owner are zero
                    info.size = reader.size
                    tar.addfile(info, reader)
                tar.members = []  # else half a million headers pile up in memory
    return writer.digest.hexdigest()


def _files(folder: Path, above: tuple[str, ...]) -> Iterator[Path]:
    try:
        above = (*above, os.path.realpath(folder))
        for place in sorted(folder.iterdir()):
            if is_hidden(place.name + "/" * place.is_dir()):
                continue
            if place.is_dir():
                if os.path.realpath(place) in above:
                    raise InputError(f"{place}: a link to a folder that it lies in, expected files and folders")
                yield from _files(place, above)
            elif place.is_file():
                yield place
            else:
                raise InputError(f"{place}: a broken link, a device or the like, expected files and folders")
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be read: {error.strerror or error}") from error


class _Hashing:
    """A file to write to that takes the checksum of what goes by."""

    def __init__(self, file) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.file.write(data)
