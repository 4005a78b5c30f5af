"""PNG: the chunks that make pixels, with their checksums right; text, profiles, EXIF and animation are left out.

Source: Portable Network Graphics (PNG) Specification, third edition, sections 5, 11 and 12.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from pipeline.data.containers import Unhandled, deep, orientation

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
# Of an interlaced picture: first column and row, and the steps to the next.
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
BAND = 2**18  # pixels of 16 bits that are read at once
PIECE = 2**20  # bytes that are unpacked at once
MAX_TEXT = 2**20  # bytes of a text that are unpacked in search of an orientation
XMP, OLD_EXIF = b"XML:com.adobe.xmp", b"Raw profile type exif"


def load(data: bytes, check: Callable[[int, int], None]) -> tuple[Image.Image, int]:
    """The picture, or the still picture of an animation; mode "1", "L", "LA", "P", "RGB" or "RGBA"."""
    chunks: dict[bytes, bytes] = {}
    keep, exif, xmp, pixels = [SIGNATURE], None, None, False
    for kind, body, raw in _chunks(data):
        if kind == b"eXIf":
            exif = body
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            exif, xmp = _text(kind, body, exif, xmp)
        elif kind == b"CgBI":
            raise Unhandled("PNG of an iPhone application")
        elif kind not in PIXELS:
            if not kind[0] & 32:
                raise ValueError(f"a chunk of unknown kind {kind!r}")
            continue
        if kind not in PIXELS:
            continue
        # Pillow ignores the checksums of pixels, and sometimes the checksum inside the compressed data.
        if zlib.crc32(raw[4:-4]) != int.from_bytes(raw[-4:]):
            raise ValueError(f"wrong checksum of chunk {kind.decode()}")
        if kind == b"IDAT":
            pixels = True
            keep.append(raw)
        elif kind not in chunks:
            chunks[kind] = body
            if kind == b"IHDR":
                _check_header(body, check)
            # A colour key is laid over white here, in the depth of the file; Pillow compares it in 8 bits.
            if kind != b"tRNS" or chunks.get(b"IHDR", b"")[9:10] == bytes([PALETTE]):
                keep.append(raw)
    if b"IHDR" not in chunks or not pixels:
        raise ValueError("it holds no picture")
    if b"IEND" not in chunks:
        keep.append(b"\0\0\0\0IEND\xaeB`\x82")  # only the end mark is lost; the pixels have their own checksums
    _, _, depth, colours = struct.unpack_from(">LLBB", chunks[b"IHDR"])
    if colours == PALETTE and (not chunks.get(b"PLTE") or len(chunks[b"PLTE"]) % 3):
        raise ValueError("no palette")
    key = _key(chunks.get(b"tRNS"), colours)
    plain = b"".join(keep)
    if depth == 16 and colours != GREY:
        samples = _deep(plain, chunks[b"IHDR"])
        image = deep.to_8_bits(samples, 65535, alpha=colours in (GREY_ALPHA, RGB_ALPHA), key=key)
        return image, orientation.read(exif, xmp)
    with Image.open(io.BytesIO(plain), formats=("PNG",)) as image:
        image.load()
    # Pillow passes pixels of fewer rows without a word; the last rows are black then.
    if chunks[b"IHDR"][12] or not image.crop((0, image.height - 1, *image.size)).tobytes().strip(b"\0"):
        _pixels(plain, chunks[b"IHDR"], keep=False)
    if depth == 16:
        image = deep.to_8_bits(np.asarray(image)[:, :, None], 65535, alpha=False, key=key)
    elif key is not None:
        image = _keyed(image, key, depth)
    elif colours == PALETTE and image.getextrema()[1] >= len(chunks[b"PLTE"]) // 3:
        raise ValueError("colours beyond its palette")
    return image, orientation.read(exif, xmp)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind, content and the whole of each chunk up to the end mark; stops where an unneeded chunk is cut."""
    place = len(SIGNATURE)
    while place < len(data):
        head = data[place : place + 8]
        length, kind = int.from_bytes(head[:4]), head[4:]
        end = place + 12 + length
        if len(head) < 8 or not kind.isalpha() or end > len(data):
            if kind == b"IEND":  # cut inside the end mark
                return
            if len(head) == 8 and kind.isalpha() and kind not in PIXELS and kind[0] & 32:
                return
            raise ValueError("it ends inside a chunk" if kind.isalpha() or len(head) < 8 else "a damaged chunk")
        yield kind, data[place + 8 : end - 4], data[place:end]
        if kind == b"IEND":
            return
        place = end


def _check_header(body: bytes, check: Callable[[int, int], None]) -> None:
    if len(body) != 13:
        raise ValueError("a damaged header")
    width, height, depth, colours, packing, filters, interlaced = struct.unpack(">LLBBBBB", body)
    if not width or not height or depth not in DEPTHS.get(colours, ()) or packing or filters or interlaced > 1:
        raise ValueError("a damaged header")
    check(width, height)


