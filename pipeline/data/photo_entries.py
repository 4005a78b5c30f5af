"""The image files of an archive of one's own photos, and the names that they go by."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from pipeline.data.archive_files import Files, list_files
from pipeline.errors import InputError


class Entries:
    """The image files of an archive: the entries, and the names they go by."""

    def __init__(self, found: Files, top: tuple[str, ...]) -> None:
        self.found = found
        self.top = top  # the folders that all photos lie in
        cut = len("/".join(top)) + 1 if top else 0
        self.files = {entry: name[cut:] for name, entry in found.photos.items()}  # entry as stored -> file
        self.known = set(self.files.values())

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
        for other, kind in self.found.kinds.items():
            if other == name or other == "/".join((*self.top, name)):
                hint = f"; it is there, but as {kind.what}"
        return InputError(f"{where}: file {name!r} is not in {archive}, expected an image file of it{hint}")


def read_entries(archive: Path, within: int) -> Entries:
    """The archive's images; ``within`` innermost folders are kept, whatever all files have in common.

    Raises InputError where there are none, and where two come to one name.
    """
    found = list_files(archive)
    if not found.photos:
        raise found.no_photos("one folder a person with image files")
    folders = [PurePosixPath(name).parts[:-1] for name in found.photos]
    return Entries(found, tuple(os.path.commonprefix([parts[: max(0, len(parts) - within)] for parts in folders])))
