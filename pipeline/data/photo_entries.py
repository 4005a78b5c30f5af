"""The image files of an archive of one's own photos, and the names that they go by."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from pipeline.data import archives
from pipeline.data.photo_lists import plain_name
from pipeline.errors import InputError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


class Entries:
    """The image files of an archive: the entries, and the names they go by."""

    def __init__(self, files: dict[str, str], top: tuple[str, ...]) -> None:
        self.files = files  # entry as stored -> file, without the folders ``top`` that all lie in
        self.top = top
        self.known = set(files.values())

    def find(self, name: str) -> str | None:
        """The file called ``name``, with or without folders of the top; None where there is none."""
        if name in self.known:
            return name
        for depth in range(len(self.top)):
            prefix = "/".join(self.top[depth:]) + "/"
            if name.startswith(prefix) and name.removeprefix(prefix) in self.known:
                return name.removeprefix(prefix)
        return None

    def missing(self, where: str, name: str, archive: Path) -> InputError:
        """The error for a name that is not found, with the one that was probably meant."""
        alike = next((file for file in sorted(self.known) if file.casefold() == name.casefold()), None)
        hint = f"; there is {alike!r}" if alike else f", as in {min(self.known)!r}"
        return InputError(f"{where}: file {name!r} is not in {archive}, expected an image file of it{hint}")


def read_entries(archive: Path, within: int) -> Entries:
    """The archive's images; ``within`` innermost folders are kept, whatever all files have in common.

    Raises InputError where there are none, and where two come to one name.
    """
    stored: dict[str, str] = {}  # plain name -> entry
    for member in archives.members(archive, suffixes=SUFFIXES):
        name = plain_name(member.name)
        # macOS puts a file of its own beside every photo in a zip.
        if any(part.startswith(".") or part == "__MACOSX" for part in name.split("/")):
            continue
        if name in stored:
            raise InputError(f"{archive}: entries {stored[name]!r} and {member.name!r} are the same file name {name!r}")
        stored[name] = member.name
    if not stored:
        raise InputError(f"{archive}: holds no images but hidden ones, expected one folder a person with image files")
    folders = [PurePosixPath(name).parts[:-1] for name in stored]
    top = tuple(os.path.commonprefix([parts[: max(0, len(parts) - within)] for parts in folders]))
    cut = len("/".join(top)) + 1 if top else 0
    return Entries({entry: name[cut:] for name, entry in stored.items()}, top)
