"""Image files made on the spot, whole and in pieces, for the tests of decoding."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw

from pipeline.data.images import open_image

JPEG_START = b"\xff\xd8"


def encode(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def pixels(data, channels=3, name="x.jpg"):
    return np.asarray(open_image(data, name, channels=channels))


def photo(width=96, height=80, seed=0):
    """Smooth parts, edges and grain, as photos have; nothing flat."""
    generator = np.random.default_rng(seed)
    image = Image.fromarray(generator.integers(0, 256, (7, 9, 3), dtype=np.uint8))
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = (int(n) for n in generator.integers(0, (width, height)))
        draw.line((x, y, width - x, height - y), fill=tuple(int(n) for n in generator.integers(0, 256, 3)))
    grain = generator.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def chunk(kind, content):
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


def png(samples, depth, colours, extra=b"", interlaced=0):
    """A PNG of samples (H, W, n) without filters; ``extra`` are chunks before the pixels."""
    height, width = samples.shape[:2]
    rows = samples.reshape(height, -1)
    if depth == 16:
        rows = rows.astype(">u2").view(np.uint8)
    elif depth < 8:
        bits = np.unpackbits(rows.astype(np.uint8)[..., None], axis=2)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(height, -1), axis=1)
    raw = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in rows)
    header = struct.pack(">LLBBBBB", width, height, depth, colours, 0, 0, interlaced)
    parts = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def add_to_png(data, *chunks):
    return data[:33] + b"".join(chunks) + data[33:]


def add_to_jpeg(data, marker, content):
    return JPEG_START + bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content + data[2:]


def add_to_webp(data, kind, content):
    """With the extended header that metadata take."""
    width, height = Image.open(io.BytesIO(data)).size
    flags = {b"EXIF": 0x08, b"XMP ": 0x04, b"ICCP": 0x20}[kind]
    start = struct.pack("<4sLB3x", b"VP8X", 10, flags) + (width - 1).to_bytes(3, "little")
    start += (height - 1).to_bytes(3, "little")
    added = kind + struct.pack("<L", len(content)) + content + b"\0" * (len(content) % 2)
    inside = start + added + data[12:] if kind == b"ICCP" else start + data[12:] + added
    return b"RIFF" + struct.pack("<L", 4 + len(inside)) + b"WEBP" + inside


def exif_entry(kind, count, value, order="<"):
    """An EXIF block of one directory with one entry, the orientation; ``value`` are four bytes."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "LHHHL", 8, 1, 0x0112, kind, count) + value
    return b"Exif\0\0" + mark + entry + bytes(4)


def tiff(tags, content=b"", order="<"):
    """A TIFF of ``tags`` {number: (type, values)}; where a value is None it is the place of ``content``."""
    start, formats = 8, {1: "B", 3: "H", 4: "L", 5: "L", 2: "B"}
    place = start + 2 + 12 * len(tags) + 4
    fields, extra = b"", b""
    sizes = {tag: struct.calcsize(order + formats[kind]) * len(values) for tag, (kind, values) in tags.items()}
    beyond = place + sum(size + size % 2 for size in sizes.values() if size > 4)
    for tag, (kind, values) in sorted(tags.items()):
        values = [beyond if value is None else value for value in values]
        packed = struct.pack(f"{order}{len(values)}{formats[kind]}", *values)
        field = packed.ljust(4, b"\0")
        if len(packed) > 4:
            field = struct.pack(order + "L", place + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
        fields += struct.pack(order + "HHL", tag, kind, len(values)) + field
    mark = b"II*\0" if order == "<" else b"MM\0*"
    count = struct.pack(order + "H", len(tags))
    return mark + struct.pack(order + "L", start) + count + fields + bytes(4) + extra + content


def grey_tiff(samples, depth=8, order="<", **tags):
    """Uncompressed grey TIFF; ``tags`` t<number>=(type, values) add to its tags, None takes one away."""
    height, width = samples.shape
    content = samples.astype({8: "u1", 16: order + "u2", 32: order + "u4"}[depth]).tobytes()
    result = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [depth]), 259: (3, [1]), 262: (3, [1]), 273: (4, [None]),
        277: (3, [1]), 278: (4, [height]), 279: (4, [len(content)]),
    }  # fmt: skip
    result.update({int(name[1:]): value for name, value in tags.items()})
    return tiff({tag: value for tag, value in result.items() if value is not None}, content, order)
