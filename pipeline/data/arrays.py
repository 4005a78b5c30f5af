"""Arrays of faces on disk: one .npy of uint8 (N, H, W, C), read by memory map and written as a stream."""

from __future__ import annotations

import io
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pipeline.data import archives
from pipeline.errors import InputError
from pipeline.files import atomic_path

MAX_NPZ_BYTES = 128 * 2**20  # per array in a .npz: samples of pictures for the report
MAX_HEADER = 10_000  # bytes of a .npy's header; ours have 128

# What numpy raises on bytes that are not what they should be, in a .npy and in a .npz.
DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    SyntaxError,
    TypeError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)


def open_faces(path: str | os.PathLike[str]) -> np.ndarray:
    """Memory-map an array of faces: uint8 (N, H, W, C), 0 to 255, read-only.

    Raises InputError naming the file when it is absent, truncated, or holds anything else.
    """
    faces = open_array(path)
    if faces.dtype != np.uint8 or faces.ndim != 4 or not faces.size:
        kind = f"{faces.dtype} {faces.shape}"
        raise InputError(f"{path}: {kind} found, expected uint8 (faces, height, width, channels)")
    return faces


def open_array(path: str | os.PathLike[str]) -> np.ndarray:
    """Memory-map any .npy array, read-only; never a pickle. Raises InputError where it is absent or damaged."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file (expected an array, .npy)")
    try:
        _check_header(path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGE as error:
        raise InputError(f"{path}: not a whole .npy array ({error})") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(f"{path}: an archive of arrays found, expected one array, .npy")
    return array


def read_arrays(path: str | os.PathLike[str], names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays ``names`` of an .npz, all of them by default, in memory; never a pickle.

    Not numpy's own reader, which decompresses whatever there is and believes an array's shape before its bytes.
    Raises InputError naming the file: absent, damaged, without a chosen array, an array of more than MAX_NPZ_BYTES or
    all of twice that.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file (expected arrays, .npz)")
    limits = {"max_bytes": 2 * MAX_NPZ_BYTES, "max_entry_bytes": MAX_NPZ_BYTES}
    arrays: dict[str, np.ndarray] = {}
    try:
        with open(path, "rb") as file:
            if file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
                raise ValueError("one array found, expected several")
        stored = [name.removesuffix(".npy") for name in archives.names(path, **limits) if name.endswith(".npy")]
        chosen = stored if names is None else [name for name in names if name in stored]
        for member in archives.members(path, only=[f"{name}.npy" for name in chosen], **limits):
            arrays[member.name.removesuffix(".npy")] = _from_bytes(member.data)
        if missing := [name for name in names or () if name not in stored]:
            raise InputError(f"an array is missing ({missing[0]})")
    except (InputError, *DAMAGE) as error:
        problem = str(error).removeprefix(f"{path}: ")
        raise InputError(f"{path}: cannot be read as arrays ({problem})") from error
    return {name: arrays[name] for name in chosen}


def _from_bytes(data: bytes) -> np.ndarray:
    """The array of a whole .npy, in memory that may be written to. Raises DAMAGE."""
    with io.BytesIO(data) as file:
        shape, columns_first, dtype = _header(file)
        start = file.tell()
    count = math.prod(shape)
    if dtype.hasobject:
        raise ValueError("Python objects found, a pickle: not read")
    if len(data) - start != count * dtype.itemsize:
        raise ValueError(f"{dtype} {shape} in {len(data) - start} bytes")
    array = np.frombuffer(data, dtype=dtype, offset=start, count=count) if count else np.empty(0, dtype)
    return array.reshape(shape, order="F" if columns_first else "C").copy()


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and type of values of a .npy. Raises DAMAGE."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"version {version} of the format")
    if version != (1, 0):
        length = int.from_bytes(file.read(4), "little")
        if length > MAX_HEADER:  # else numpy reads so many bytes before it looks
            raise ValueError(f"a header of {length} bytes, the limit is {MAX_HEADER}")
        file.seek(-4, os.SEEK_CUR)
    try:
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return reader(file, max_header_size=MAX_HEADER)
    except MemoryError:  # Python's parser, of brackets within brackets
        raise ValueError("a header that is no dictionary of type, order and shape") from None


def _check_header(path: Path) -> None:
    with open(path, "rb") as file:
        if file.read(6) == np.lib.format.MAGIC_PREFIX:
            file.seek(0)
            _header(file)


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
                kind = f"{chunk.dtype} {chunk.shape}"
                raise InputError(f"{path}: a chunk of {kind}, expected uint8 (n, H, W, C)")
            if shape is None:
                shape = chunk.shape[1:]
                header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
                np.lib.format.write_array_header_1_0(file, header)
            if chunk.shape[1:] != shape:
                raise InputError(f"{path}: a face of {chunk.shape[1:]}, expected {shape}, as those before it")
            written += len(chunk)
            if written > count:
                raise InputError(f"{path}: more than {count} faces came, expected one per row of the index")
            file.write(np.ascontiguousarray(chunk).data)
        if shape is None or written != count:
            raise InputError(f"{path}: {written} faces came, expected {count}, one per row of the index")


def write_placed(
    path: str | os.PathLike[str], pictures: Iterable[tuple[int, np.ndarray]], shape: tuple[int, int, int, int]
) -> None:
    """Write an array of ``shape`` (N, H, W, C) as .npy from (row, uint8 (H, W, C)) pairs, each row once, in any
    order.

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
                raise InputError(f"{path}: row {row} came twice or is not among {len(came)}, expected each once")
            came[row] = True
            if row != following:
                file.seek(start + row * size)
            following = row + 1
            file.write(np.ascontiguousarray(picture).data)
        if not came.all():
            raise InputError(f"{path}: {int(came.sum())} pictures came, expected {len(came)}")
