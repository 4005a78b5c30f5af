"""Reads the entries of a .zip one after another, with memory that nothing it says can raise.

The library reads the directory and finds the entries; decompression is done here, because the library's has no bound
for bzip2 and LZMA.
"""

from __future__ import annotations

import bz2
import copy
import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.data.archive_limits import APART, BLOCK, Limits, Member, Names, Wanted
from pipeline.errors import InputError

MAX_FILES = 1_000_000  # the directory is in memory, 0.7 kB a file
MAX_DIRECTORY_BYTES = 256 * 2**20
MAX_DICTIONARY_BYTES = 128 * 2**20  # of LZMA: 7-Zip's strongest is 64 MiB
PIECE = 2**16  # compressed bytes read at once
AGAIN = "pack the files again, as .tar.gz or as a .zip by deflate"

# What the methods that are not read are called (APPNOTE 6.3.10, 4.4.5).
METHODS = {
    1: "Shrink", 2: "Reduce", 3: "Reduce", 4: "Reduce", 5: "Reduce", 6: "Implode", 9: "Deflate64", 10: "PKWARE Implode",
    16: "IBM z/OS CMPSC", 18: "IBM TERSE", 19: "IBM LZ77", 20: "Zstandard", 93: "Zstandard", 94: "MP3", 95: "XZ",
    96: "JPEG", 97: "WavPack", 98: "PPMd", 99: "AES encryption",
}  # fmt: skip


def read_zip(path: Path, is_wanted: Wanted, limits: Limits) -> Iterator[Member]:
    """The members that are wanted. Raises InputError, and what archive_limits.DAMAGE names."""
    names = Names(path)
    with open(path, "rb") as file, zipfile.ZipFile(_Directory(path, file)) as archive:
        entries = archive.infolist()
        _check_places(path, archive, entries)
        for info in entries:
            # filename is cut at a NUL byte, so the name as stored is checked.
            if info.is_dir():
                names.folder(info.orig_filename)
                continue
            name = names.file(info.orig_filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise InputError(f"{path}: entry {name!r} is a link or a device (expected plain files)")
            if info.flag_bits & 0x1:
                raise InputError(f"{path}: entry {name!r} is encrypted (expected one without password)")
            wanted = is_wanted(name)
            if wanted != (limits.head is not None):  # what is read whole, now or later
                limits.check_entry(info.file_size, name)
            if wanted:
                yield Member(name, _content(path, archive, info, name, limits))


class _Directory(io.RawIOBase):
    """The open archive, which gives the library no directory of more files than can be held in memory."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, position: int, whence: int = 0) -> int:
        return self.file.seek(position, whence)

    def tell(self) -> int:
        return self.file.tell()

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            raise InputError(
                f"{self.path}: a directory of {size} bytes, the limit is {MAX_DIRECTORY_BYTES}: {AGAIN} (a .tar.gz"
                " has no directory)"
            )
        if size < 0:  # the library looks for the directory's end in the last 64 kB
            size = 2**17
        data = self.file.read(size)
        if (files := data.count(b"PK\x01\x02")) > MAX_FILES:
            raise InputError(f"{self.path}: {files} files, the limit is {MAX_FILES}: pack them as .tar.gz")
        return data


def _check_places(path: Path, archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse entries that share bytes: a small file could give out the same gigabytes for each of them."""
    if entries and min(info.header_offset for info in entries) > 0:
        archive.fp.seek(0)
        if archive.fp.read(4) == b"PK\3\4":
            raise InputError(f"{path}: files of another zip come before its own, and would be left out: {APART}")
    end = archive.start_dir
    for info in sorted(entries, key=lambda info: info.header_offset, reverse=True):
        # At least so long: the entry's own header may hold more than the directory says.
        if info.header_offset + zipfile.sizeFileHeader + len(info.orig_filename) + info.compress_size > end:
            raise InputError(f"{path}: entry {info.orig_filename!r} overlaps with another or with the directory")
        end = info.header_offset


def _content(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, limits: Limits) -> bytes:
    """The content of an entry, in memory once; or its first bytes, where these are asked for."""
    stored = copy.copy(info)  # as it lies in the file: neither decompressed nor compared by the library
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, info.compress_size
    del stored.CRC
    content, checksum = io.BytesIO(), 0
    with archive.open(stored) as file:
        for piece in _pieces(path, info, name, file):
            limits.use(len(piece))
            if limits.head is not None and content.tell() + len(piece) >= limits.head:
                return (content.getvalue() + piece)[: limits.head]
            limits.check_entry(content.tell() + len(piece), name)
            checksum = zlib.crc32(piece, checksum)
            content.write(piece)
            if content.tell() > info.file_size:
                break
    if content.tell() != info.file_size:
        raise EOFError(f"entry {name!r} holds other than {info.file_size} bytes")
    if checksum != info.CRC:
        raise zipfile.BadZipFile(f"entry {name!r} does not have its checksum")
    return content.getvalue()  # the buffer itself, no copy


def _pieces(path: Path, info: zipfile.ZipInfo, name: str, file: BinaryIO) -> Iterator[bytes]:
    """What the entry holds, in pieces of BLOCK bytes at most; the caller sees whether all of it came."""
    method = info.compress_type
    if method == zipfile.ZIP_STORED:
        while piece := file.read(BLOCK):
            yield piece
    elif method == zipfile.ZIP_DEFLATED:
        inflate, pending = zlib.decompressobj(-zlib.MAX_WBITS), b""
        while not inflate.eof:
            pending = given = pending or file.read(PIECE)
            piece = inflate.decompress(pending, BLOCK)
            pending = inflate.unconsumed_tail
            if piece:
                yield piece
            elif not given:
                return
    elif method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        decompressor = bz2.BZ2Decompressor() if method == zipfile.ZIP_BZIP2 else _lzma(path, name, file)
        while not decompressor.eof:
            given = file.read(PIECE) if decompressor.needs_input else b""
            wanted = decompressor.needs_input
            if piece := decompressor.decompress(given, BLOCK):
                yield piece
            elif wanted and not given:
                return
    else:
        what = f"{METHODS.get(method, 'an unknown method')} (method {method})"
        raise InputError(f"{path}: entry {name!r} is compressed by {what}, which is not read: {AGAIN}")


def _lzma(path: Path, name: str, file: BinaryIO) -> lzma.LZMADecompressor:
    """A decompressor by the properties at the beginning of the entry (APPNOTE 6.3.10, 5.8.8)."""
    _, size, settings, dictionary = struct.unpack("<HHBL", file.read(9))
    if size != 5 or settings >= 9 * 5 * 5:
        raise lzma.LZMAError(f"properties of LZMA of {size} bytes, settings {settings}")
    if dictionary > MAX_DICTIONARY_BYTES:
        raise InputError(
            f"{path}: entry {name!r} needs {dictionary} bytes for LZMA's dictionary, the limit is"
            f" {MAX_DICTIONARY_BYTES}: {AGAIN}"
        )
    options = {"lc": settings % 9, "lp": settings // 9 % 5, "pb": settings // 45, "dict_size": max(dictionary, 4096)}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **options}])
