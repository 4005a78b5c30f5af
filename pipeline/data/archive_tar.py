"""Reads the entries of a .tar or .tar.gz one after another, with memory that no header in it can raise."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.data.archive_limits import APART, BLOCK, Limits, Member, Names, Wanted
from pipeline.data.gzip_stream import open_gzip
from pipeline.errors import InputError

# Before each entry: its header, and the headers that give it a long name or attributes. tarfile holds each in one piece
# and reads the next inside the reading of the last.
MAX_HEADER_BYTES = 2**18
MAX_HEADER_READS = 100
# tarfile looks for attributes by a pattern that goes over a run of digits once for each of them (CVE-2024-6232).
DIGITS = re.compile(rb"\d{120}")
MAX_SHARED_ATTRIBUTES = 100  # of a pax header for all entries that follow: tarfile copies them for each


def read_tar(path: Path, is_wanted: Wanted, limits: Limits) -> Iterator[Member]:
    """The members that are wanted. Raises InputError, and what archive_limits.DAMAGE names."""
    with open(path, "rb") as file:
        yield from _read(path, file, is_wanted, limits)


def read_tar_gz(path: Path, is_wanted: Wanted, limits: Limits) -> Iterator[Member]:
    """As ``read_tar``, of a compressed one."""
    # tarfile's stream mode ("r|gz") neither checks the CRC nor notices a truncated end.
    with open(path, "rb") as file:
        yield from _read(path, open_gzip(file), is_wanted, limits)


def _read(path: Path, file: BinaryIO, is_wanted: Wanted, limits: Limits) -> Iterator[Member]:
    stream = _MeasuredStream(file, limits)
    names = Names(path)
    with tarfile.TarFile(fileobj=stream, mode="r") as tar:
        while (info := _next(tar, stream)) is not None:
            if info.isdir():
                names.folder(info.name)
                continue
            if not info.isfile() or info.issparse():
                raise InputError(
                    f"{path}: entry {info.name!r} is a link, a device or a sparse file (expected plain files)"
                )
            name = names.file(info.name)
            wanted, size = is_wanted(name), info.size
            if size < 0 or wanted != (limits.head is not None):  # what is read whole, now or later
                limits.check_entry(size, name)
            if not wanted:
                continue  # the next header is further on: tar.next() reads up to it
            size = size if limits.head is None else min(size, limits.head)
            data = stream.content(size)
            if len(data) != size:
                raise EOFError(f"it ends inside entry {name!r}")
            yield Member(name, data)
    # tarfile takes a missing end or a damaged header for the end of the archive; only zeros are.
    if len(stream.last) != tarfile.BLOCKSIZE or any(stream.last):
        raise EOFError("no end-of-archive mark after the last readable entry")
    behind = b""
    while data := stream.content(BLOCK):  # to the end, where gzip compares its checksum
        if len(behind) < tarfile.BLOCKSIZE:
            behind = (behind + data).lstrip(b"\0")[: tarfile.BLOCKSIZE]
    if _is_header(behind):
        raise InputError(f"{path}: another tar follows its end, whose files would be left out: {APART}")


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _next(tar: tarfile.TarFile, stream: _MeasuredStream) -> tarfile.TarInfo | None:
    """The next entry's header; None at the end."""
    tar.members = []  # else half a million headers pile up in memory
    stream.begin_header()
    info = tar.next()
    if len(tar.pax_headers) > MAX_SHARED_ATTRIBUTES:
        raise InputError(
            f"{stream.limits.path}: {len(tar.pax_headers)} attributes for all entries, the limit is"
            f" {MAX_SHARED_ATTRIBUTES}"
        )
    return info


class _MeasuredStream:
    """A forward-only view of a decompressing file that counts what comes out of it.

    ``tell``, ``read`` and ``seek`` are tarfile's, for headers; contents of entries are read by ``content``.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self.file = file
        self.limits = limits
        self.position = 0
        self.last = b""  # what the last read gave
        self.begin_header()

    def begin_header(self) -> None:
        """From here on the headers of another entry are read."""
        self.header_bytes = self.header_reads = 0

    def tell(self) -> int:
        return self.position

    def read(self, size: int) -> bytes:
        """``size`` bytes of headers. Raises InputError where they are of an absurd size, or do not end."""
        self.header_bytes += max(size, 0)
        self.header_reads += 1
        if size < 0 or self.header_bytes > MAX_HEADER_BYTES or self.header_reads > MAX_HEADER_READS:
            raise InputError(
                f"{self.limits.path}: headers of one entry (long names, attributes) of"
                f" {size if size < 0 else self.header_bytes} bytes in {self.header_reads} pieces, the limits are"
                f" {MAX_HEADER_BYTES} and {MAX_HEADER_READS}"
            )
        data = self.content(size)
        if DIGITS.search(data):
            raise InputError(
                f"{self.limits.path}: a header with a run of 120 digits or more, expected names and attributes"
            )
        return data

    def content(self, size: int) -> bytes:
        """``size`` bytes, which are not negative; fewer at the end."""
        self.last = self.file.read(size)
        self.position += len(self.last)
        self.limits.use(len(self.last))
        return self.last

    def seek(self, position: int) -> None:
        if position < self.position:
            raise tarfile.ReadError("entries overlap")
        while self.position < position:
            if not self.content(min(BLOCK, position - self.position)):
                raise EOFError("it ends inside an entry")
