"""Reads image records in MXNet's RecordIO, as InsightFace gives its training sets out: train.rec, train.idx,
property.

A record is the magic number, a word of 3 bits (which part it is: 0 whole, 1 first, 2 middle, 3 last) and 29 bits
(length in bytes), and the payload, padded to 4 bytes. A payload that contains the magic number is split there. It
begins with flag (uint32), label (float32) and two numbers (uint64); where flag > 0 as many float32 labels follow
and take the label's place; the rest is an encoded image.
"""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.data.text_lines import read_lines
from pipeline.errors import InputError

MAGIC = 0xCED7230A
PREFIX = struct.Struct("<II")
HEADER = struct.Struct("<IfQQ")
MAX_LABELS = 4096  # in one record: above any set in use; a damaged flag says billions
HEAD_BYTES = PREFIX.size + HEADER.size + 8  # up to the second of a record's own labels


class Head(NamedTuple):  # a dataclass takes twice as long to make, and there are millions
    """What the beginning of a record says: the first two of its labels, bytes of its image, and where it ends."""

    labels: tuple[float, ...]
    image: int
    end: int


def read_property(path: str | Path) -> tuple[int, int, int]:
    """Classes, height and width (pixels) from ``property``, one line of text. Raises InputError naming the file."""
    path = Path(path)
    text = "".join(itertools.islice(read_lines(path, "classes,height,width"), 2)).strip()
    fields = [field.strip() for field in text.split(",")]
    if len(fields) != 3 or not all(_is_number(field) and int(field) > 0 for field in fields):
        raise InputError(f"{path}: {text[:40]!r} found, expected classes,height,width such as 10572,112,112")
    classes, height, width = map(int, fields)
    return classes, height, width


def read_index(path: str | Path) -> dict[int, int]:
    """Offset in the record file (bytes) by key, from ``train.idx``. Raises InputError naming file and line."""
    path = Path(path)
    offsets: dict[int, int] = {}
    for number, line in enumerate(read_lines(path, "lines of key<TAB>offset"), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2 or not all(map(_is_number, fields)):
            raise InputError(f"{path}: line {number}: {line.strip()[:40]!r} found, expected key<TAB>offset")
        key, offset = map(int, fields)
        if key in offsets:
            raise InputError(f"{path}: line {number}: key {key} occurs twice")
        offsets[key] = offset
    if not offsets:
        raise InputError(f"{path}: no lines, expected key<TAB>offset, one per record")
    return offsets


class Records:
    """An open record file, read where it is asked; use it in a ``with``.

    Plain reads, not a memory map: pages of a map count as memory of the process, and a file that is cut short or on
    a disk that fails ends it without a word. Every method raises InputError naming file and offset (bytes).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.file = open(self.path, "rb")  # noqa: SIM115, as long as the reader
            self.size = self.file.seek(0, os.SEEK_END)
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: no such file (expected image records, RecordIO)") from error
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror or error}") from error

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def labels(self, offset: int) -> tuple[float, ...]:
        """The label of a record; of several, the first two."""
        return self.head(offset).labels

    def head(self, offset: int) -> Head:
        """What the beginning of a record says; if the record lies in one piece, no more of it is read."""
        part, length = self._prefix(offset)
        if part:
            head, end = self._payload(offset)
            length = len(head)
        else:
            head = self._read(offset, min(HEAD_BYTES, PREFIX.size + length))[PREFIX.size :]
            end = offset + _room(length)
        labels, count = self._labels(offset, head, length)
        return Head(labels, length - HEADER.size - 4 * count, end)

    def image(self, offset: int) -> bytes:
        """The encoded image of a record; no bytes where it has none."""
        payload, _ = self._payload(offset)
        _, count = self._labels(offset, payload, len(payload))
        return payload[HEADER.size + 4 * count :]

    def between(self, start: int, stop: int) -> Iterator[int]:
        """The offsets of the records that lie between two bytes of the file one after another."""
        while start < stop:
            yield start
            start = self.head(start).end

    def _labels(self, offset: int, head: bytes, length: int) -> tuple[tuple[float, ...], int]:
        """The first two labels, and how many floats stand between header and image."""
        if length < HEADER.size:
            raise self._bad(offset, f"holds {length} bytes", f"a header of {HEADER.size} bytes")
        flag, label, _, _ = HEADER.unpack_from(head)
        if flag > MAX_LABELS or HEADER.size + 4 * flag > length:
            raise self._bad(offset, f"names {flag} labels in {length} bytes", f"at most {MAX_LABELS}, all inside it")
        return struct.unpack_from(f"<{min(flag, 2)}f", head, HEADER.size) or (label,), flag

    def _payload(self, offset: int) -> tuple[bytes, int]:
        """The payload of a whole record, or of its parts with the magic number between them, where it was cut out.

        And where the record ends.
        """
        part, length = self._prefix(offset)
        pieces = [self._read(offset + PREFIX.size, length)]
        if part not in (0, 1):
            raise self._bad(offset, f"begins inside a record (part {part})", "a whole one or a first part")
        position = offset
        while part in (1, 2):
            position += _room(length)
            part, length = self._prefix(position)
            if part not in (2, 3):
                raise self._bad(position, f"is part {part} after a first part", "a middle or last part")
            pieces.append(self._read(position + PREFIX.size, length))
        return PREFIX.pack(MAGIC, 0)[:4].join(pieces), position + _room(length)

    def _prefix(self, offset: int) -> tuple[int, int]:
        """Part and length in bytes of the record at ``offset``, which lies in the file as a whole."""
        if offset + PREFIX.size > self.size:
            raise self._bad(offset, f"begins outside the file of {self.size} bytes", "another index or a whole file")
        magic, word = PREFIX.unpack(self._read(offset, PREFIX.size))
        if magic != MAGIC:
            raise self._bad(offset, f"begins with 0x{magic:08x}", f"0x{MAGIC:08x}")
        part, length = word >> 29, word & (1 << 29) - 1
        if offset + _room(length) > self.size:
            raise self._bad(offset, f"of {length} bytes ends outside the file of {self.size} bytes", "a whole file")
        return part, length

    def _read(self, offset: int, count: int) -> bytes:
        try:
            self.file.seek(offset)
            data = self.file.read(count)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        if len(data) != count:
            raise self._bad(offset, f"gives {len(data)} bytes", f"{count}: the file became shorter")
        return data

    def _bad(self, offset: int, problem: str, expected: str) -> InputError:
        return InputError(f"{self.path}: the record at byte {offset} {problem}, expected {expected}")


def _room(length: int) -> int:
    """Bytes that a record or part with a payload of ``length`` takes up in the file."""
    return PREFIX.size + -(-length // 4) * 4


def _is_number(field: str) -> bool:
    """True for plain digits, up to 18."""
    return field.isascii() and field.isdecimal() and len(field) < 19
