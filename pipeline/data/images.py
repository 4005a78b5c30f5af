"""From the bytes of one image file to a square uint8 array; the only place where image files are decoded."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from pipeline.errors import InputError

MIN_SIDE = 8  # pixels: below this there is no face to see
MAX_PIXELS = 64 * 2**20  # 64 Mpixel: no face photo is larger, but a bomb of a few kB decodes to gigabytes
# Pillow knows dozens of formats, some of which start other programs (EPS); these are what faces come in.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")

MODES = "8-bit grey, RGB, palette, CMYK or YCbCr, with or without alpha, or 16-bit grey"

# Whatever the decoders raise on these bytes means that the bytes are bad.
DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError, TypeError,
    AttributeError, OverflowError, ZeroDivisionError, NotImplementedError,
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
    an image, truncated or corrupt, under ``min_side`` pixels a side, over 64 Mpixel, a mode without agreed meaning in 8
    bits, a crop box outside the image.
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
    if not data:
        raise InputError(f"{name}: an empty file (expected an image)")
    target = "L" if channels == 1 else "RGB"
    try:
        with _open(data) as image:
            _check_size(image, name, min_side)
            image.load()
            image = _convert(_upright(image), target, name)
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+ pixels", str(error))
        size = f"{found[0]}, " if found else ""
        raise InputError(
            f"{name}: {size}the image is too large (expected at most {MAX_PIXELS} pixels)"
        ) from error
    except Image.UnidentifiedImageError as error:
        raise InputError(f"{name}: not an image (expected one of {', '.join(FORMATS)})") from error
    except DAMAGE as error:
        detail = str(error) or type(error).__name__
        raise InputError(f"{name}: a truncated or corrupt image ({detail})") from error
    return image


def _open(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        # Pillow warns from 89 Mpixel and refuses at twice that; our check of the size refuses before both.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(data), formats=FORMATS)


def _check_size(image: Image.Image, name: str, min_side: int) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width}x{height} pixels, the image is too large (expected at most {MAX_PIXELS} pixels)"
        )
    if min(width, height) < min_side:
        raise InputError(
            f"{name}: {width}x{height} pixels, the image is too small (expected at least {min_side} a side)"
        )


def _upright(image: Image.Image) -> Image.Image:
    """Turn the image the way its EXIF orientation says; exif_transpose alone would copy every image."""
    orientation = image.getexif().get(0x0112, 1)
    return image if orientation == 1 else ImageOps.exif_transpose(image)


def _convert(image: Image.Image, target: str, name: str) -> Image.Image:
    """Bring any mode with an agreed meaning in 8 bits to ``target``, "L" or "RGB"."""
    if image.mode == target:
        return image
    if image.mode.startswith("I;16"):
        # 65535 / 255 = 257 exactly; adding half of it rounds to the nearest grey level.
        grey = (np.asarray(image).astype(np.uint32) + 128) // 257
        return Image.fromarray(grey.astype(np.uint8)).convert(target)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        # What lies under a transparent pixel is arbitrary, so it must not show; a viewer's page is white.
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert(target)
    if image.mode in ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"):
        # A palette and CMYK go by way of RGB, so that grey is the luma of the colours that are seen.
        return image.convert("RGB").convert(target)
    raise InputError(f"{name}: image mode {image.mode} is not handled (expected {MODES})")
