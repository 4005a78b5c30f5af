"""Pictures from a published archive, and faces taken as pictures: (name, uint8 (H, W, C)), each in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from pipeline.data import archives, images
from pipeline.data.archive_files import list_files, passed_over
from pipeline.data.arrays import open_faces
from pipeline.data.faceset import read_index
from pipeline.data.remarks import Remark, say
from pipeline.data.remote_file import ARCHIVES, RemoteFile
from pipeline.errors import InputError
from pipeline.params.pictures import ArchivePictures, FacePictures, PictureSet


def remote_files(sets: Iterable[PictureSet]) -> list[RemoteFile]:
    """The archives to fetch, each once, even when several sets come from it.

    Raises InputError where two sets give different settings for the same archive.
    """
    files: dict[str, RemoteFile] = {}
    for settings in sets:
        if settings.source == "pictures":
            archive = settings.files.archive
            provider = settings.provider or f"whoever publishes {settings.label}"
            file = RemoteFile(settings.name, archive.address, archive.sha256, provider)
            other = files.setdefault(settings.name, file)
            if (other.address, other.sha256) != (file.address, file.sha256):
                raise InputError(
                    f"{settings.name}: two sets of pictures give it addresses {other.address} and {file.address},"
                    f" sha256 {other.sha256} and {file.sha256}: expected the same"
                )
    return list(files.values())


def load_pictures(
    settings: ArchivePictures, raw: Path, remarks: list[Remark] | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """The pictures of ``raw / settings.name`` that ``include`` selects, in archive order, one in memory at a time.

    Of more than ``limit`` the first by name are taken. Hidden files are passed over, and files that a pattern matches
    but that are no photos; ``remarks`` get these, before the first picture comes. Names are those in the archive.
    A folder in the place of an archive may be the archive's own first folder: entries of ``Set5.zip`` and of a
    folder of its pictures both match ``Set5/*.png``.

    Raises InputError naming archive and entry or pattern: no such archive, a damaged one, a pattern that matches
    nothing, a picture that pipeline.data.images refuses.
    """
    archive, remarks = raw / settings.name, [] if remarks is None else remarks
    if not archive.is_file():
        provider = settings.provider or f"whoever publishes {settings.label}"
        raise InputError(f"{archive}: no such file, expected the archive of {settings.label}, given out by {provider}")
    files = list_files(archive)
    chosen: set[str] = set()
    skipped: set[str] = set()
    for pattern in settings.include:
        matched = matching(pattern, files.photos, settings.name)
        others = matching(pattern, files.others, settings.name)
        if not matched:
            such = min((*files.photos, *files.others))
            what = f"but {len(others)} that are no photos" if others else f"none of {len(files)} files"
            raise InputError(
                f"{archive}: include: {pattern!r} matches {what}, expected some, such as {such!r}{files.said()}"
            )
        chosen |= matched
        skipped |= others
    remarks += passed_over(files, chosen, skipped)
    say(archive, remarks)
    wanted = {files.photos[name]: name for name in sorted(chosen)[: settings.limit]}
    for member in archives.members(archive, only=wanted):
        image = images.open_image(member.data, f"{archive}: {member.name}", channels=settings.channels)
        yield wanted[member.name], np.asarray(image, dtype=np.uint8).reshape(image.height, image.width, -1)


def faces_as_pictures(settings: FacePictures, faces: str | Path, index: str | Path) -> Iterator[tuple[str, np.ndarray]]:
    """The prepared faces of one split, named by their files and in order of these.

    ``faces`` is the .npy of uint8 (N, S, S, C), ``index`` the table with one row per face. Raises InputError where
    they do not belong together or the split has no face.
    """
    table, pixels = read_index(index), open_faces(faces)
    if len(table) != len(pixels):
        raise InputError(f"{index}: {len(table)} rows, expected {len(pixels)}, one per face of {faces}")
    rows = table[table["split"] == settings.split].sort_values("file", kind="stable")[: settings.limit]
    if rows.empty:
        raise InputError(f"{index}: no face of split {settings.split}, expected one or more")
    for name, face in zip(rows["file"], rows["face"]):
        yield name, np.asarray(pixels[face])


def matching(pattern: str, names: Iterable[str], archive: str) -> set[str]:
    """Those of ``names`` that ``pattern`` matches, as ``include`` of an ArchivePictures does; ``archive``: its name."""
    parts = tuple(pattern.split("/"))
    if matched := {name for name in names if _matches(tuple(name.split("/")), parts)}:
        return matched
    # A packed folder has the names inside it, not the folder's name. Only where the pattern's first folder is that
    # of the archive, or more plain folders follow: in a folder of pictures "train/*" and "test/*" must not be one.
    stem = next(archive.removesuffix(end) for end in reversed(ARCHIVES) if archive.endswith(end))
    if len(parts) > 1 and (parts[0] == stem or len(parts) > 2 and not set("*?[") & set(parts[0] + parts[1])):
        return {name for name in names if _matches(tuple(name.split("/")), parts[1:])}
    return set()


def _matches(name: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not name
    if pattern[0] == "**":
        return any(_matches(name[start:], pattern[1:]) for start in range(len(name) + 1))
    return bool(name) and fnmatchcase(name[0], pattern[0]) and _matches(name[1:], pattern[1:])
