"""BMP: holds nothing but pixels, and Pillow notices where some are missing. Source: the BITMAPINFOHEADER family."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

from PIL import Image

from pipeline.data.containers import Unhandled

COMPRESSIONS = {0: "none", 1: "8-bit runs", 2: "4-bit runs", 3: "bit fields"}
OLD_HEADER = 12  # bytes


def load(data: bytes, check: Callable[[int, int], None]) -> tuple[Image.Image, int]:
    """The picture in mode "1", "L", "P", "RGB" or "RGBA"; its orientation is always 1."""
    if struct.unpack_from("<L", data, 14)[0] == OLD_HEADER:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height, _, _, compression = struct.unpack_from("<llHHL", data, 18)
        if compression not in COMPRESSIONS:
            raise Unhandled(f"BMP of compression {compression}")
    check(abs(width), abs(height))
    with Image.open(io.BytesIO(data), formats=("BMP",)) as image:
        image.load()
    return image, 1
