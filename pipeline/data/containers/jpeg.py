"""JPEG: every segment but metadata goes on to libjpeg, after it is sure that the scans hold the whole picture.

libjpeg fills what is missing with grey and only warns, which Pillow does not pass on. Markers, headers and the number
of bytes are looked at in every file, and whether the last row comes with the last bytes; what then looks odd is
followed code by code (pipeline.data.containers.jpeg_codes).
Source: ITU-T T.81, Annexes B, F and G.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from pipeline.data.containers import Unhandled, jpeg_codes, orientation, zeros_in

SOI, EOI, SOS, DHT, DRI = b"\xff\xd8", 0xD9, 0xDA, 0xC4, 0xDD
FRAMES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive"}
OTHER_FRAMES = {
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "lossless", 0xC9: "arithmetic-coded",
    0xCA: "arithmetic-coded", 0xCB: "lossless", 0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "lossless",
}  # fmt: skip
# JFIF and Adobe say what the colours mean; all other application segments and comments are left out.
METADATA = frozenset(range(0xE1, 0xF0)) - {0xEE} | {0xFE}
EXIF, XMP_NAME = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
# In a scan FF 00 is a byte FF, FF D0 to FF D7 divide it; any other marker ends it.
SCAN_END = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
RESTART = re.compile(rb"\xff[\xd0-\xd7]")
MODES = {1: ("L", "L"), 3: ("RGB", "RGB"), 4: ("CMYK", "CMYK;I")}  # four colours are stored inverted, as Adobe does
MAX_SCANS = 100  # encoders make about a dozen; each costs a pass over the picture, however few its bytes
FACTORS = {1, 2, 3, 4}
MAX_BLOCK_BYTES = 2 * 1665 // 8 + 1  # 27 bits for DC, 26 for each of 63 coefficients, every byte stuffed
# What the last row is filled with to see when it comes: no row of a picture has all of these.
MARKS = {
    "L": (251, 3, 239, 13, 247),
    "RGB": ((251, 3, 127), (3, 251, 5), (127, 1, 253), (250, 7, 11), (9, 130, 249)),
    "CMYK": ((251, 3, 127, 2), (3, 251, 5, 9), (127, 1, 253, 251), (250, 7, 11, 0), (9, 130, 249, 77)),
}
HELD_BACK = 2
AHEAD = bytes(8)  # what libjpeg reads ahead at most
ODD_BYTES_PER_PIXEL = 2


@dataclass
class Component:
    """A colour of the frame: ``across`` x ``down`` blocks of it in each unit of the picture."""

    across: int
    down: int


@dataclass
class Scan:
    """``tables`` are the codes in force (class, number) -> (16 counts, symbols, shortest); ``data`` the coded bytes."""

    parts: list[tuple[int, int, int]]  # component, table of DC, table of AC
    first: int
    last: int
    high: int
    low: int
    tables: dict[tuple[int, int], tuple[bytes, bytes, int]]
    interval: int
    data: bytes


@dataclass
class Frame:
    """The picture as its headers say it is, in pixels."""

    kind: str
    width: int
    height: int
    components: dict[int, Component]
    unit: tuple[int, int]  # width and height of what an interleaved scan codes at once
    scans: list[Scan] = field(default_factory=list)

    def units(self, scan: Scan) -> tuple[int, list[tuple[int, int, int]]]:
        """How many units the scan codes, and the parts of each, one entry for every block."""
        wide, high = self.unit
        if len(scan.parts) == 1:  # alone, a component has no blocks beyond the picture's edge
            part = self.components[scan.parts[0][0]]
            columns, rows = -(-self.width * part.across // wide), -(-self.height * part.down // high)
            return columns * rows, scan.parts
        blocks = [p for p in scan.parts for _ in range(self.components[p[0]].across * self.components[p[0]].down)]
        return -(-self.width // wide) * -(-self.height // high), blocks


def load(data: bytes, check: Callable[[int, int], None]) -> tuple[Image.Image, int]:
    """The first picture of the file, mode "L", "RGB" or "CMYK", and its orientation."""
    plain, turn, frame = unpack(data)
    check(frame.width, frame.height)
    verify(frame)
    if len(frame.components) not in MODES:
        raise Unhandled(f"JPEG of {len(frame.components)} colours")
    image, in_step = _decode(plain, frame)
    if not in_step or _odd(frame) or _ends_in_grey(image, frame):
        zeros = jpeg_codes.follow(frame)
        if zeros and zeros > 2 * zeros_in.repeated(image, 8):  # of six blocks, four show as squares of eight pixels
            raise ValueError("a part of its data is zeros")
    return image, turn


def _decode(plain: bytes, frame: Frame) -> tuple[Image.Image, bool]:
    """The picture, and whether libjpeg came to its last row where the data ends, as far as that can be seen.

    It is fed in three parts. After the first, all but the last bytes, the last row must not be there; after the
    second, these bytes and as many more as it reads ahead, but no end mark, it must. Raises ValueError where it is
    not.
    """
    mode, stored = MODES[len(frame.components)]
    image = Image.new(mode, (frame.width, frame.height))
    # As Image.open and Image.frombytes do, but those read all the headers again, and take the data as a whole.
    decoder = Image._getdecoder(mode, "jpeg", (stored, ""))
    decoder.setimage(image.im, (0, 0, frame.width, frame.height))
    early = False
    try:
        if frame.kind == "progressive" or len(frame.scans) > 1:  # no row comes before the last scan
            done, status = decoder.decode(plain)
        else:
            pixels, bottom = image.load(), frame.height - 1
            marks = {frame.width * number // 5: value for number, value in enumerate(MARKS[mode])}
            for column, value in marks.items():
                pixels[column, bottom] = value
            done, status = decoder.decode(plain[: -2 - HELD_BACK])
            if done >= 0:
                early = any(pixels[column, bottom] != value for column, value in marks.items())
                rest = plain[done:-2] + AHEAD
                done, status = decoder.decode(rest)
                if done >= 0:
                    if all(pixels[column, bottom] == value for column, value in marks.items()):
                        raise ValueError("its data runs out before the picture is complete")
                    done, status = decoder.decode(rest[done:] + b"\xff\xd9")
    finally:
        decoder.cleanup()
    if done >= 0 or status < 0:
        raise ValueError("its data runs out before the picture is complete" if done >= 0 else "damaged data")
    return image, not early


def unpack(data: bytes) -> tuple[bytes, int, Frame]:
    """The file without metadata, up to the end of its first picture; the orientation; what the headers say."""
    keep, place, limit = [SOI], 2, len(data)
    frame, tables, interval = None, {}, 0
    exif, xmp = b"", b""
    while True:
        place = data.find(b"\xff", place)
        while 0 <= place < limit - 1 and data[place + 1] == 0xFF:
            place += 1
        if not 0 <= place < limit - 1:
            raise ValueError("it ends before its end marker")
        marker = data[place + 1]
        if marker == EOI:
            break
        if marker in (0x00, 0x01, 0xD8) or 0xD0 <= marker <= 0xD7:  # no segments: they have no length
            place += 2
            continue
        length = int.from_bytes(data[place + 2 : place + 4])
        end = place + 2 + length
        if length < 2 or end > limit:
            raise ValueError("it ends inside a segment")
        body = data[place + 4 : end]
        if marker in METADATA:
            if marker == 0xE1 and body.startswith(EXIF):
                exif += body.removeprefix(EXIF) if exif else body
            elif marker == 0xE1 and body.startswith(XMP_NAME):
                xmp = body
            place = end
            continue
        if marker in FRAMES and frame is None:
            frame = _frame(FRAMES[marker], body)
        elif marker in OTHER_FRAMES:
            raise Unhandled(f"{OTHER_FRAMES[marker]} JPEG")
        elif marker in FRAMES:
            raise ValueError("two frame headers")
        elif marker == DHT:
            tables = {**tables, **_tables(body)}
        elif marker == DRI:
            interval = int.from_bytes(body[:2])
        elif marker == SOS:
            if frame is None:
                raise ValueError("a scan before the frame header")
            scan_end = SCAN_END.search(data, end)
            if scan_end is None:
                raise ValueError("it ends inside a scan")
            frame.scans.append(_scan(body, tables, interval, data[end : scan_end.start()]))
            end = scan_end.start()
        keep.append(data[place:end])
        place = end
    if frame is None or not frame.scans:
        raise ValueError("it holds no picture")
    keep.append(b"\xff\xd9")
    return b"".join(keep), orientation.read(exif, xmp), frame


def _frame(kind: str, body: bytes) -> Frame:
    bits, height, width, count = struct.unpack_from(">BHHB", body)
    if bits != 8:
        raise Unhandled(f"JPEG of {bits} bits per sample")
    if not 1 <= count <= 4:
        raise ValueError(f"{count} colours")
    if len(body) < 6 + 3 * count or not width or not height:
        raise ValueError("a damaged frame header")
    if count == 1:  # the factors of a single component say nothing
        return Frame(kind, width, height, {body[6]: Component(1, 1)}, (8, 8))
    parts = {body[i]: Component(body[i + 1] >> 4, body[i + 1] & 15) for i in range(6, 6 + 3 * count, 3)}
    across, down = {part.across for part in parts.values()}, {part.down for part in parts.values()}
    if len(parts) != count or not across | down <= FACTORS:
        raise ValueError("a damaged frame header")
    return Frame(kind, width, height, parts, (8 * max(across), 8 * max(down)))


def _tables(body: bytes) -> dict[tuple[int, int], tuple[bytes, bytes, int]]:
    tables, place = {}, 0
    while place < len(body):
        counts = body[place + 1 : place + 17]
        end = place + 17 + sum(counts)
        shortest = 17 - len(counts.lstrip(b"\0"))
        if len(counts) < 16 or end > len(body) or not 0 < end - place - 17 <= 256:
            raise ValueError("a damaged table of codes")
        tables[body[place] >> 4, body[place] & 15] = counts, body[place + 17 : end], shortest
        place = end
    return tables


def _scan(body: bytes, tables: dict, interval: int, data: bytes) -> Scan:
    count = body[0] if body else 0
    if not 1 <= count <= 4 or len(body) < 4 + 2 * count:
        raise ValueError("a damaged scan header")
    parts = [(body[i], body[i + 1] >> 4, body[i + 1] & 15) for i in range(1, 1 + 2 * count, 2)]
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    return Scan(parts, first, last, bits >> 4, bits & 15, tables, interval, data)


def verify(frame: Frame) -> None:
    """Raise ValueError where the scans cannot hold the whole picture: by what they name, and by their bytes."""
    if len(frame.scans) > MAX_SCANS:
        raise ValueError(f"{len(frame.scans)} scans, expected at most {MAX_SCANS}")
    for scan in frame.scans:
        if any(name not in frame.components for name, _, _ in scan.parts):
            raise ValueError("a scan of a colour that the frame does not have")
        _verify_bytes(frame, scan)
    if frame.kind == "progressive":
        _verify_progress(frame)
    elif len({name for scan in frame.scans for name, _, _ in scan.parts}) < len(frame.components):
        raise ValueError("the scan of a colour is missing")


def _verify_progress(frame: Frame) -> None:
    # How many low bits of each coefficient are still to come; None: nothing of it has come yet.
    missing: dict[int, list[int | None]] = {name: [None] * 64 for name in frame.components}
    for scan in frame.scans:
        if not scan.first <= scan.last <= 63 or scan.first and len(scan.parts) > 1:
            raise ValueError("a damaged scan header")
        for name, _, _ in scan.parts:
            missing[name][scan.first : scan.last + 1] = [scan.low] * (scan.last + 1 - scan.first)
    if any(bits != 0 for left in missing.values() for bits in left):
        raise ValueError("scans are missing")


def _verify_bytes(frame: Frame, scan: Scan) -> None:
    units, blocks = frame.units(scan)
    least = sum(_least_bits(frame, scan, dc, ac) * blocks.count((n, dc, ac)) for n, dc, ac in set(blocks)) * units
    size, most = len(scan.data), MAX_BLOCK_BYTES * len(blocks) * units
    if 8 * size < least or size > most + 4 * units:
        raise ValueError(
            f"{size} bytes of data for {frame.width}x{frame.height} pixels, which take {-(-least // 8)} to {most}"
        )
    if scan.interval:
        marks, expected = len(RESTART.findall(scan.data)), (units - 1) // scan.interval
        if not expected <= marks <= expected + 1:
            raise ValueError(f"{marks} restart markers, expected {expected}")


def _least_bits(frame: Frame, scan: Scan, dc: int, ac: int) -> int:
    """The fewest bits that any block can take in this scan."""
    if frame.kind != "progressive":
        return _shortest(scan, 0, dc) + _shortest(scan, 1, ac)
    if scan.first > 0:
        return 0  # one code may end thousands of blocks
    return 1 if scan.high else _shortest(scan, 0, dc)


def _shortest(scan: Scan, kind: int, number: int) -> int:
    table = scan.tables.get((kind, number))
    return table[2] if table else 2  # without tables (MJPEG) the usual tables are meant


def _odd(frame: Frame) -> bool:
    """Whether the codes are to be followed for what the headers say alone."""
    if frame.kind != "progressive" and len(frame.scans) > 1:
        return True  # where data ran out, only one colour is grey
    size = sum(len(scan.data) for scan in frame.scans)
    return size > ODD_BYTES_PER_PIXEL * frame.width * frame.height or any(
        zeros_in.LEAST in scan.data for scan in frame.scans
    )


def _ends_in_grey(image: Image.Image, frame: Frame) -> bool:
    """Whether the last unit is the grey that libjpeg fills in where data has run out."""
    grey = {127, 128}  # CMYK is stored inverted
    width, height = image.size
    last = image.getpixel((width - 1, height - 1))
    if not grey.issuperset(last if isinstance(last, tuple) else (last,)):
        return False
    wide, high = frame.unit
    # The colours of the unit before reach a pixel or two into this unit.
    left, upper = (width - 1) // wide * wide + 2, (height - 1) // high * high + 2
    if left >= width or upper >= height:
        return True
    values = image.crop((left, upper, width, height)).getextrema()
    values = values if isinstance(values[0], tuple) else (values,)
    return all(grey.issuperset(pair) for pair in values)
