"""Small pictures and the large pictures they were made of: patches to train on, whole pairs to evaluate on.

The field's protocol: a large picture is cut to a multiple of the scale and shrunk whole by antialiased bicubic
resampling; patches are cut out of the shrunk picture and, at the same place, out of the large one. A patch therefore
has no border of its own: what lay around it went into its pixels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.data.arrays import open_faces, write_faces
from pipeline.data.degradations import bicubic
from pipeline.data.pictures import Pictures, pack
from pipeline.errors import InputError
from pipeline.files import atomic_directory

SMALL, LARGE = "lr", "hr"  # what the field calls them: low and high resolution


def crop_to_multiple(picture: np.ndarray, scale: int) -> np.ndarray:
    """The upper left part of (H, W, C) whose sides are multiples of ``scale``, "modcrop": a view.

    Raises InputError for a scale below 1 and a side below the scale.
    """
    _check_scale(scale)
    height, width = (side - side % scale for side in picture.shape[:2])
    if not height or not width:
        raise InputError(
            f"{picture.shape[1]}x{picture.shape[0]} pixels, expected at least {scale} per side to shrink {scale} times"
        )
    return picture[:height, :width]


def shrink(picture: np.ndarray, scale: int) -> np.ndarray:
    """uint8 (H, W, C) -> (H // scale, W // scale, C): cropped to a multiple, then antialiased bicubic.

    By the function that faces are degraded with. Beside MATLAB's imresize it is off by one level in at most a sixth
    of the pixels, and by more in the two outermost, where MATLAB mirrors the picture and Pillow leaves out what lies
    outside. Raises InputError as ``crop_to_multiple`` does.
    """
    return bicubic.shrink(crop_to_multiple(picture, scale)[None], scale)[0]


def enlarge_bicubic(small: np.ndarray, scale: int) -> np.ndarray:
    """uint8 (H, W, C) -> (scale H, scale W, C): what any method has to be better than.

    Keys' cubic kernel with a = -0.5, as Pillow and MATLAB's imresize have it; off from the latter as ``shrink`` is,
    and by some levels where a sharp edge overshoots 0 or 255, which Pillow cuts off after each of its passes. Raises
    InputError for a scale below 1.
    """
    _check_scale(scale)
    height, width, channels = small.shape
    planes = [
        Image.fromarray(np.ascontiguousarray(small[..., channel])).resize(
            (scale * width, scale * height), Image.Resampling.BICUBIC
        )
        for channel in range(channels)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def cut(
    pictures: Pictures, scale: int, patch: int, per_picture: int, seed: int, out_folder: str | os.PathLike[str]
) -> None:
    """Write ``lr.npy``, uint8 (N, p, p, C), and ``hr.npy``, (N, s p, s p, C), into ``out_folder``, as a whole.

    Of each picture ``per_picture`` patches of ``patch`` pixels per side of the SMALL picture, at different places
    that are drawn from ``seed`` and the picture's name alone; of one with fewer places than that all of them, so of a
    face that is just as large as a patch the face itself, once. Patches are in order of pictures, then of places.

    One picture is in memory at a time. Raises InputError naming the folder and a picture that is smaller than a
    patch.
    """
    for name, value in (("patch", patch), ("per_picture", per_picture)):
        if value < 1:
            raise InputError(f"{name} = {value}: expected at least 1")
    places = [_places(pictures, number, scale, patch, per_picture, seed) for number in range(len(pictures))]
    count = sum(map(len, places))

    def patches_of(factor: int) -> Iterator[np.ndarray]:
        """At ``factor`` 1 from the shrunk pictures, at the scale from the large pictures."""
        side = factor * patch
        for picture, corners in zip(pictures, places):
            whole = shrink(picture, scale) if factor == 1 else picture
            yield np.stack([whole[y : y + side, x : x + side] for y, x in factor * corners])

    with atomic_directory(out_folder) as folder:
        write_faces(folder / f"{SMALL}.npy", patches_of(1), count)
        write_faces(folder / f"{LARGE}.npy", patches_of(scale), count)


def open_patches(folder: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray, int]:
    """What ``cut`` wrote, memory-mapped: (N, p, p, C), (N, s p, s p, C) and the scale s.

    Raises InputError naming the file that is absent, damaged, or does not go with the other.
    """
    folder = Path(folder)
    small, large = (open_faces(folder / f"{name}.npy") for name in (SMALL, LARGE))
    count, side, width, channels = small.shape
    scale = large.shape[1] // side
    if side != width or scale < 1 or large.shape != (count, scale * side, scale * side, channels):
        raise InputError(
            f"{folder}: {SMALL}.npy of {small.shape} and {LARGE}.npy of {large.shape} found, expected squares, these"
            " a whole number of times as large as those"
        )
    return small, large, scale


def write_pairs(pictures: Pictures, scale: int, out: str | os.PathLike[str]) -> None:
    """Pack every picture, cropped to a multiple, into ``out/hr`` and, shrunk, into ``out/lr``; ``out`` as a whole.

    Raises InputError naming the folder and a picture with a side below the scale.
    """
    _check_scale(scale)

    def pairs(make) -> Iterator[tuple[str, np.ndarray]]:
        for name, picture in zip(pictures.names, pictures):
            try:
                yield name, make(picture, scale)
            except InputError as error:
                raise InputError(f"{pictures.folder}: {name}: {error}") from None

    with atomic_directory(out) as folder:
        pack(folder / LARGE, pairs(crop_to_multiple))
        pack(folder / SMALL, pairs(shrink))


def open_pairs(folder: str | os.PathLike[str]) -> tuple[Pictures, Pictures, int]:
    """What ``write_pairs`` wrote: the small pictures, the large ones, in one order, and the scale.

    Raises InputError naming the folder that is damaged or does not go with the other.
    """
    folder = Path(folder)
    small, large = (Pictures(folder / name) for name in (SMALL, LARGE))
    scale = large.sizes[0][0] // small.sizes[0][0]
    right = [(scale * height, scale * width) for height, width in small.sizes]
    if scale < 1 or (small.names, small.channels) != (large.names, large.channels) or large.sizes != right:
        raise InputError(
            f"{folder}: {SMALL} and {LARGE} do not hold the same pictures, expected each in {LARGE} to be one number"
            f" of times as large as in {SMALL}"
        )
    return small, large, scale


def _places(pictures: Pictures, number: int, scale: int, patch: int, per_picture: int, seed: int) -> np.ndarray:
    """(n, 2) of rows and columns: upper left corners of patches in the shrunk picture, all different."""
    _check_scale(scale)
    name, (height, width) = pictures.names[number], pictures.sizes[number]
    rows, columns = height // scale - patch + 1, width // scale - patch + 1
    if rows < 1 or columns < 1:
        raise InputError(
            f"{pictures.folder}: {name}: {width}x{height} pixels, {width // scale}x{height // scale} once shrunk"
            f" {scale} times, expected at least a patch of {patch} per side (leave the picture out, or take smaller"
            " patches)"
        )
    # By name, not by number: a picture more or less in the set moves no other's patches.
    generator = np.random.default_rng([seed, *name.encode("utf-8")])
    chosen = generator.choice(rows * columns, min(per_picture, rows * columns), replace=False)
    return np.stack(np.divmod(np.sort(chosen), columns), axis=-1)


def _check_scale(scale: int) -> None:
    if scale < 1:
        raise InputError(f"scale {scale}, expected at least 1")
