"""Arrays of faces on disk: one .npy of uint8 (N, H, W, C), read by memory map and written as a stream."""

from __future__ import annotations

import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pipeline.errors import InputError
from pipeline.files import atomic_path

# What numpy raises on bytes that are not what they should be, in a .npy and in a .npz.
DAMAGE = (
    OSError, ValueError, EOFError, SyntaxError, TypeError, OverflowError, NotImplementedError, RuntimeError,
    tokenize.TokenError, zipfile.BadZipFile, zlib.error, struct.error,
)


def open_faces(path: str | os.PathLike[str]) -> np.ndarray:
    """Memory-map an array of faces: uint8 (N, H, W, C), 0 to 255, read-only.

    Raises InputError naming the file when it is absent, truncated, or holds anything else.
    """
    faces = open_array(path)
    if faces.dtype != np.uint8 or faces.ndim != 4 or not faces.size:
        found = f"{faces.dtype} {faces.shape}"
        raise InputError(f"{path}: {found} found, expected uint8 (faces, height, width, channels)")
    return faces


def open_array(path: str | os.PathLike[str]) -> np.ndarray:
    """Memory-map any .npy array, read-only; never a pickle. Raises InputError where it is absent or damaged."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file (expected an array, .npy)")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGE as error:
        raise InputError(f"{path}: not a whole .npy array ({error})") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(f"{path}: an archive of arrays found, expected one array, .npy")
    return array


def write_faces(path: str | os.PathLike[str], chunks: Iterable[np.ndarray], count: int) -> None:
    """Write ``count`` faces, which come in ``chunks`` of uint8 (n, H, W, C), as one .npy.

    Raises InputError when the chunks differ in height, width or channels, give more or fewer than ``count``
    faces, or the disk is full; no file is left then.
    """
    path = Path(path)
    shape: tuple[int, ...] | None = None
    written = 0
    # Plain writes, not a memory map: on a full disk a write says so, a store into a map kills the process.
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        for chunk in chunks:
            if chunk.dtype != np.uint8 or chunk.ndim != 4:
                found = f"{chunk.dtype} {chunk.shape}"
                raise InputError(f"{path}: a chunk of {found}, expected uint8 (n, H, W, C)")
            if shape is None:
                shape = chunk.shape[1:]
                header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
                np.lib.format.write_array_header_1_0(file, header)
            if chunk.shape[1:] != shape:
                raise InputError(f"{path}: a face of {chunk.shape[1:]}, expected {shape}, as those before it")
            written += len(chunk)
            if written > count:
                raise InputError(f"{path}: more than {count} faces came, expected one a row of the index")
            file.write(np.ascontiguousarray(chunk).data)
        if shape is None or written != count:
            raise InputError(f"{path}: {written} faces came, expected {count}, one a row of the index")


def write_placed(
    path: str | os.PathLike[str], pictures: Iterable[tuple[int, np.ndarray]], shape: tuple[int, int, int, int]
) -> None:
    """Write an array of ``shape`` (N, H, W, C) as .npy from (row, uint8 (H, W, C)) pairs, each row once, in any order.

    One picture is in memory at a time. Raises InputError when rows are missing, come twice or are of another shape,
    or the disk is full; no file is left then.
    """
    path = Path(path)
    came = np.zeros(shape[0], dtype=bool)
    size = math.prod(shape[1:])
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        start, following = file.tell(), 0
        for row, picture in pictures:
            if picture.dtype != np.uint8 or picture.shape != shape[1:]:
                raise InputError(f"{path}: a picture of {picture.dtype} {picture.shape}, expected uint8 {shape[1:]}")
            if not 0 <= row < len(came) or came[row]:
                raise InputError(f"{path}: row {row} came twice or is none of {len(came)}, expected each once")
            came[row] = True
            if row != following:
                file.seek(start + row * size)
            following = row + 1
            file.write(np.ascontiguousarray(picture).data)
        if not came.all():
            raise InputError(f"{path}: {int(came.sum())} pictures came, expected {len(came)}")
