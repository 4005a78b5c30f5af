"""From the bytes of an image file to a square uint8 array; the only place where image files are decoded."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Literal

import numpy as np
from PIL import Image

from pipeline.data import photo_kinds
from pipeline.data.containers import Unhandled, bmp, gif, jpeg, orientation, png, pnm, tiff, webp
from pipeline.errors import InputError

MIN_SIDE = 8  # pixels: below this there is no face to see
MAX_PIXELS = 64 * 2**20  # 64 Mpixel: no face photo is larger, but a bomb of a few kB decodes to gigabytes
# Bytes of memory for each pixel, at most, beside the file and two copies of it: of a picture with 16 bits and alpha as
# it is stored, in between, and as it is returned. Of a JPEG in colour it is 8.
BYTES_PER_PIXEL = 24

READERS = {
    "JPEG": jpeg.load, "PNG": png.load, "BMP": bmp.load, "GIF": gif.load, "TIFF": tiff.load, "WebP": webp.load,
    "PBM": pnm.load, "PGM": pnm.load, "PPM": pnm.load,
}  # fmt: skip
MODES = "8-bit grey, RGB, palette, CMYK or YCbCr, with or without alpha, or 16-bit grey or RGB"
BAND = 2**18  # pixels that are converted at once

# Whatever the decoders raise on these bytes means that the bytes are bad.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    NotImplementedError,
    RuntimeError,
)


def decode(
    data: bytes,
    name: str,
    *,
    size: int,
    channels: int,
    crop: tuple[int, int, int, int] | Literal["centre"] | None = None,
    min_side: int = MIN_SIDE,
) -> np.ndarray:
    """Decode one image file and bring it to ``size`` x ``size`` by antialiased bicubic resampling.

    ``name`` is what messages call the image. ``crop`` is (left, upper, right, lower) in pixels of the upright
    image, or "centre" for the largest square in its middle; without it the whole image is taken.
    What is left is resized to a square as it is, so only a square keeps its proportions. EXIF orientation is
    honoured, transparency is laid over white, of several frames the first is taken, and ``channels`` 1 gives luma
    (ITU-R 601), 3 gives RGB.

    Returns uint8 of shape (size, size, channels), 0 to 255. Raises InputError naming the image: no bytes, not
    an image (and what it seems to be instead), truncated or corrupt, under ``min_side`` pixels per side, over 64
    Mpixel, a kind without agreed meaning in 8 bits, a crop box outside the image. Memory beside ``data`` and two
    copies stays under BYTES_PER_PIXEL for each pixel.
    """
    image = open_image(data, name, channels=channels, min_side=min_side)
    if crop == "centre":
        side = min(image.size)
        left, upper = (image.width - side) // 2, (image.height - side) // 2
        crop = (left, upper, left + side, upper + side)
    if crop is not None:
        left, upper, right, lower = crop
        width, height = image.size
        if not (0 <= left < right <= width and 0 <= upper < lower <= height):
            raise InputError(
                f"{name}: crop ({left}, {upper}, {right}, {lower}) does not fit an image of {width}x{height}"
                " pixels (expected left < right and upper < lower, inside the image)"
            )
        image = image.crop(crop)
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    return np.array(image, dtype=np.uint8).reshape(size, size, channels)


def open_image(data: bytes, name: str, *, channels: int, min_side: int = MIN_SIDE) -> Image.Image:
    """The upright image at its own size, mode "L" or "RGB"; as ``decode`` does, and raises as that does."""
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3, not {channels}")
    target = "L" if channels == 1 else "RGB"
    reader = READERS[_kind(data, name)]
    try:
        image, turn = reader(data, lambda width, height: _check_size(width, height, name, min_side))
        return orientation.upright(_convert(image, target, name), turn)
    except Unhandled as error:
        what, *details = error.args
        raise InputError(f"{name}: {what} is not handled ({'; '.join((f'expected {MODES}', *details))})") from error
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+ pixels", str(error))
        size = f"{pixels[0]}, " if pixels else ""
        raise InputError(f"{name}: {size}the image is too large (expected at most {MAX_PIXELS} pixels)") from error
    except DAMAGE as error:
        detail = str(error) or type(error).__name__
        raise InputError(f"{name}: a truncated or corrupt image ({detail})") from error


def _kind(data: bytes, name: str) -> str:
    """Which of READERS reads it. Raises InputError that says what the file is instead."""
    head = data[: photo_kinds.HEAD]
    seen = photo_kinds.sniff(head)
    if seen is None:
        raise InputError(f"{name}: not an image (expected one of {photo_kinds.EXPECTED})")
    if seen.what in READERS:
        # Cameras keep their raw images in TIFF as well.
        seen = seen if seen.what != "TIFF" else photo_kinds.kind_of("x" + photo_kinds.suffix_of(name), head)
        if seen.use == "photo":
            return seen.what
    if not data:
        raise InputError(f"{name}: an empty file (expected an image)")
    what = "not an image" if seen.use == "other" else "not an image that can be read"
    raise InputError(f"{name}: {what} (expected one of {photo_kinds.EXPECTED}; this seems to be: {seen.what})")


def _check_size(width: int, height: int, name: str, min_side: int) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width * height} pixels, the image is too large (expected at most {MAX_PIXELS} pixels; it is"
            f" {width}x{height})"
        )
    if min(width, height) < min_side:
        raise InputError(
            f"{name}: {width}x{height} pixels, the image is too small (expected at least {min_side} per side)"
        )


def _convert(image: Image.Image, target: str, name: str) -> Image.Image:
    """Bring any mode with an agreed meaning in 8 bits to ``target``, "L" or "RGB", transparency over white."""
    # What lies under a transparent pixel is arbitrary, so it must not show; a viewer's page is white.
    see_through = image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info
    if image.mode == target and not see_through:
        return image
    if not see_through and image.mode not in ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"):
        raise InputError(f"{name}: image mode {image.mode} is not handled (expected {MODES})")
    if image.width * image.height <= BAND:
        return _convert_band(image, target, see_through)
    result = Image.new(target, image.size)
    step = max(1, BAND // image.width)
    for top in range(0, image.height, step):
        band = image.crop((0, top, image.width, min(top + step, image.height)))
        result.paste(_convert_band(band, target, see_through), (0, top))
    return result


def _convert_band(band: Image.Image, target: str, see_through: bool) -> Image.Image:
    if see_through:
        band = band.convert("LA") if band.mode == "La" else band
        band = band.convert("RGBA")
        band = Image.alpha_composite(Image.new("RGBA", band.size, "white"), band)
    # A palette and CMYK go by way of RGB, so that grey is the luma of the colours that are seen.
    return band.convert("RGB").convert(target)
