"""PBM, PGM and PPM, plain and binary, of any maximum from 1 to 65535: read here, as Pillow scales only some of them.

Source: the netpbm manual pages pbm(5), pgm(5) and ppm(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from PIL import Image

from pipeline.data.containers import deep

SPACE = rb"(?>\s|#[^\r\n]*[\r\n])+"
NUMBER = SPACE + rb"(\d{1,9})"
BITS = re.compile(rb"P[14]" + NUMBER + NUMBER)
LEVELS = re.compile(rb"P[2356]" + NUMBER + NUMBER + NUMBER)
COMMENT = re.compile(rb"#[^\r\n]*")
MAX_LEVELS = 65535
CHARACTERS = 2**20  # of a plain file, at once
SPACES = b" \t\n\v\f\r"
GAP = re.compile(rb"\s")
LONG = re.compile(rb"\d{10}")


def load(data: bytes, check: Callable[[int, int], None]) -> tuple[Image.Image, int]:
    """The first picture of the file, mode "L" or "RGB"; its orientation is always 1."""
    kind = data[1:2]
    header = (BITS if kind in b"14" else LEVELS).match(data)
    if header is None:
        raise ValueError("a damaged header")
    width, height, *rest = map(int, header.groups())
    maximum = rest[0] if rest else 1
    check(width, height)
    if not 1 <= maximum <= MAX_LEVELS:
        raise ValueError(f"a maximum of {maximum}, expected 1 to {MAX_LEVELS}")
    colours = 3 if kind in b"36" else 1
    if kind in b"456" and data[header.end() : header.end() + 1] not in tuple(bytes([space]) for space in SPACES):
        raise ValueError("a damaged header")
    count = width * height * colours
    if kind == b"4":
        samples = _bits(data, header.end() + 1, width, height)
    elif kind in b"56":
        samples = _binary(data, header.end() + 1, count, maximum)
    else:
        samples = _plain(data[header.end() :], count, digits=kind == b"1")
    samples = samples.reshape(height, width, colours)
    if kind in b"14":
        if samples.max(initial=0) > 1:
            raise ValueError(f"a bit of {samples.max()}")
        samples = 1 - samples  # in PBM 1 is black
    if maximum == 255:  # as it is
        if samples.dtype != np.uint8 and samples.max(initial=0) > 255:
            raise ValueError(f"a sample of {samples.max()}, expected at most 255")
        samples = samples.astype(np.uint8, copy=False)
        return Image.fromarray(samples[..., 0] if colours == 1 else samples), 1
    return deep.to_8_bits(samples, maximum), 1


def _binary(data: bytes, start: int, count: int, maximum: int) -> np.ndarray:
    kind = np.dtype(">u2" if maximum > 255 else np.uint8)
    if len(data) - start < count * kind.itemsize:
        raise ValueError(f"it holds {max(0, len(data) - start)} bytes of pixels, expected {count * kind.itemsize}")
    return np.frombuffer(data, kind, count, start).astype(kind.newbyteorder("="), copy=False)


def _bits(data: bytes, start: int, width: int, height: int) -> np.ndarray:
    row = -(-width // 8)
    return np.unpackbits(_binary(data, start, row * height, 255).reshape(height, row), axis=1)[:, :width]


def _plain(text: bytes, count: int, *, digits: bool) -> np.ndarray:
    """``count`` numbers in ASCII, uint16; between bits the spaces may be missing."""
    text = COMMENT.sub(b"", text)
    if digits:
        text = _only_digits(text.translate(None, SPACES))
        return np.frombuffer(text, np.uint8, _enough(len(text), count)) - ord("0")
    parts, total, place = [], 0, 0
    while total < count and place < len(text):
        gap = GAP.search(text, place + CHARACTERS)
        end = gap.start() if gap else len(text)
        piece = text[place:end]
        _only_digits(piece.translate(None, SPACES))
        if LONG.search(piece):
            raise ValueError("a sample of ten digits or more")
        numbers = np.fromstring(piece, np.int64, sep=" ")[: count - total] if piece.strip() else np.empty(0, np.int64)
        if numbers.max(initial=0) > MAX_LEVELS:
            raise ValueError(f"a sample of {numbers.max()}")
        parts.append(numbers.astype(np.uint16))
        total, place = total + len(numbers), end
    _enough(total, count)
    return np.concatenate(parts)


def _only_digits(text: bytes) -> bytes:
    if text and not text.isdigit():
        raise ValueError("something other than numbers")
    return text


def _enough(held: int, expected: int) -> int:
    if held < expected:
        raise ValueError(f"it holds {held} samples, expected {expected}")
    return expected
