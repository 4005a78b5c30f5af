"""WebP: the chunks that make pixels; profile, EXIF and XMP are left out, for libwebp wants them all in order.

Source: WebP Container Specification; RFC 9649.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

from PIL import Image

from pipeline.data.containers import orientation, zeros_in

METADATA = {b"ICCP", b"EXIF", b"XMP "}
METADATA_FLAGS = 0x20 | 0x08 | 0x04  # in the first byte of VP8X
BLOCK = 16  # pixels per side


def load(data: bytes, check: Callable[[int, int], None]) -> tuple[Image.Image, int]:
    """The picture, of several the first, mode "RGB" or "RGBA", and its orientation."""
    keep, bodies, zeros = [], {}, 0
    place, end = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while place + 8 <= end:
        kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        body = data[place + 8 : place + 8 + size]
        if kind in METADATA:
            bodies.setdefault(kind, body)
        elif len(body) < size:
            if kind in (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"):
                raise ValueError("it ends inside its picture")
            break
        else:
            if not keep:
                check(*_size(kind, body))
                if kind == b"VP8X":
                    body = bytes([body[0] & ~METADATA_FLAGS]) + body[1:]
            run = zeros_in.longest(body) if kind in (b"VP8 ", b"VP8L") else 0
            if run and kind == b"VP8L":  # its codes are of a few bits and never so many zeros
                raise ValueError("a part of its data is zeros")
            zeros = max(zeros, run)
            keep.append(kind + data[place + 4 : place + 8] + body + b"\0" * (size & 1))
        place += 8 + size + (size & 1)
    chunks = b"".join(keep)
    plain = b"RIFF" + struct.pack("<L", 4 + len(chunks)) + b"WEBP" + chunks
    with Image.open(io.BytesIO(plain), formats=("WEBP",)) as image:
        image.load()
        if zeros and zeros > zeros_in.repeated(image, BLOCK):
            raise ValueError("a part of its data is zeros")
        return image.copy(), orientation.read(bodies.get(b"EXIF"), bodies.get(b"XMP "))


def _size(kind: bytes, body: bytes) -> tuple[int, int]:
    """Width and height from the first chunk. Raises ValueError where it has none."""
    if kind == b"VP8X" and len(body) >= 10:
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("a damaged header")
