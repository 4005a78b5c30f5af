"""Follows the codes of a JPEG to see that they end where its data ends: slow and exact, for what looks odd.

No coefficient is computed, only how far each code reaches: some three megabytes of data take a second. Data that has
lost bytes, or in which bytes were overwritten, loses step with the picture's blocks and so runs out early, is left
over, or holds a code that does not exist. Source: ITU-T T.81, F.2.2 and G.2.
"""

from __future__ import annotations

import re
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.data.containers import zeros_in

if TYPE_CHECKING:
    from pipeline.data.containers.jpeg import Frame, Scan

SPLIT = re.compile(rb"\xff+[\xd0-\xd7]")
PADDING = b"\xff" * 512  # more than a block's codes; no code consists of 1 bits alone
NONE = 64  # as a run of coefficients: the code does not exist
END = 128  # as a run: the block ends


def follow(frame: Frame) -> int:
    """The longest run of zero bytes that is read as codes; 0 where none is odd.

    Raises ValueError where the codes of a scan do not end with its data, or such a run cannot be part of a picture.
    """
    longest = 0
    history: dict[int, list[int]] = {}  # component -> for each block the coefficients that are not zero, as bits
    for scan in frame.scans:
        needed = _needed(frame, scan)
        if not all(key in scan.tables for key in needed):
            if zeros_in.LEAST in scan.data:
                raise ValueError("a part of its data is zeros")
            continue  # the usual tables are meant, which are not in the file
        flat = all(_may_be_zeros(*scan.tables[key], *key) for key in needed)
        bitwise = scan.high and not scan.first  # a bit of DC for each block may well be zero in all of a sky
        units, blocks = frame.units(scan)
        interval = scan.interval or units
        pieces = SPLIT.split(scan.data)
        for number, start in enumerate(range(0, units, interval)):
            bits = _Bits(pieces[number] if number < len(pieces) else b"")
            span = range(start, min(start + interval, units))
            if frame.kind != "progressive":
                place = _sequential(bits, scan, blocks, len(span))
            elif scan.first == 0:
                place = _dc(bits, scan, blocks, len(span))
            else:
                seen = history.setdefault(scan.parts[0][0], [0] * units)
                place = (_refine if scan.high else _ac)(bits, scan, seen, span)
            zeros = zeros_in.longest(bits.finish(place))
            if zeros and not flat:
                raise ValueError("a part of its data is zeros")
            longest = max(longest, 0 if bitwise else zeros)
    return longest


def _needed(frame: Frame, scan: Scan) -> list[tuple[int, int]]:
    keys = []
    for _, dc, ac in scan.parts:
        if frame.kind != "progressive" or (scan.first == 0 and not scan.high):
            keys.append((0, dc))
        if frame.kind != "progressive" or scan.first > 0:
            keys.append((1, ac))
    return keys


def _may_be_zeros(counts: bytes, symbols: bytes, shortest: int, kind: int, number: int) -> bool:
    """Whether a long run of zero bits can be a flat part of a picture: where the code of zeros ends a block.

    Any other code of zeros would be dozens of coefficients of -1 in a row, which no photo has.
    """
    return kind == 0 or symbols[0] & 15 == 0 and symbols[0] != 0xF0


