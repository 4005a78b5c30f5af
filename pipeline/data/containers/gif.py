"""GIF: the first frame, with its colour table and transparency; comments, extensions and other frames are left out.

The codes are followed to see that they give as many pixels as the frame has, for GIF has no checksums.
Source: Graphics Interchange Format, version 89a.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

from PIL import Image

EXTENSION, GRAPHIC, IMAGE, TRAILER = 0x21, 0xF9, 0x2C, 0x3B
MAX_CODES = 4096


def load(data: bytes, check: Callable[[int, int], None]) -> tuple[Image.Image, int]:
    """The first frame on its canvas, mode "L", "P", "RGB" or "RGBA"; its orientation is always 1."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    place = 13 + _table_length(flags)
    keep, graphic = [data[:place]], b""
    while True:
        if place >= len(data) or data[place] == TRAILER:
            raise ValueError("it holds no picture" if place < len(data) else "it ends before its picture")
        start, kind = place, data[place]
        if kind == EXTENSION:
            _, place = _blocks(data, place + 2)
            if data[start + 1 : start + 2] == bytes([GRAPHIC]):
                graphic = data[start:place]
        elif kind == IMAGE:
            break
        else:
            place += 1  # stray bytes between blocks, as some programs leave them
    left, upper, wide, high, flags = struct.unpack_from("<HHHHB", data, place + 1)
    check(max(width, left + wide), max(height, upper + high))
    place += 10 + _table_length(flags)
    if place >= len(data) or not 1 <= data[place] <= 8:
        raise ValueError("a damaged frame header")
    codes, end = _blocks(data, place + 1)
    count = _pixels(codes, data[place], wide * high)
    if count != wide * high:
        raise ValueError(f"its data gives {count} pixels, expected {wide * high}")
    plain = b"".join((*keep, graphic, data[start:end], bytes([TRAILER])))
    with Image.open(io.BytesIO(plain), formats=("GIF",)) as image:
        image.load()
        return image.copy(), 1


def _table_length(flags: int) -> int:
    return 3 * 2 ** (1 + (flags & 7)) if flags & 0x80 else 0


def _blocks(data: bytes, place: int) -> tuple[bytes, int]:
    """What a chain of sub-blocks holds, and the place after it."""
    parts = []
    while True:
        if place >= len(data) or place + 1 + data[place] > len(data):
            raise ValueError("it ends inside a block")
        size = data[place]
        parts.append(data[place + 1 : place + 1 + size])
        place += 1 + size
        if not size:
            return b"".join(parts), place


def _pixels(codes: bytes, bits: int, expected: int) -> int:
    """How many pixels LZW ``codes`` of ``bits`` a pixel give; stops soon after ``expected``."""
    clear = 1 << bits
    first = [1] * clear + [0, 0]  # the pixels of each code; those of clear and end are not looked up
    lengths, width, before, total = first.copy(), bits + 1, 0, 0
    buffer = count = 0
    for byte in codes:
        buffer |= byte << count
        count += 8
        while count >= width:
            code = buffer & ((1 << width) - 1)
            buffer >>= width
            count -= width
            if code == clear:
                lengths, width, before = first.copy(), bits + 1, 0
                continue
            if code == clear + 1 or total > expected:
                return total
            if code < len(lengths):
                length = lengths[code]
            elif code == len(lengths) and before:
                length = before + 1
            else:
                raise ValueError("its data holds a code that does not exist")
            total += length
            if before and len(lengths) < MAX_CODES:
                lengths.append(before + 1)
                if len(lengths) == 1 << width and width < 12:
                    width += 1
            before = length
    return total
