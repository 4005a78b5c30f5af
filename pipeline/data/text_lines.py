"""Lines of a text file one after another: neither a line nor the file can take more memory than is stated."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator

from pipeline.errors import InputError

MAX_BYTES = 512 * 2**20  # of a text file: Glint360K's train.idx, the largest in use, has 350 MB
MAX_LINE = 2**16  # characters of a line: a row of names and landmarks has a few hundred
MAX_COLUMNS = 100  # the widest table that is read has 15
BLOCK = 2**16  # bytes read at once


def read_lines(path: str | os.PathLike[str], expected: str) -> Iterator[str]:
    """The lines of ``path`` in UTF-8, with or without a mark at its beginning; each with its end, of any system.

    Raises InputError naming file and line: absent, not UTF-8, a byte of zero, a line of more than MAX_LINE
    characters, a file of more than MAX_BYTES. ``expected`` is what messages say that the file should be.
    """
    number, read, rest = 1, 0, ""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    for block in _blocks(path, expected):
        if read == 0 and block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(f"{path}: line 1: UTF-16 text, expected {expected} in UTF-8: save it again so")
        read += len(block)
        if read > MAX_BYTES:
            raise InputError(f"{path}: more than {MAX_BYTES} bytes, the limit (expected {expected})")
        try:
            text = rest + decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line = number + error.object.count(b"\n", 0, error.start)
            byte = error.object[error.start]
            raise InputError(f"{path}: line {line}: not UTF-8 text (byte 0x{byte:02x}), expected {expected}") from error
        *lines, rest = _split(text, final=not block)
        for line in lines:
            _check(path, number, line)
            yield line
            number += 1
        _check(path, number, rest)
    if rest:
        yield rest


def check_table(path: str | os.PathLike[str], expected: str = "a CSV table") -> None:
    """Refuse tables far larger than any in use, before pandas spends time and memory on them; see
    ``read_lines``.

    Raises InputError naming the file: absent, a byte of zero, more than MAX_BYTES, MAX_COLUMNS, or in a line
    MAX_LINE.
    """
    read = since = 0  # bytes of the file, of the line that is not at its end
    columns = 0  # of the longest row so far
    for block in _blocks(path, expected):
        read += len(block)
        if b"\0" in block:
            raise InputError(f"{path}: a byte of zero, expected {expected} in UTF-8")
        end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        since = since + len(block) if end < 0 else len(block) - 1 - end
        # pandas takes time with the square of a row's values.
        columns = max(columns, max(line.count(b",") for line in block.splitlines() or [b""]) + 1)
        if read > MAX_BYTES or since > MAX_LINE or columns > MAX_COLUMNS:
            exceeded = f"{MAX_BYTES} bytes" if read > MAX_BYTES else f"{MAX_COLUMNS} columns"
            exceeded = f"{MAX_LINE} bytes in a line" if since > MAX_LINE else exceeded
            raise InputError(f"{path}: more than {exceeded}, the limit (expected {expected})")


def _blocks(path: str | os.PathLike[str], expected: str) -> Iterator[bytes]:
    """The file in blocks, the last of them empty."""
    try:
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                yield block
            yield b""
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file (expected {expected})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _split(text: str, *, final: bool) -> list[str]:
    """Lines with their ends, at \\n, \\r\\n and \\r alone, and what has no end yet, or "", as the last."""
    lines = list(io.StringIO(text, newline=""))
    if not lines or lines[-1].endswith("\n") or final and lines[-1].endswith("\r"):
        lines.append("")  # a single \r may be followed by \n
    return lines


def _check(path: str | os.PathLike[str], number: int, line: str) -> None:
    if len(line) > MAX_LINE:
        raise InputError(f"{path}: line {number}: more than {MAX_LINE} characters, the limit")
    if "\0" in line:
        raise InputError(f"{path}: line {number}: a byte of zero, expected text in UTF-8")
