"""The directory of a TIFF file's first picture: read within bounds, and written again with what pixels need.

Source: TIFF 6.0 (Adobe, 1992), section 2; BigTIFF.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL, STRIPS = 254, 256, 257, 258, 259, 262, 266, 273
ORIENTATION, SAMPLES, ROWS, STRIP_BYTES, PLANAR, PREDICTOR, COLOURS = 274, 277, 278, 279, 284, 317, 320
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, CHILDREN, EXTRA, FORMAT = 322, 323, 324, 325, 330, 338, 339
JPEG_TABLES, COEFFICIENTS, SUBSAMPLING, POSITIONING, REFERENCE, XMP, DNG = 347, 529, 530, 531, 532, 700, 50706
KEPT = (
    WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL, STRIPS, SAMPLES, ROWS, STRIP_BYTES, PLANAR, PREDICTOR,
    COLOURS, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA, FORMAT, JPEG_TABLES, COEFFICIENTS, SUBSAMPLING,
    POSITIONING, REFERENCE,
)  # fmt: skip
SINGLE = (
    WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, FILL, SAMPLES, ROWS, PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT,
    POSITIONING,
)  # fmt: skip
WHOLE = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 16: "Q", 17: "q"}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
MAX_VALUES = 2**20  # strips or tiles of one picture


@dataclass(frozen=True)
class Entry:
    """A tag's type, its number of values, and its field in the directory: the values, or the offset of these."""

    kind: int
    count: int
    field: bytes


class Directory:
    """The first directory of ``data``; ``several`` says whether more follow.

    Raises ValueError where the file ends inside it.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}[data[:2]]
        self.big = data[2:4] in (b"\x2b\0", b"\0\x2b")
        count, head, word = ("Q", "HHQ", "Q") if self.big else ("H", "HHL", "L")
        self._head, self._count, self._word = self.order + head, self.order + count, self.order + word
        (start,) = self._unpack(self._word, 8 if self.big else 4)
        (entries,) = self._unpack(self._count, start)
        size = struct.calcsize(self._head) + struct.calcsize(self._word)
        start += struct.calcsize(self._count)
        if start + size * entries > len(data):
            raise ValueError("it ends inside its directory")
        self.several = any(data[start + size * entries : start + size * entries + struct.calcsize(self._word)])
        self.entries: dict[int, Entry] = {}
        for place in range(start, start + size * min(entries, 2**16), size):
            tag, kind, number = struct.unpack_from(self._head, data, place)
            field = data[place + struct.calcsize(self._head) : place + size]
            self.entries.setdefault(tag, Entry(kind, number, field))

    def _unpack(self, layout: str, place: int) -> tuple[int, ...]:
        if place + struct.calcsize(layout) > len(self.data):
            raise ValueError("it ends inside its directory")
        return struct.unpack_from(layout, self.data, place)

    def raw(self, tag: int, limit: int) -> bytes | None:
        """The bytes of a tag's values; None without the tag, or where they are not in the file or over ``limit``."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in SIZES:
            return None
        size = entry.count * SIZES[entry.kind]
        if size > limit:
            return None
        if size <= len(entry.field):
            return entry.field[:size]
        (start,) = struct.unpack(self._word, entry.field)
        return self.data[start : start + size] if start + size <= len(self.data) else None

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The whole numbers of a tag. Raises ValueError where it holds something else."""
        entry = self.entries.get(tag)
        if entry is None:
            return default
        content = self.raw(tag, 8 * MAX_VALUES) if entry.kind in WHOLE else None
        if content is None or not entry.count:
            raise ValueError(f"tag {tag} is damaged")
        return struct.unpack(f"{self.order}{entry.count}{WHOLE[entry.kind]}", content)

    def number(self, tag: int, default: int | None = None) -> int:
        """The only value of a tag, a whole number. Raises ValueError where the tag and ``default`` are missing."""
        values = self.numbers(tag, () if default is None else (default,))
        if len(values) != 1:
            raise ValueError(f"tag {tag} has {len(values)} values, expected 1")
        return values[0]

    def rewrite(self, changes: dict[int, tuple[int, ...] | None]) -> bytes:
        """The file with a classic directory of the tags in KEPT alone; ``changes`` gives some other values, or none.

        Raises ValueError where the values of a kept tag are not in the file, or too large for a classic TIFF.
        """
        contents: dict[int, tuple[int, int, bytes]] = {}  # tag -> type, number of values, these
        for tag in KEPT:
            if tag in changes or tag not in self.entries:
                continue
            entry, content = self.entries[tag], self.raw(tag, 8 * MAX_VALUES)
            if content is None or tag in SINGLE and entry.count != 1:
                raise ValueError(f"tag {tag} is damaged")
            if entry.kind in (16, 17, 18):
                contents[tag] = self._long(self.numbers(tag))
            else:
                contents[tag] = entry.kind, entry.count, content
        contents.update({tag: self._long(values) for tag, values in changes.items() if values is not None})
        start = len(self.data) + len(self.data) % 2
        place, fields, extra = start + 2 + 12 * len(contents) + 4, [], []
        for tag, (kind, count, content) in sorted(contents.items()):
            field = content.ljust(4, b"\0")
            if len(content) > 4:
                field = struct.pack(self.order + "L", place)
                extra.append(content + b"\0" * (len(content) % 2))
                place += len(extra[-1])
            fields.append(struct.pack(self.order + "HHL", tag, kind, count) + field)
        header = self.data[:2] + struct.pack(self.order + "HL", 42, start)
        count = struct.pack(self.order + "H", len(fields))
        return b"".join((header, self.data[8:], b"\0" * (len(self.data) % 2), count, *fields, bytes(4), *extra))

    def _long(self, values: tuple[int, ...]) -> tuple[int, int, bytes]:
        if not all(0 <= value < 2**32 for value in values):
            raise ValueError("an offset beyond four gigabytes")
        return 4, len(values), struct.pack(f"{self.order}{len(values)}L", *values)
