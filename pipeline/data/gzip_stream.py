"""Decompresses a .gz as a stream, in bounded memory and in time that follows from its size."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

BLOCK = 2**16  # bytes of the file read at once
GZIP = 31  # zlib's word for "with the header and the checksum of gzip"


def open_gzip(file: BinaryIO) -> io.BufferedReader:
    """What ``file`` holds once decompressed; of several members after one another, all.

    Not gzip.GzipFile: it walks through a name in the header byte by byte in Python, 100 MB of it in half a minute.
    While reading, a checksum that is wrong raises zlib.error, a truncated end EOFError, bytes behind the last member
    that are neither a member nor zeros ValueError.
    """
    return io.BufferedReader(_Gzip(file), 2**20)


class _Gzip(io.RawIOBase):
    """The decompressed bytes, forwards only."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.member: zlib._Decompress | None = zlib.decompressobj(GZIP)  # None between members
        self.pending = b""  # compressed bytes read and not used yet

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        while True:
            self.pending = self.pending or self.file.read(BLOCK)
            if self.member is None and not self._next_member():
                return 0
            given, data = bool(self.pending), self.member.decompress(self.pending, len(buffer))
            self.pending = self.member.unconsumed_tail
            if not (given or data or self.member.eof):  # zlib may have had something left to give out
                raise EOFError("it ends before the end of its compressed data")
            if self.member.eof:
                self.pending, self.member = self.member.unused_data, None
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _next_member(self) -> bool:
        """Begin the next member; False at the end of the file. Zeros between members are padding, as for gzip."""
        while self.pending and not self.pending.strip(b"\0"):
            self.pending = self.file.read(BLOCK)
        self.pending = self.pending.lstrip(b"\0")
        if not self.pending:
            return False
        if len(self.pending) < 2:
            self.pending += self.file.read(BLOCK)
        if not self.pending.startswith(b"\x1f\x8b"):
            raise ValueError("bytes that are not gzip behind its end")
        self.member = zlib.decompressobj(GZIP)
        return True