class _Bits:
    """``words[n]`` are the 24 bits from byte n on; a place is a number of bits from the beginning."""

    def __init__(self, data: bytes) -> None:
        plain = data.rstrip(b"\xff").replace(b"\xff\0", b"\xff")
        self.plain, self.end = plain, 8 * len(plain)
        values = np.frombuffer(plain + PADDING, np.uint8).astype(np.uint32)
        self.words = array("I", (values[:-2] << 16 | values[1:-1] << 8 | values[2:]).tobytes())

    def check(self, place: int) -> None:
        if place > self.end:
            raise ValueError("its data runs out before the picture is complete")

    def finish(self, place: int) -> bytes:
        """What has been read when the codes end at ``place``. Raises ValueError where that is not about all."""
        self.check(place)
        used = -(-place // 8)
        rest = self.plain[used:]
        # Some cameras fill up with 0 or 1 bits, which is harmless, unless the 0 bits were read as codes.
        if rest and (rest.strip(rest[:1]) or rest[0] not in (0, 255) or zeros_in.LEAST in self.plain[:used]):
            raise ValueError(f"{len(rest)} bytes of its data are left over when the picture is complete")
        return self.plain[:used]


@lru_cache(maxsize=32)
def _codes(counts: bytes, symbols: bytes) -> tuple[array, array, array]:
    """For each 16 bits that a code may begin with: length << 8 | symbol; and what it takes as DC, and as AC.

    0 where there is no such code. DC: length and value together, in bits. AC: the same << 8 | the coefficients that
    it covers, or END, or NONE.
    """
    plain, dc, ac = array("H"), array("H"), array("H")
    number = 0
    for length, count in enumerate(counts, 1):
        for symbol in symbols[number : number + count]:
            run, size = symbol >> 4, symbol & 15
            room = 1 << (16 - length)
            plain.extend([length << 8 | symbol] * room)
            dc.extend([length + min(symbol, 16)] * room)
            ac.extend([(length + size) << 8 | (run + 1 if size or run == 15 else END)] * room)
        number += count
    if len(plain) > 65536:
        raise ValueError("a damaged table of codes")
    for table, none in ((plain, 0), (dc, 0), (ac, NONE)):
        table.extend([none] * (65536 - len(table)))
    return plain, dc, ac


def _sequential(bits: _Bits, scan: Scan, blocks: list[tuple[int, int, int]], units: int) -> int:
    tables = [(_codes(*scan.tables[0, dc][:2])[1], _codes(*scan.tables[1, ac][:2])[2]) for _, dc, ac in blocks]
    words, place = bits.words, 0
    for _ in range(units):
        for dc, ac in tables:
            step = dc[words[place >> 3] >> (8 - (place & 7)) & 65535]
            if not step:
                raise ValueError("its data holds a code that does not exist")
            place += step
            covered = 0
            while covered < 63:
                step = ac[words[place >> 3] >> (8 - (place & 7)) & 65535]
                place += step >> 8
                covered += step & 255
            if 63 < covered < END:
                raise ValueError("its data holds a code that does not exist")
        bits.check(place)
    return place


def _dc(bits: _Bits, scan: Scan, blocks: list[tuple[int, int, int]], units: int) -> int:
    if scan.high:
        return units * len(blocks)  # one bit for each block
    tables = [_codes(*scan.tables[0, dc][:2])[1] for _, dc, _ in blocks]
    words, place = bits.words, 0
    for _ in range(units):
        for dc in tables:
            step = dc[words[place >> 3] >> (8 - (place & 7)) & 65535]
            if not step:
                raise ValueError("its data holds a code that does not exist")
            place += step
        bits.check(place)
    return place


def _code(bits: _Bits, place: int, codes: array) -> tuple[int, int, int]:
    entry = codes[bits.words[place >> 3] >> (8 - (place & 7)) & 65535]
    if not entry:
        raise ValueError("its data holds a code that does not exist")
    return place + (entry >> 8), entry >> 4 & 15, entry & 15


def _ending(bits: _Bits, place: int, run: int) -> tuple[int, int]:
    """The number of blocks that end here, this block included, and the place after it."""
    more = bits.words[place >> 3] >> (24 - (place & 7) - run) & ((1 << run) - 1)
    return (1 << run) + more, place + run


def _ac(bits: _Bits, scan: Scan, seen: list[int], span: range) -> int:
    codes = _codes(*scan.tables[1, scan.parts[0][2]][:2])[0]
    place = ending = 0
    for block in span:
        index = scan.first
        while not ending and index <= scan.last:
            place, run, size = _code(bits, place, codes)
            if size:
                index += run
                seen[block] |= 1 << index
                place += size
                index += 1
            elif run == 15:
                index += 16
            else:
                ending, place = _ending(bits, place, run)
        if index > scan.last + 1:
            raise ValueError("its data holds a code that does not exist")
        if ending:
            ending -= 1
        bits.check(place)
    return place


def _refine(bits: _Bits, scan: Scan, seen: list[int], span: range) -> int:
    codes = _codes(*scan.tables[1, scan.parts[0][2]][:2])[0]
    place = ending = 0
    for block in span:
        before, index = seen[block], scan.first
        while not ending and index <= scan.last:
            place, run, size = _code(bits, place, codes)
            if size > 1:
                raise ValueError("its data holds a code that does not exist")
            if not size and run < 15:
                ending, place = _ending(bits, place, run)
                break
            place += size
            while index <= scan.last:  # over ``run`` zeros; each coefficient seen before takes a bit
                if before >> index & 1:
                    place += 1
                elif run:
                    run -= 1
                else:
                    break
                index += 1
            if size:
                if index > scan.last:
                    raise ValueError("its data holds a code that does not exist")
                seen[block] |= 1 << index
            index += 1
        if ending:
            if index <= scan.last:
                place += (before >> index & ((1 << (scan.last - index + 1)) - 1)).bit_count()
            ending -= 1
        bits.check(place)
    return place
