"""The image files of a user's archive, and the names under which tables list them."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from pipeline.data.archive_files import Files, list_files
from pipeline.errors import InputError


class Entries:
    """The image files of an archive: the entries, and the names they go by."""

    def __init__(self, listed: Files, top: tuple[str, ...]) -> None:
        self.listed = listed
        self.top = top  # the folders that all photos lie in
        cut = len("/".join(top)) + 1 if top else 0
        self.files = {entry: name[cut:] for name, entry in listed.photos.items()}  # entry as stored -> file
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
        """The error for a name that is not in the archive, with the name that was probably meant."""
        alike = next((file for file in sorted(self.known) if file.casefold() == name.casefold()), None)
        hint = f"; there is {alike!r}" if alike else f", as in {min(self.known)!r}"
        for other, kind in self.listed.kinds.items():
            if other == name or other == "/".join((*self.top, name)):
                hint = f"; it is there, but as {kind.what}"
        return InputError(f"{where}: file {name!r} is not in {archive}, expected an image file of it{hint}")


def read_entries(archive: Path, within: int) -> Entries:
    """The archive's images; ``within`` innermost folders are kept, whatever all files have in common.

    Raises InputError where there are none, and where two files get the same name.
    """
    files = list_files(archive)
    if not files.photos:
        raise files.no_photos("one folder per person with image files")
    folders = [PurePosixPath(name).parts[:-1] for name in files.photos]
    return Entries(files, tuple(os.path.commonprefix([parts[: max(0, len(parts) - within)] for parts in folders])))