def _text(kind: bytes, body: bytes, exif: bytes | None, xmp: bytes | None) -> tuple[bytes | None, bytes | None]:
    """EXIF and XMP from a text that may hold them; no other text is so much as unpacked."""
    word, _, rest = body.partition(b"\0")
    if kind == b"iTXt" and word == XMP:
        packed, rest = rest[:1], rest[2:].split(b"\0", 2)[-1]
        xmp = _unpack(rest) if packed == b"\1" else rest[:MAX_TEXT]
    elif kind in (b"tEXt", b"zTXt") and word == OLD_EXIF and exif is None:
        text = _unpack(rest[1:]) if kind == b"zTXt" else rest[:MAX_TEXT]
        with contextlib.suppress(ValueError):
            exif = bytes.fromhex("".join(text.decode("ascii").split("\n")[3:]))
    return exif, xmp


def _passes(header: bytes) -> Iterator[tuple[slice, slice, int, int, int]]:
    """Of each pass over the picture: its columns and rows, how many of both, and a row's bytes with its filter."""
    width, height, depth, colours, _, _, interlaced = struct.unpack(">LLBBBBB", header)
    for left, top, across, down in PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            row = 1 + -(-columns * depth * SAMPLES[colours] // 8)
            yield slice(left, None, across), slice(top, None, down), columns, rows, row


def _pixels(plain: bytes, header: bytes, keep: bool) -> bytearray:
    """The unpacked pixels, as filtered; nothing with ``keep`` False. Raises ValueError where there are too few."""
    expected = sum(rows * row for _, _, _, rows, row in _passes(header))
    stream, unpacked, count = zlib.decompressobj(), bytearray(), 0
    for kind, body, _ in _chunks(plain):
        while kind == b"IDAT" and body and not stream.eof and count <= expected:
            piece = stream.decompress(body, PIECE)
            body, count = stream.unconsumed_tail, count + len(piece)
            if keep:
                unpacked += piece
    if count < expected:
        raise ValueError(f"{count} bytes of pixels, expected {expected}")
    return unpacked


def _unpack(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, MAX_TEXT)
    except zlib.error:
        return b""


def _key(body: bytes | None, colours: int) -> tuple[int, ...] | None:
    """The sample values that mean "transparent", as many as colours; None where none do."""
    length = {GREY: 2, RGB: 6}.get(colours)
    if body is None or length is None or len(body) < length:
        return None
    return struct.unpack(f">{length // 2}H", body[:length])


def _keyed(image: Image.Image, key: tuple[int, ...], depth: int) -> Image.Image:
    """The picture with alpha 0 where its colour is ``key``, which is in the file's depth."""
    if image.mode == "1":
        image = image.convert("L")
    samples = np.atleast_3d(np.asarray(image))
    scale = 255 // ((1 << depth) - 1)
    hidden = (samples == np.array([(value & ((1 << depth) - 1)) * scale for value in key], np.uint8)).all(axis=2)
    alpha = Image.fromarray(np.where(hidden, np.uint8(0), np.uint8(255)))
    image = image.copy()
    image.putalpha(alpha)
    return image


def _deep(plain: bytes, header: bytes) -> np.ndarray:
    """uint16 samples (H, W, colours), of which Pillow would keep the upper halves only.

    Filters compare each byte of a pixel with the same byte of its neighbours. So the upper halves with the filters of
    the rows are a picture of 8 bits, the lower ones another, and Pillow reads both.
    """
    width, height, _, colours = struct.unpack_from(">LLBB", header)
    raw, place = _pixels(plain, header, keep=True), 0
    picture = np.empty((height, width, SAMPLES[colours]), np.uint16)
    for across, down, columns, rows, row in _passes(header):
        part = np.frombuffer(raw, np.uint8, rows * row, place).reshape(rows, row)
        place += rows * row
        whole, step = picture[down, across], max(1, BAND // columns)
        above = np.zeros((2, 0, row - 1 >> 1), np.uint8)  # of both halves the row before, which filters look at
        for top in range(0, rows, step):
            band = part[top : top + step]
            halves = [_bytes(band[:, :1], band[:, 1 + half :: 2], above[half], columns, colours) for half in (0, 1)]
            whole[top : top + step] = halves[0].astype(np.uint16) << 8 | halves[1]
            above = np.stack([half[-1:].reshape(1, -1) for half in halves])
    return picture


def _bytes(filters: np.ndarray, samples: np.ndarray, above: np.ndarray, columns: int, colours: int) -> np.ndarray:
    """uint8 (rows, columns, colours) from filtered rows and the row ``above`` them, if any, which is not filtered."""
    rows = np.concatenate((filters, samples), axis=1)
    rows = np.concatenate((np.pad(above, ((0, 0), (1, 0))), rows))
    header = struct.pack(">LLBBBBB", columns, len(rows), 8, colours, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 0)), (b"IEND", b""))
    pieces = [struct.pack(">L", len(body)) + kind + body + zlib.crc32(kind + body).to_bytes(4) for kind, body in chunks]
    with Image.open(io.BytesIO(SIGNATURE + b"".join(pieces)), formats=("PNG",)) as image:
        return np.asarray(image)[len(above) :]
