"""Whether the strips or tiles of a TIFF picture are all there and complete, by the rules of their compression.

libtiff passes some damage on as if it were pixels: strips that are not listed stay black, and it stops reading a
strip before the checksum at its end. Source: TIFF 6.0 (Adobe, 1992), sections 3, 9, 13, 15 and 22, and technical note
2.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator

from pipeline.data.containers import Unhandled, jpeg, jpeg_codes, zeros_in
from pipeline.data.containers.tiff_directory import (
    COMPRESSION,
    JPEG_TABLES,
    PHOTOMETRIC,
    PLANAR,
    ROWS,
    STRIP_BYTES,
    STRIPS,
    SUBSAMPLING,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TILES,
    Directory,
)  # fmt: skip

NONE, LZW, JPEG, DEFLATE, PACKBITS, LZMA, OLD_DEFLATE = 1, 5, 7, 8, 32773, 34925, 32946
OTHERS = {
    2: "CCITT runs", 3: "CCITT Group 3", 4: "CCITT Group 4", 6: "old-style JPEG", 32809: "ThunderScan",
    34676: "SGI LogLuv", 34677: "SGI LogLuv", 34712: "JPEG 2000", 34887: "LERC", 50000: "Zstandard", 50001: "WebP",
    34713: "Nikon's raw compression", 32767: "Sony's raw compression", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
HANDLED = "none, LZW, deflate, PackBits, JPEG or LZMA"
YCBCR = 6
MOST_BEYOND, LEAST_TILES = 4, 2**22  # pixels of tiles for each of the picture, and pixels that are never too many
PIECE = 2**20  # bytes that are unpacked at once
LZMA_MEMORY = 2**27  # bytes; a header may ask for gigabytes


def verify(directory: Directory, width: int, height: int, samples: int, depth: int) -> None:
    """Raise ValueError where a strip is missing, cut or damaged, Unhandled for other compressions than HANDLED."""
    compression = directory.number(COMPRESSION, NONE)
    if compression not in (NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA):
        raise Unhandled(f"TIFF compressed by {OTHERS.get(compression, compression)}", f"compressions: {HANDLED}")
    apart = directory.number(PLANAR, 1) == 2
    across, down = (1, 1)
    if directory.number(PHOTOMETRIC, 0) == YCBCR and not apart:  # several pixels share their colours
        across, down = directory.numbers(SUBSAMPLING, (2, 2))
        if {across, down} - {1, 2, 4}:
            raise ValueError(f"colours for {across}x{down} pixels")
    for piece, wide, needed, full in _pieces(directory, width, height, samples if apart else 1, compression == NONE):
        if compression == JPEG:
            _jpeg(directory, piece, wide, needed)
            continue
        least, most = (
            -(-wide * depth * (1 if apart else samples) // 8) * rows if across == down == 1
            else -(-wide // across) * -(-rows // down) * (across * down + samples - 1) * depth // 8
            for rows in (needed, full)
        )  # fmt: skip
        if compression == NONE:
            if least > len(piece):
                raise ValueError(f"{len(piece)} bytes for {needed} rows, expected {least}")
        elif compression in (DEFLATE, OLD_DEFLATE):
            _fits(_inflated(piece, most), least, most)
        elif compression == PACKBITS:
            _fits(_packbits(piece), least, most)
        elif compression == LZMA:
            _fits(_unlzma(piece, most), least, most)
        elif zeros_in.LEAST in piece:  # LZW gives a repetition its own code, never zeros again
            raise ValueError("a part of a strip is zeros")


def _pieces(
    directory: Directory, width: int, height: int, layers: int, raw: bool
) -> Iterator[tuple[bytes, int, int, int]]:
    """Of each strip or tile: its bytes, its width in pixels, the rows that are needed of it, and those it may have."""
    tiled = TILES in directory.entries
    if tiled:
        wide, full = directory.number(TILE_WIDTH), directory.number(TILE_HEIGHT)
    else:
        wide, full = width, min(height, directory.number(ROWS, height))
    if wide < 1 or full < 1:
        raise ValueError(f"pieces of {wide}x{full} pixels")
    columns, rows = -(-width // wide), -(-height // full)
    expected = columns * rows * layers
    # Tiles reach beyond the picture; but many tiles that lie almost wholly beyond it would take for ever.
    if columns * wide * rows * full > MOST_BEYOND * width * height + LEAST_TILES:
        raise ValueError(f"pieces of {wide}x{full} pixels")
    offsets = directory.numbers(TILES if tiled else STRIPS)
    lengths = directory.numbers(TILE_BYTES if tiled else STRIP_BYTES)
    if len(offsets) < expected:
        raise ValueError(f"{len(offsets)} {'tiles' if tiled else 'strips'}, expected {expected}")
    for number in range(expected):
        start = offsets[number]
        # Of uncompressed strips the lengths were optional once.
        length = lengths[number] if number < len(lengths) else 0
        if not length and not raw:
            raise ValueError("a strip without bytes")
        end = start + length if length else len(directory.data)
        if start < 8 or end > len(directory.data):
            raise ValueError("it ends inside its pixels")
        needed = full if tiled else min(full, height - number % rows * full)
        yield directory.data[start:end], wide, needed, full


def _fits(size: int, least: int, most: int) -> None:
    if not least <= size <= most:
        raise ValueError(f"a strip of {size} bytes of pixels, expected {least}")


def _inflated(piece: bytes, most: int) -> int:
    """Bytes that a zlib stream unpacks to, its checksum with it; stops beyond ``most``."""
    stream, total, rest = zlib.decompressobj(), 0, piece
    while not stream.eof and total <= most:
        part = stream.decompress(rest, PIECE)
        rest = stream.unconsumed_tail
        total += len(part)
        if not part and not rest and not stream.eof:
            raise ValueError("a strip ends too early")
    return total


def _unlzma(piece: bytes, most: int) -> int:
    """Bytes that an LZMA stream unpacks to, its checksum with it; stops beyond ``most``."""
    stream, total = lzma.LZMADecompressor(memlimit=LZMA_MEMORY), 0
    try:
        while not stream.eof and total <= most:
            part = stream.decompress(piece, PIECE)
            piece = b""
            total += len(part)
            if not part and stream.needs_input:
                raise ValueError("a strip ends too early")
    except lzma.LZMAError as error:
        raise ValueError(f"a damaged strip: {error}") from error
    return total


def _packbits(piece: bytes) -> int:
    """Bytes that runs unpack to."""
    total = place = 0
    while place < len(piece):
        run = piece[place]
        if run < 128:
            place += run + 2
            total += run + 1
            if place > len(piece):
                raise ValueError("a strip ends too early")
        elif run > 128:
            place += 2
            total += 257 - run
        else:
            place += 1
    return total


def _jpeg(directory: Directory, piece: bytes, wide: int, rows: int) -> None:
    tables = directory.raw(JPEG_TABLES, 2**16) or b""
    if tables.startswith(jpeg.SOI) and piece.startswith(jpeg.SOI):
        piece = tables.removesuffix(b"\xff\xd9") + piece[2:]
    if not piece.startswith(jpeg.SOI):
        raise ValueError("a strip that is no JPEG")
    _, _, frame = jpeg.unpack(piece)
    if frame.width < wide or frame.height < rows:
        raise ValueError(f"a strip of {frame.width}x{frame.height} pixels, expected {wide}x{rows}")
    jpeg.verify(frame)
    jpeg_codes.follow(frame)
