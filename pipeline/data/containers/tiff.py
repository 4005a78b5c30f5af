"""TIFF: the first picture, from a directory that holds what pixels need, after its strips have proved complete.

What Pillow scales wrongly or gives in half the bits (12 and 16 bits per sample, white as 0) is read as grey samples
of the same strips, and becomes colours here. Source: TIFF 6.0 (Adobe, 1992) and its technical notes 1 and 2.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from pipeline.data.containers import Unhandled, deep, orientation, tiff_strips
from pipeline.data.containers.tiff_directory import (
    BITS,
    CHILDREN,
    COLOURS,
    DNG,
    EXTRA,
    FORMAT,
    HEIGHT,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    PREDICTOR,
    SAMPLES,
    STRIP_BYTES,
    STRIPS,
    SUBFILE,
    TILE_BYTES,
    TILE_WIDTH,
    TILES,
    WIDTH,
    XMP,
    Directory,
)  # fmt: skip

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
PHOTOMETRICS = {
    4: "a mask", 8: "CIELAB", 9: "ICC L*a*b*", 10: "ITU L*a*b*", 32803: "a camera's raw data",
    32844: "LogL", 32845: "LogLuv", 34892: "a camera's linear raw data",
}  # fmt: skip
COLOURS_OF = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, SEPARATED: 4}
FORMATS = {
    2: "signed whole numbers", 3: "floating-point numbers", 4: "undefined samples",
    5: "complex numbers", 6: "complex numbers",
}  # fmt: skip
MAX_SAMPLES = 16  # of one pixel
REDUCED = 1  # in the kind of picture: a smaller version of another
ASSOCIATED, UNASSOCIATED = 1, 2


def load(data: bytes, check: Callable[[int, int], None]) -> tuple[Image.Image, int]:
    """The first picture; mode "1", "L", "LA", "P", "PA", "RGB", "RGBA" or "CMYK"; and its orientation."""
    directory = Directory(data)
    width, height = directory.number(WIDTH), directory.number(HEIGHT)
    if not width or not height:
        raise ValueError("it has no size")
    check(width, height)
    photometric = directory.number(PHOTOMETRIC, WHITE_IS_ZERO)
    samples = directory.number(SAMPLES, 1)
    if not 1 <= samples <= MAX_SAMPLES:
        raise ValueError(f"{samples} samples per pixel")
    bits = directory.numbers(BITS, (1,))
    if len(bits) > MAX_SAMPLES:
        raise ValueError(f"bits of {len(bits)} samples")
    _refuse(directory, photometric, set(bits))
    depth = bits[0]
    tiff_strips.verify(directory, width, height, samples, depth)
    turn = _orientation(directory)
    if depth in (12, 16):
        return _deep(directory, width, height, samples, depth, photometric), turn
    return _pillow(directory.rewrite({})), turn


def _refuse(directory: Directory, photometric: int, bits: set[int]) -> None:
    subfile = directory.raw(SUBFILE, 4)
    preview = subfile is not None and int.from_bytes(subfile, "little" if directory.order == "<" else "big") & REDUCED
    if DNG in directory.entries or preview and (directory.several or CHILDREN in directory.entries):
        raise Unhandled("TIFF of a camera's raw data, or with a small preview first,")
    if photometric in PHOTOMETRICS:
        what = "image mode LAB" if photometric == 8 else "this kind of TIFF"
        raise Unhandled(what, f"the colours are {PHOTOMETRICS[photometric]}")
    kinds = set(directory.numbers(FORMAT, (1,))) - {1}
    if kinds:
        kind = min(kinds)
        detail = f"the samples are {FORMATS.get(kind, f'of format {kind}')}"
        raise Unhandled({2: "image mode I", 3: "image mode F"}.get(kind, "this kind of TIFF"), detail)
    if len(bits) > 1 or not bits <= {1, 2, 4, 8, 12, 16}:
        raise Unhandled(f"TIFF of {' and '.join(map(str, sorted(bits)))} bits per sample")


def _pillow(plain: bytes) -> Image.Image:
    with Image.open(io.BytesIO(plain), formats=("TIFF",)) as image:
        image.load()
        return image.copy()


def _orientation(directory: Directory) -> int:
    """From the directory's own tag, or else from XMP; 1 where these are missing or damaged."""
    try:
        numbers = directory.numbers(ORIENTATION)
    except ValueError:
        numbers = ()
    if len(numbers) == 1:
        return numbers[0] if numbers[0] in orientation.TURNS else orientation.UPRIGHT
    return orientation.read(None, directory.raw(XMP, 2**24))


