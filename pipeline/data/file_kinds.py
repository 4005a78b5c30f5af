"""First bytes of files that are plainly not those asked for: web pages, archives of kinds that are not read."""

from __future__ import annotations

from pathlib import Path

from pipeline.data import archives, photo_kinds
from pipeline.data.drop_in import READ, repack
from pipeline.data.local_files import Reading
from pipeline.data.remote_file import RemoteFile
from pipeline.errors import InputError, one_line

HEAD = 1024  # bytes looked at
PACKED = {  # first bytes: what it is, and the program that makes a tar of it (None: 7z makes a folder)
    b"\xfd7zXZ\0": ("xz", "xz"), b"BZh": ("bzip2", "bzip2"), b"\x28\xb5\x2f\xfd": ("zstd", "zstd"),
    b"\x04\x22\x4d\x18": ("lz4", "lz4"), b"\x1f\x9d": ("compress", "gzip"), b"7z\xbc\xaf\x27\x1c": ("7z", None),
    b"Rar!\x1a\x07": ("rar", None),
}  # fmt: skip
WEB_PAGE = (b"<!doctype html", b"<html", b"<head", b"<script")
XML = b"<?xml"
POINTERS = {what for _, what in photo_kinds.OTHERS if "pointer" in what}
IN_WORDS = {"text", "JSON document", "XML document", *POINTERS}


def foreign(file: RemoteFile, path: Path, source: str | Path) -> str | None:
    """Why what lies at ``path`` and came from ``source`` is not ``file``, in words; None where that does not show."""
    with Reading(path) as reader:
        head = reader.read(HEAD)
    if not head:
        return f"{source} is an empty file"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    is_page = text.startswith(WEB_PAGE) or file.stem is not None and text.startswith(XML)
    if is_page and not file.name.endswith((".html", ".htm", ".xml")):
        return f"{source} is a web page, perhaps to sign in or to confirm: fetch the file by hand"
    if file.stem is not None:
        for magic, (kind, program) in PACKED.items():
            if head.startswith(magic):
                cure = f": {repack(source, file.stem, program)}" if isinstance(source, Path) else ""
                return f"{source} is an archive by {kind}, a kind that is not read, {READ}{cure}"
        # A server's answer in words, under the status of success; what Git LFS and DVC keep in a file's place.
        seen = photo_kinds.sniff(head)
        if seen is not None and seen.what in IN_WORDS:
            begins = one_line(repr(head[:60].decode("latin-1")))
            return f"{source} is no archive but a {seen.what}, which begins {begins}: fetch the file by hand"
    return None


def check_archive(file: RemoteFile, path: Path, digest: str, source: str) -> None:
    """Raise InputError where a file whose length nobody said is no whole archive; for other files, always.

    ``digest``: its SHA-256; ``source``: where it came from.
    """
    unknown = f"{file.name}: {source} does not say how long the file is"
    pin = "pin its sha256, or fetch it by hand"
    if file.stem is None:
        raise InputError(
            f"{unknown}, so a file that was cut off could not be noticed: {pin} (what came has sha256 {digest})"
        )
    try:
        archives.names(path)
    except InputError as error:
        raise InputError(f"{unknown}, and what came is no whole archive: {pin} ({error})") from error
