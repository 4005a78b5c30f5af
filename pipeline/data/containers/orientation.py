"""How a picture is to be turned: the only number that is read from EXIF and XMP."""

from __future__ import annotations

import re
import struct

from PIL import Image

UPRIGHT = 1
ORIENTATION = 0x0112
# Whole numbers of a TIFF directory: type -> format in struct.
WHOLE = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l"}
XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn the picture the way that its orientation (1 to 8) says."""
    return image if orientation == UPRIGHT else image.transpose(TURNS[orientation])


def read(exif: bytes | None = None, xmp: bytes | None = None) -> int:
    """The orientation, 1 to 8, that an EXIF block or else an XMP packet gives; 1 where neither gives a legal one.

    Looks at one number of the first directory alone, so offsets that lead nowhere or round in circles do no harm.
    """
    number = _from_exif(exif) if exif else None
    if number is None and xmp and (match := XMP.search(xmp)):
        number = int(match[1])
    return number if number in TURNS else UPRIGHT


def _from_exif(block: bytes) -> int | None:
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return None
    (start,) = struct.unpack_from(order + "L", block, 4)
    if start + 2 > len(block):
        return None
    (entries,) = struct.unpack_from(order + "H", block, start)
    number = None
    for place in range(start + 2, min(start + 2 + 12 * entries, len(block) - 11), 12):
        tag, kind, count = struct.unpack_from(order + "HHL", block, place)
        if tag == ORIENTATION and count == 1 and kind in WHOLE:
            (number,) = struct.unpack_from(order + WHOLE[kind], block, place + 8)
    return number
