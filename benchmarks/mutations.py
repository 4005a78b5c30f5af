"""Small damages to files that keep enough of their structure to reach what lies behind the first checks."""

from __future__ import annotations

import gzip
import io
import random
import re
import struct
import zipfile
import zlib

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)
TOKENS = (
    b"[" * 3000, b'{"a":' * 2000, b"9" * 5000, b"-1", b"1e999", b"NaN", b"-Infinity", b"\0", b'"', b'"' * 999, b",",
    b"," * 5000, b"\n", b"\r", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"\x1b[2J", b"../", b"&a [*a,*a]", b"!!python/x",
    b"0" * 999, b"n" * 70_000, b"\xe2\x80\xae", b"*", b": ", b"- ", b"null", b"true", b"{}", b"[]", b"\t", b"#", b"1_0",
)  # fmt: skip


def damaged(data: bytes, draw: random.Random) -> bytes:
    """``data`` with one to four places changed: bits, numbers that lie, cuts, insertions, blocks twice or exchanged."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        data = _once(data, draw)
    return data


def _once(data: bytes, draw: random.Random) -> bytes:
    content, size = bytearray(data), len(data)
    if not size:
        return draw.choice(TOKENS)
    place, other = draw.randrange(size), draw.randrange(size)
    count = draw.choice((1, 2, 4, 8, 30, 512, max(1, size // 3)))
    match draw.randrange(9):
        case 0:
            content[place] ^= 1 << draw.randrange(8)
        case 1:
            content[place] = draw.randrange(256)
        case 2:
            width, order = draw.choice((1, 2, 4, 8)), draw.choice(("little", "big"))
            content[place : place + width] = (draw.choice(NUMBERS) % 256**width).to_bytes(width, order)
        case 3:
            del content[place : place + count]
        case 4:
            del content[place:]
        case 5:
            content[place:place] = content[other : other + count] * draw.choice((1, 1, 2, 50))
        case 6:
            content[place : place + count] = content[other : other + count]
        case 7:
            content[place:place] = draw.choice(TOKENS)
        case 8:  # a number in text
            numbers = list(re.finditer(rb"\d+", data[:100_000]))
            if numbers:
                start, end = draw.choice(numbers).span()
                content[start:end] = b"%d" % draw.choice((*NUMBERS, -1, 10**30))
    return bytes(content[: 4 * 2**20])


def damaged_tar(data: bytes, draw: random.Random) -> bytes:
    """As ``damaged``, of headers above all, with their checksums put right most of the time."""
    content = bytearray(data)
    if draw.random() < 0.6:
        header = 512 * draw.randrange(max(1, len(content) // 512))
        place, width = draw.choice(
            ((0, 100), (100, 8), (124, 12), (124, 12), (124, 12), (156, 1), (157, 100), (345, 155))
        )
        value = draw.choice((
            b"\xff" * width, b"\x80" + b"\x7f" * (width - 1), b"7" * width, bytes(width), draw.randbytes(width),
            draw.choice((b"L", b"K", b"x", b"g", b"S", b"5", b"2", b"7")) * width,
        ))  # fmt: skip
        content[header + place : header + place + width] = value
    else:
        content[:] = damaged(data, draw)
    if draw.random() < 0.9:
        for start in range(0, len(content) - 511, 512):
            if content[start + 257 : start + 262] == b"ustar":
                content[start + 148 : start + 156] = b" " * 8
                content[start + 148 : start + 156] = b"%06o\0 " % (sum(content[start : start + 512]) % 8**6)
    return bytes(content)


def damaged_tgz(data: bytes, draw: random.Random) -> bytes:
    """A damaged tar in a good gzip, or a good tar in a damaged one."""
    if draw.random() < 0.25:
        return damaged(data, draw)
    inner = damaged_tar(gzip.decompress(data), draw)
    cut = draw.randrange(len(inner) + 1)
    return gzip.compress(inner, 1) if draw.random() < 0.7 else gzip.compress(inner[:cut]) + gzip.compress(inner[cut:])


def damaged_zip(data: bytes, draw: random.Random) -> bytes:
    """A damaged file in a good zip of any method, or damaged headers."""
    if draw.random() < 0.5:
        content = bytearray(data)
        marks = [match.start() for match in re.finditer(rb"PK(\x01\x02|\x03\x04|\x05\x06|\x06\x06|\x06\x07)", data)]
        for _ in range(draw.choice((1, 1, 2, 5))):
            place = draw.choice(marks) + 4 + draw.randrange(44)
            width = draw.choice((1, 2, 2, 4, 4, 8))
            value = draw.choice((*NUMBERS, 8, 9, 12, 14, 93, 98, draw.randrange(len(data))))
            content[place : place + width] = (value % 256**width).to_bytes(width, "little")
        return bytes(content)
    if draw.random() < 0.2:
        return damaged(data, draw)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice(list(files))
    files[name] = damaged(files[name], draw)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", draw.choice((0, 8, 12, 14))) as archive:
        for each, content in files.items():
            archive.writestr(each, content)
    return made.getvalue()


def damaged_png(data: bytes, draw: random.Random) -> bytes:
    """A damaged chunk with a good checksum, most of the time; pixels are damaged before they are compressed."""
    if draw.random() < 0.3:
        return damaged(data, draw)
    chunks, place = [], 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    number = draw.randrange(len(chunks))
    kind, content = chunks[number]
    if kind == b"IDAT" and draw.random() < 0.5:
        content = zlib.compress(damaged(zlib.decompress(content), draw))
    else:
        content = damaged(content, draw)
    kind = draw.choice((kind, kind, kind, b"tRNS", b"PLTE", b"eXIf", b"iCCP", b"zTXt", b"fcTL", b"acTL", b"fdAT"))
    chunks[number] = (kind, content)
    if draw.random() < 0.3:
        chunks.insert(draw.randrange(len(chunks)), draw.choice(chunks))
    return data[:8] + b"".join(
        struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def damaged_safetensors(data: bytes, draw: random.Random) -> bytes:
    """A damaged header whose length is right, most of the time."""
    if draw.random() < 0.3:
        return damaged(data, draw)
    size = int.from_bytes(data[:8], "little")
    header = damaged(data[8 : 8 + size], draw)
    return struct.pack("<Q", len(header)) + header + data[8 + size :]
