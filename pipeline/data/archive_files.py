"""Files of an archive by the names that people know them by."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from pipeline.data import archives
from pipeline.data.photo_lists import plain_name
from pipeline.errors import InputError

MAX_HELD_BYTES = 512 * 2**20  # of files that are in memory together: STL-10's have 350 MiB


def stored_names(archive: Path) -> dict[str, str]:
    """What the archive holds but hidden files: plain names to the names that its entries are stored under.

    Raises InputError as pipeline.data.archives does, and where two entries have one plain name or none is left.
    """
    entries: dict[str, str] = {}
    for stored in archives.names(archive):
        name = plain_name(stored)
        # macOS puts a file of its own beside every picture in a zip.
        if any(part.startswith(".") or part == "__MACOSX" for part in name.split("/")):
            continue
        if name in entries:
            raise InputError(f"{archive}: entries {entries[name]!r} and {stored!r} are the same file name {name!r}")
        entries[name] = stored
    if not entries:
        raise InputError(f"{archive}: holds no files but hidden ones, expected pictures")
    return entries


def read_named(archive: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """The files called ``wanted``, whatever folders they lie in: the content of each, all in memory.

    Raises InputError where one of them is not there or is there twice, where they have more than MAX_HELD_BYTES, and as
    pipeline.data.archives does.
    """
    found: dict[str, tuple[str, bytes]] = {}
    held = 0
    for member in archives.members(archive, called=wanted):
        name = PurePosixPath(plain_name(member.name)).name
        if name in found:
            raise InputError(
                f"{archive}: {name} is in it twice, as {found[name][0]!r} and {member.name!r}, expected one"
            )
        if (held := held + len(member.data)) > MAX_HELD_BYTES:
            raise InputError(f"{archive}: {', '.join(sorted(wanted))} have more than {MAX_HELD_BYTES} bytes, the limit")
        found[name] = (member.name, member.data)
    if missing := sorted(set(wanted) - set(found)):
        raise InputError(f"{archive}: holds no {missing[0]}, expected {', '.join(sorted(wanted))}")
    return {name: data for name, (_, data) in found.items()}
