"""Reads the pair files (.bin) that face verification is passed around in, without running what a pickle says.

Such a file is a pickle of ``(images, same)``: 2n encoded images, those of a pair one after another, and n bools.
An image is bytes, ``str`` where Python 2 wrote the file, or a uint8 array of the encoded bytes.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.pickles import Array, kind, walk
from pipeline.errors import InputError

LAYOUT = "a pickle of (2n encoded images, n bools)"


def read_bin(path: str | Path) -> tuple[list[bytes], np.ndarray]:
    """The encoded images (2n), both of a pair in sequence, and whether each pair shows the same person: bool (n,).

    All images are in memory, once. Raises InputError naming the file and, where there is one, opcode and position
    (bytes): absent, empty, truncated, not such a pickle, a pickle that would call anything, unequal lengths.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            if not file.seek(0, 2):
                raise InputError(f"{path}: an empty file, expected {LAYOUT}")
            # A map gives no more than there is when a damaged length asks for gigabytes.
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                value = walk(path, content, LAYOUT, sides=1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file (expected {LAYOUT})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return _images_and_pairs(path, value)


def _images_and_pairs(path: Path, value: Any) -> tuple[list[bytes], np.ndarray]:
    if type(value) not in (tuple, list) or len(value) != 2 or any(type(part) not in (list, tuple) for part in value):
        raise InputError(f"{path}: holds {kind(value)}, expected {LAYOUT}")
    images, same = value
    if len(images) != 2 * len(same):
        raise InputError(f"{path}: {len(images)} images for {len(same)} pairs, expected {2 * len(same)}: two per pair")
    if not len(same):
        raise InputError(f"{path}: holds no pairs, expected {LAYOUT}")
    for number, answer in enumerate(same):
        if type(answer) not in (bool, int) or answer not in (0, 1):
            what = "another number" if type(answer) is int else kind(answer)
            raise InputError(f"{path}: pair {number}: {what} found, expected True or False: whether it is one person")
    encoded = []
    for number, image in enumerate(images):
        data = image.data if isinstance(image, Array) else image
        if not isinstance(data, bytes):
            raise InputError(f"{path}: image {number} is {kind(image)}, expected the bytes of an encoded image")
        encoded.append(data)
    return encoded, np.array(same, dtype=bool)
