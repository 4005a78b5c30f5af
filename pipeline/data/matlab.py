"""Reads lists of picture names and people from MATLAB's .mat files (up to version 7.2); nothing in them is run."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np

from pipeline.errors import InputError

# What scipy raises on bytes that are not what they should be; its own errors are plain subclasses of Exception.
DAMAGE = (
    OSError, ValueError, TypeError, IndexError, KeyError, EOFError, OverflowError, NotImplementedError, MemoryError,
    RuntimeError, AttributeError, struct.error, zlib.error,
)  # fmt: skip


MAX_BYTES = 64 * 2**20  # once decompressed: TinyFace's lists of 153,428 names have 20 MB
HEADER_BYTES, COMPRESSED = 128, 15  # of the format: before the first variable, and the kind of a compressed one


def read_named_ids(data: bytes, name: str, names_key: str, ids_key: str) -> list[tuple[str, int]]:
    """(file name, person's number) in file order: a cell array of texts and an array of as many whole numbers.

    ``name`` is what messages call the file. Raises InputError naming it: damaged, a variable missing or of another
    kind, unequal lengths, no rows.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    _check_size(data, name)
    try:
        found = loadmat(io.BytesIO(data), variable_names=[names_key, ids_key])
    except (MatReadError, *DAMAGE) as error:
        raise InputError(f"{name}: not a whole .mat file ({str(error) or type(error).__name__})") from error
    for key in (names_key, ids_key):
        if key not in found:
            raise InputError(f"{name}: no variable {key}, expected {names_key} and {ids_key}")
    names = [_text(cell) for cell in np.asarray(found[names_key]).ravel()]
    if found[names_key].dtype != object or None in names:
        raise InputError(f"{name}: {names_key} is no cell array of texts, expected a file name in each cell")
    ids = np.asarray(found[ids_key]).ravel()
    if not (np.issubdtype(ids.dtype, np.number) and np.isrealobj(ids) and (ids >= 0).all() and (ids % 1 == 0).all()):
        raise InputError(f"{name}: {ids_key} holds something other than whole numbers from 0")
    if len(names) != len(ids) or not names:
        raise InputError(f"{name}: {len(names)} file names and {len(ids)} people, expected as many, one or more")
    return list(zip(names, ids.astype(np.int64).tolist()))


def _check_size(data: bytes, name: str) -> None:
    """Raise InputError where what is compressed in the file comes to more than MAX_BYTES: scipy has no limit."""
    order = ">" if data[126:128] == b"MI" else "<"
    place, total = HEADER_BYTES, 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}2L", data, place)
        if kind == COMPRESSED:
            decompressor, rest = zlib.decompressobj(), data[place + 8 : place + 8 + size]
            try:
                while rest and total <= MAX_BYTES:
                    total += len(decompressor.decompress(rest, 2**20))
                    rest = decompressor.unconsumed_tail
            except zlib.error:
                return  # scipy says so
            if total > MAX_BYTES:
                raise InputError(f"{name}: decompresses to more than {MAX_BYTES} bytes, the limit")
        place += 8 + size


def _text(cell: object) -> str | None:
    """The text in a cell, which MATLAB wraps in an array of one."""
    if isinstance(cell, np.ndarray):
        cell = cell.item() if cell.size == 1 else None
    return cell if isinstance(cell, str) else None