def _deep(directory: Directory, width: int, height: int, samples: int, depth: int, photometric: int) -> Image.Image:
    """Samples of 12 or 16 bits as a picture in mode "L" or "RGB"."""
    colours = COLOURS_OF.get(photometric, 0)
    extra = directory.numbers(EXTRA, ())
    if colours not in (1, 3) or samples < colours:
        raise Unhandled(f"TIFF of {depth} bits per sample in photometric interpretation {photometric}")
    if directory.number(PREDICTOR, 1) == 3:
        raise Unhandled("image mode F", "the samples are floating-point numbers")
    if depth == 12 and samples > 1:
        raise Unhandled("TIFF of 12 bits per sample in colours")
    values = _samples(directory, width, height, samples, depth)
    maximum = (1 << depth) - 1
    if photometric == WHITE_IS_ZERO:
        values[..., 0] = maximum - values[..., 0]
    alpha = samples > colours and (not extra or extra[0] in (ASSOCIATED, UNASSOCIATED))
    values = values[..., : colours + alpha]
    if alpha and extra and extra[0] == ASSOCIATED:
        return deep.to_8_bits(_over_white(values, maximum), maximum)
    return deep.to_8_bits(values, maximum, alpha=alpha)


def _over_white(values: np.ndarray, maximum: int) -> np.ndarray:
    """Colours that are multiplied by their alpha already: what it leaves uncovered is white."""
    cover = values[..., -1:]
    return np.minimum(values[..., :-1], cover) + (maximum - cover)


def _samples(directory: Directory, width: int, height: int, samples: int, depth: int) -> np.ndarray:
    """uint16 (H, W, samples), as stored, the differences of a predictor added up."""
    apart = directory.number(PLANAR, 1) == 2 and samples > 1
    tiled = TILES in directory.entries
    across = 1 if apart else samples
    # As grey samples of a picture ``across`` times as wide, the strips are the same and Pillow gives every bit of them.
    changes: dict[int, tuple[int, ...] | None] = {
        WIDTH: (width * across,), BITS: (depth,), SAMPLES: (1,), PHOTOMETRIC: (BLACK_IS_ZERO,), PLANAR: None,
        EXTRA: None, FORMAT: None, COLOURS: None, PREDICTOR: None,
    }  # fmt: skip
    tile = directory.number(TILE_WIDTH) if tiled else width
    if tiled:
        changes[TILE_WIDTH] = (tile * across,)
    places, sizes = (TILES, TILE_BYTES) if tiled else (STRIPS, STRIP_BYTES)
    layers = []
    for layer in range(samples if apart else 1):
        if apart:
            for tag in (places, sizes):
                values = directory.numbers(tag)
                share = len(values) // samples
                changes[tag] = values[layer * share : (layer + 1) * share]
        layers.append(np.array(_pillow(directory.rewrite(changes)), np.uint16).reshape(height, width, across))
    picture = np.concatenate(layers, axis=2) if apart else layers[0]
    if directory.number(PREDICTOR, 1) == 2:
        for left in range(0, width, tile):
            part = picture[:, left : left + tile]
            np.add.accumulate(part, axis=1, dtype=np.uint16, out=part)
    return picture
