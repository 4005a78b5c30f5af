"""Reads lists of picture names and people from MATLAB's .mat files (version 5 to 7.2); nothing in them is run.

Only what such lists need of the format ("MAT-File Format", The MathWorks): cell arrays of texts, and arrays of
numbers. Not by scipy's reader, whose compiled part writes outside its memory where a damaged file lies about what is
in a cell: here every part is a slice of the bytes that there are.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.errors import InputError

MAX_BYTES = 64 * 2**20  # once decompressed: TinyFace's lists of 153,428 names have 20 MB
HEADER = 128  # bytes before the first variable
MATRIX, COMPRESSED = 14, 15  # kinds of elements
CELL, CHARACTERS, COMPLEX = 1, 4, 0x0800  # classes of arrays, and the mark of an array with an imaginary part
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {1: "utf-8", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
NUMERIC_CLASSES = range(6, 16)


def read_named_ids(data: bytes, name: str, names_key: str, ids_key: str) -> list[tuple[str, int]]:
    """(file name, person's number) in file order: a cell array of texts and an array of as many whole numbers.

    ``name`` is what messages call the file. Raises InputError naming it: damaged, a variable missing or of another
    kind, unequal lengths, no rows, more than MAX_BYTES in it.
    """
    try:
        variables = _variables(data, {names_key, ids_key})
    except (ValueError, struct.error, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{name}: not a whole .mat file ({error})") from error
    except _TooLarge as error:
        raise InputError(f"{name}: decompresses to more than {MAX_BYTES} bytes, the limit") from error
    for key in (names_key, ids_key):
        if key not in variables:
            raise InputError(f"{name}: no variable {key}, expected {names_key} and {ids_key}")
    names, ids = variables[names_key], variables[ids_key]
    if not isinstance(names, list) or not all(isinstance(cell, str) for cell in names):
        raise InputError(f"{name}: {names_key} is no cell array of texts, expected a file name in each cell")
    if not (isinstance(ids, np.ndarray) and (ids >= 0).all() and (ids % 1 == 0).all() and (ids < 2**63).all()):
        raise InputError(f"{name}: {ids_key} holds something other than whole numbers from 0")
    if len(names) != len(ids) or not names:
        raise InputError(f"{name}: {len(names)} file names and {len(ids)} people, expected as many, one or more")
    return list(zip(names, ids.astype(np.int64).tolist(), strict=True))


class _TooLarge(Exception):
    """More than MAX_BYTES."""


Value = str | list | np.ndarray | None  # a text, the values in cells, numbers (in column order), or anything else


@dataclass(frozen=True)
class _Element:
    """A part of the file: its kind, and its bytes in the file's byte order ("<" or ">")."""

    kind: int
    data: bytes
    order: str


def _variables(data: bytes, wanted: set[str]) -> dict[str, Value]:
    """The variables called so. Raises ValueError where the bytes are not what the format says."""
    order = {b"IM": "<", b"MI": ">"}.get(data[126:HEADER])
    if order is None:
        raise ValueError("its first 128 bytes are not those of MATLAB's version 5 to 7.2")
    variables, left = {}, MAX_BYTES
    for element in _elements(data[HEADER:], order):
        if element.kind == COMPRESSED:
            unpacked = _decompressed(element.data, left)
            left -= len(unpacked)
            element = next(_elements(unpacked, order), element)
        if element.kind != MATRIX:
            raise ValueError(f"an element of kind {element.kind} where a variable is expected")
        name, parts, flags, count = _head(element)
        if name in wanted:
            variables[name] = _value(parts, flags, count)
    return variables


def _decompressed(data: bytes, most: int) -> bytes:
    decompressor = zlib.decompressobj()
    unpacked = decompressor.decompress(data, most + 1)
    if len(unpacked) > most:
        raise _TooLarge
    if not decompressor.eof:
        raise ValueError("a variable ends too early")
    return unpacked


def _elements(data: bytes, order: str) -> Iterator[_Element]:
    """The elements one after another; each begins at a multiple of eight bytes."""
    place = 0
    while place < len(data):
        word, size = struct.unpack_from(f"{order}2I", data, place)
        start, step = place + 8, 8
        if word >> 16:  # a small element: kind and size in a single word, four bytes of data
            word, size, start, step = word & 0xFFFF, word >> 16, place + 4, 4
        if size > len(data) - start or (step == 4 and size > 4):
            raise ValueError("it ends inside a variable")
        yield _Element(word, data[start : start + size], order)
        place = place + 8 if step == 4 else start + size + (0 if word == COMPRESSED else -size % 8)


def _head(element: _Element) -> tuple[str, Iterator[_Element], int, int]:
    """Name, the parts that follow it, flags, and how many values there are."""
    parts = _elements(element.data, element.order)
    try:
        flags, dimensions, name = next(parts), next(parts), next(parts)
    except StopIteration:
        raise ValueError("an array without flags, sizes and name") from None
    sizes = struct.unpack(f"{element.order}{len(dimensions.data) // 4}i", dimensions.data)
    if not sizes or min(sizes) < 0:
        raise ValueError(f"an array of {sizes} values")
    return name.data.decode("utf-8"), parts, struct.unpack_from(f"{element.order}I", flags.data)[0], math.prod(sizes)


def _value(parts: Iterator[_Element], flags: int, count: int) -> Value:
    if flags & 0xFF == CELL:
        cells = [_cell(element) for element in parts]
        if len(cells) != count:
            raise ValueError(f"{len(cells)} cells, expected {count}")
        return cells
    element = next(parts, None)
    if element is None:
        return None if count else np.zeros(0)
    if flags & 0xFF == CHARACTERS:
        encoding = TEXTS.get(element.kind)
        if encoding == "utf-16":
            encoding += "-le" if element.order == "<" else "-be"
        return None if encoding is None else element.data.decode(encoding)
    if flags & 0xFF not in NUMERIC_CLASSES or flags & COMPLEX or element.kind not in NUMBERS:
        return None
    numbers = np.frombuffer(element.data, f"{element.order}{NUMBERS[element.kind]}")
    if len(numbers) != count:
        raise ValueError(f"{len(numbers)} numbers, expected {count}")
    return numbers


def _cell(element: _Element) -> Value:
    """What lies in a cell; None for cells in it, which no list has."""
    if element.kind != MATRIX:
        raise ValueError(f"an element of kind {element.kind} where a cell is expected")
    if not element.data:
        return None
    _, parts, flags, count = _head(element)
    return None if flags & 0xFF == CELL else _value(parts, flags, count)
