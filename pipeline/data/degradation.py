"""Stores faces at each lower quality, at their own size. The way back up is taken on the device (pixels.py)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.data.arrays import open_faces, write_faces
from pipeline.data.degradations import Degradation, degradation, degradation_names
from pipeline.errors import InputError
from pipeline.files import read_json, write_json
from pipeline.params.short import shown

if TYPE_CHECKING:
    from torch import Tensor


NOTE = "method.json"  # beside the arrays, so that nobody enlarges them in another way


def downsample(faces: np.ndarray, factor: int, settings: Degradation, *, first: int = 0) -> np.ndarray:
    """Reduce faces, uint8 (N, H, W, C), by an integer ``factor``: uint8 (N, H/factor, W/factor, C).

    ``first`` is the number of the first face in the whole set; it matters where a degradation is random. Factor 1
    returns the input itself. Raises InputError for a factor below 1, and a height or width that it does not divide.
    """
    if faces.dtype != np.uint8 or faces.ndim != 4:
        raise ValueError(f"expected uint8 (N, H, W, C), not {faces.dtype} {faces.shape}")
    _check(faces.shape, factor)
    return faces if factor == 1 else degradation(settings.method).smaller(faces, factor, settings, first)


def degrade_array(
    source_npy: str | os.PathLike[str],
    out_npy: str | os.PathLike[str],
    factor: int,
    settings: Degradation,
    *,
    chunk: int = 1024,
) -> None:
    """Write the faces of a .npy, degraded, as another .npy; ``chunk`` faces are in memory at a time.

    Raises InputError as ``downsample`` and ``open_faces`` do; nothing half-written is left.
    """
    faces = open_faces(source_npy)
    try:
        _check(faces.shape, factor)
    except InputError as error:
        raise InputError(f"{Path(source_npy)}: {error}") from None

    def degraded() -> Iterator[np.ndarray]:
        for start in range(0, len(faces), chunk):
            yield downsample(np.asarray(faces[start : start + chunk]), factor, settings, first=start)

    write_faces(out_npy, degraded(), len(faces))


def degrade_folder(source: Path, folder: Path, settings: Degradation) -> None:
    """Fill ``folder`` with x2.npy, x4.npy, ... for all qualities above 1, and the note of how they were made.

    Raises InputError as ``degrade_array`` does.
    """
    for quality in settings.qualities:
        if quality > 1:
            degrade_array(source, folder / f"x{quality}.npy", quality, settings)
    write_json(folder / NOTE, settings.model_dump(exclude={"qualities"}))


def way_back(folder: Path) -> Callable[[Tensor, int], Tensor]:
    """How the arrays in ``folder`` come back to full size: ``larger`` of their degradation.

    Raises InputError where the note is missing, or names no degradation.
    """
    file = folder / NOTE
    note = read_json(file)
    method = note.get("method") if isinstance(note, dict) else None
    if method not in degradation_names():
        raise InputError(f"{file}: method = {shown(method)}: expected {' or '.join(map(repr, degradation_names()))}")
    return degradation(method).larger


def _check(shape: tuple[int, ...], factor: int) -> None:
    if isinstance(factor, bool) or not isinstance(factor, (int, np.integer)) or factor < 1:
        raise InputError(f"degradation factor {factor!r}, expected a whole number of at least 1")
    height, width = shape[1:3]
    if height % factor or width % factor:
        raise InputError(f"faces of {width}x{height} pixels, expected both sides to be divisible by {factor}")
