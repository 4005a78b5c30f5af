"""Makes faces poor: fewer pixels, stored at their own size. The way back up is taken on the device (pixels.py)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.data.arrays import open_faces, write_faces
from pipeline.data.camera import camera
from pipeline.errors import InputError
from pipeline.files import write_json


def bicubic(faces: np.ndarray, factor: int) -> np.ndarray:
    """Antialiased bicubic: the kernel (a = -0.5) is stretched by ``factor``, as in MATLAB's imresize but for the border.

    Pillow computes it in integer fixed point, along rows, then along columns, rounded to 8 bits between: the
    same bytes on every machine. At the border it leaves out what MATLAB mirrors: docs/differences.md has the grey
    levels. uint8 (N, H, W, C) to uint8 (N, H/factor, W/factor, C).
    """
    count, height, width, channels = faces.shape
    size = (width // factor, height // factor)
    small = np.empty((count, size[1], size[0], channels), np.uint8)
    for face, out in zip(faces, small, strict=True):
        if channels == 3:
            out[...] = Image.fromarray(np.ascontiguousarray(face)).resize(size, Image.Resampling.BICUBIC)
            continue
        for channel in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(face[..., channel]))
            out[..., channel] = plane.resize(size, Image.Resampling.BICUBIC)
    return small


def nearest(faces: np.ndarray, factor: int) -> np.ndarray:
    """Every ``factor``-th pixel from the first on, as torch's interpolate(mode="nearest") in A-SKD's code."""
    return np.ascontiguousarray(faces[:, ::factor, ::factor])


# A method takes uint8 (N, H, W, C), a factor > 1 that divides H and W, the number of the first face and a seed, and
# gives uint8 (N, H/f, W/f, C). A new one is a function, an entry here, one in pixels.py and one in params/faces.py.
DEGRADATIONS: dict[str, Callable[[np.ndarray, int, int, int], np.ndarray]] = {
    "bicubic": lambda faces, factor, first, seed: bicubic(faces, factor),
    "nearest_gaussian": lambda faces, factor, first, seed: nearest(faces, factor),
    "camera": camera,
}
NOTE = "method.json"  # beside the arrays, so that nobody enlarges them in another way


def downsample(faces: np.ndarray, factor: int, method: str = "bicubic", *, first: int = 0, seed: int = 0) -> np.ndarray:
    """Reduce faces, uint8 (N, H, W, C), by an integer ``factor``: uint8 (N, H/factor, W/factor, C).

    ``first`` is the number of the first face in the whole set; it and ``seed`` matter where a method is random.
    Factor 1 returns the input itself. Raises InputError for an unknown method, a factor below 1, and a height
    or width that the factor does not divide.
    """
    if faces.dtype != np.uint8 or faces.ndim != 4:
        raise ValueError(f"expected uint8 (N, H, W, C), not {faces.dtype} {faces.shape}")
    _check(faces.shape, factor, method)
    return faces if factor == 1 else DEGRADATIONS[method](faces, factor, first, seed)


def degrade_array(
    source_npy: str | os.PathLike[str],
    out_npy: str | os.PathLike[str],
    factor: int,
    method: str = "bicubic",
    *,
    seed: int = 0,
    chunk: int = 1024,
) -> None:
    """Write the faces of one .npy, degraded, as another; ``chunk`` faces are in memory at a time.

    Raises InputError as ``downsample`` and ``open_faces`` do; nothing half-written is left.
    """
    faces = open_faces(source_npy)
    try:
        _check(faces.shape, factor, method)
    except InputError as error:
        raise InputError(f"{Path(source_npy)}: {error}") from None

    def degraded() -> Iterator[np.ndarray]:
        for start in range(0, len(faces), chunk):
            yield downsample(np.asarray(faces[start : start + chunk]), factor, method, first=start, seed=seed)

    write_faces(out_npy, degraded(), len(faces))


def degrade_folder(source: Path, folder: Path, qualities: Sequence[int], method: str, seed: int = 0) -> None:
    """Fill ``folder`` with x2.npy, x4.npy, ... for all ``qualities`` above 1, and the note of how they were made.

    Raises InputError as ``degrade_array`` does.
    """
    for quality in qualities:
        if quality > 1:
            degrade_array(source, folder / f"x{quality}.npy", quality, method, seed=seed)
    write_json(folder / NOTE, {"method": method, "seed": seed})


def _check(shape: tuple[int, ...], factor: int, method: str) -> None:
    if method not in DEGRADATIONS:
        known = ", ".join(sorted(DEGRADATIONS))
        raise InputError(f"unknown degradation {method!r}, expected one of: {known}")
    if isinstance(factor, bool) or not isinstance(factor, (int, np.integer)) or factor < 1:
        raise InputError(f"degradation factor {factor!r}, expected a whole number of at least 1")
    height, width = shape[1:3]
    if height % factor or width % factor:
        raise InputError(f"faces of {width}x{height} pixels, expected both sides to be divisible by {factor}")
