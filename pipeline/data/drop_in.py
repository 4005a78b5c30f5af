"""What the user dropped in for a file: the file itself, or what is near it and why it is not taken."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path

from pipeline.data.local_files import kind_of
from pipeline.data.remote_file import ARCHIVES, RemoteFile
from pipeline.errors import InputError

UNFINISHED = (
    ".crdownload", ".part", ".partial", ".download", ".opdownload", ".filepart", ".aria2", ".unconfirmed", ".tmp",
)  # fmt: skip
# Archives that are not read, and the program that makes a tar of them; none: 7z unpacks them into a folder.
PACKED = {
    ".tar.xz": "xz", ".txz": "xz", ".tar.lzma": "xz", ".tlz": "xz", ".tar.bz2": "bzip2", ".tbz2": "bzip2",
    ".tbz": "bzip2", ".tar.zst": "zstd", ".tzst": "zstd", ".tar.lz4": "lz4", ".tar.z": "gzip", ".taz": "gzip",
    ".7z": None, ".rar": None, ".zipx": None, ".iso": None, ".dmg": None, ".cab": None,
}  # fmt: skip
READ = ".zip, .tar, .tgz and .tar.gz are read, and a folder"
COPY = re.compile(r"([ _-]*\(\d+\)|[ _-]+copy( \d+)?|[ _-]+kopie|~)(?=\.|$)")  # faces (1).zip, faces - Copy.zip
PIECE = re.compile(r"\.(\d{3}|z\d\d|part\d+\.rar)$")  # of an archive in several files
ALIKE = 0.8  # of two names
LISTED, LOOKED_AT, HINTS = 5, 1000, 3  # names in a message, entries of a folder, hints in a message


def find_dropped(file: RemoteFile, drop_in: Path) -> Path | None:
    """What the user dropped for ``file``: under its name, or for an archive of another kind, or as a folder.

    Raises InputError where several of these are there, or what is there is a link to nothing, a pipe or the like.
    """
    if kind_of(drop_in) == "file":
        raise InputError(f"{drop_in}: is a file, expected a folder, for files such as {file.name}")
    names = [file.name]
    if file.stem is not None:
        names += [file.stem + suffix for suffix in ARCHIVES if file.stem + suffix != file.name]
        if not _is_worked_in(drop_in / file.stem) and not _is_file(drop_in / file.stem):
            names.append(file.stem)
    dropped = [drop_in / name for name in names if os.path.lexists(drop_in / name)]
    if len(dropped) > 1:
        names_found = " and ".join(path.name for path in dropped)
        raise InputError(f"{drop_in}: holds {names_found}, expected one of them, for {file.name}: take the others away")
    if not dropped:
        return None
    (path,) = dropped
    if kind_of(path) == "folder" and path.name != file.stem:
        instead = f": a folder of its content is named {file.stem}" if file.stem else ""
        raise InputError(f"{path}: is a folder, expected a file{instead}")
    return path


def is_packable(file: RemoteFile, path: Path) -> bool:
    """True for a folder where an archive is expected; a folder that the run works in is not one of data."""
    return file.stem is not None and kind_of(path) == "folder" and not _is_worked_in(path)


def _is_worked_in(path: Path) -> bool:
    return Path.cwd().is_relative_to(os.path.realpath(path))


def _is_file(path: Path) -> bool:
    return os.path.lexists(path) and kind_of(path) == "file"


def near_misses(file: RemoteFile, drop_in: Path) -> str:
    """What lies in ``drop_in`` or around it, why it is not taken for ``file``, and the cure: the end of a sentence."""
    hints = [f"{hint.path} {hint.reason}: {hint.cure}" for hint in islice(_hints(file, drop_in), HINTS)]
    return "".join(f"; {hint}" for hint in hints) or f" {_what_is_there(drop_in)}"


def left_beside(file: RemoteFile, drop_in: Path) -> list[str]:
    """Entries that look like another copy of ``file``: two copies are refused, never chosen between in silence."""
    others = [drop_in / name for name in _listed(drop_in) if not _is_exact(drop_in / name, file)]
    hints = [_hint(path, file, loosely=False) for path in others]
    return [f"{hint.path} {hint.reason}" for hint in hints if hint is not None]


def repack(path: Path, stem: str, program: str | None) -> str:
    """The command that turns an archive of a kind that is not read into a kind that is, or into a folder."""
    if program is None:
        return f"7z x {_quoted(path)} -o{_quoted(path.with_name(stem))}"
    return f"{program} -dc {_quoted(path)} > {_quoted(path.with_name(stem + '.tar'))}"


@dataclass(frozen=True)
class _Hint:
    path: str  # bounded in length
    reason: str
    cure: str


def _hints(file: RemoteFile, drop_in: Path) -> Iterator[_Hint]:
    listed = _listed(drop_in)
    for name in sorted(listed, key=lambda name: -_ratio(name.casefold(), file.name.casefold())):
        if not _is_exact(drop_in / name, file) and (hint := _hint(drop_in / name, file, loosely=True)):
            yield hint
    # One folder too deep, or beside the folder.
    for folder in [*(drop_in / name for name in listed), drop_in.parent]:
        for name in sorted(_archives(file)):
            if folder.name != file.stem and os.path.isfile(folder / name):
                yield _Hint(str(folder / name), "lies in another folder", _move(folder / name, drop_in / name))


def _hint(path: Path, file: RemoteFile, *, loosely: bool) -> _Hint | None:
    """What a message says of an entry; None where the entry has nothing to do with ``file``.

    ``loosely``: also where the names are only similar, or there is a suffix too many or too few.
    """
    name, known = path.name.casefold(), {archive.casefold(): archive for archive in _archives(file)}
    bare, stem, is_folder = COPY.sub("", name), (file.stem or "").casefold(), os.path.isdir(path)
    here = str(path.with_name(path.name if len(path.name) <= 60 else f"{path.name[:57]}..."))

    def near(other: str) -> bool:
        return other in known or loosely and _is_alike(other, file)

    def moved(to: str) -> str:
        return _move(path, path.with_name(to))

    if unfinished := next((end for end in UNFINISHED if name.endswith(end)), None):
        whole = COPY.sub("", name.removesuffix(unfinished))
        return _Hint(here, "is an unfinished download", "wait for its end or fetch it again") if near(whole) else None
    if is_folder:
        if not stem or not (bare == stem or near(f"{name}.zip")):
            return None
        return _Hint(here, "is a folder of another name", moved(file.stem))
    if name in known:
        return _Hint(here, "differs in letter case", moved(known[name]))
    if bare in known:
        return _Hint(here, "looks like another copy", moved(known[bare]))
    whole = PIECE.sub("", name)
    if whole != name and (near(whole) or stem and near(f"{_unpacked(whole) or whole}.zip")):
        return _Hint(here, "is a piece of a divided archive", f"put it together, {READ}")
    if stem and (unpacked := _unpacked(name)) is not None and near(f"{COPY.sub('', unpacked)}.zip"):
        program = PACKED[name.removeprefix(unpacked)]
        return _Hint(here, f"is of a kind that is not read, {READ}", repack(path, file.stem, program))
    if not loosely:
        return None
    if (shorter := os.path.splitext(name)[0]) in known:
        to = path.with_name(known[shorter])
        gunzip = f"gzip -dc {_quoted(path)} > {_quoted(to)}"
        return _Hint(here, "has a suffix too many", gunzip if name.endswith(".gz") else _move(path, to))
    if name == os.path.splitext(file.name.casefold())[0] or name == stem:
        return _Hint(here, "lacks its suffix", moved(file.name))
    if near(name):
        return _Hint(here, "has another name", "is it the file asked for?")
    return None


def _archives(file: RemoteFile) -> set[str]:
    """The names that the file may be dropped in under; that of a folder is another."""
    return {file.name} | ({file.stem + suffix for suffix in ARCHIVES} if file.stem else set())


def _is_exact(path: Path, file: RemoteFile) -> bool:
    return path.name in _archives(file) or path.name == file.stem and os.path.isdir(path)


def _unpacked(name: str) -> str | None:
    """The name without the suffix of an archive that is not read; None for other names."""
    return next((name.removesuffix(end) for end in PACKED if name.endswith(end)), None)


def _is_alike(name: str, file: RemoteFile) -> bool:
    """Whether a name in lower case contains the file's stem, or is similar to it."""
    if file.stem is None:
        same_suffix = os.path.splitext(name)[1] == os.path.splitext(file.name.casefold())[1]
        return same_suffix and _ratio(name, file.name.casefold()) >= ALIKE
    end = next((suffix for suffix in reversed(ARCHIVES) if name.endswith(suffix)), None)
    if end is None:
        return False
    words, stem = name.removesuffix(end), file.stem.casefold()
    return len(stem) > 2 and stem in words or _ratio(words, stem) >= ALIKE


def _what_is_there(drop_in: Path) -> str:
    names = [name if len(name) <= 60 else f"{name[:57]}..." for name in _listed(drop_in)]
    if not names and not os.path.isdir(drop_in):
        return f"({drop_in} is not there yet)"
    if not names:
        return f"({drop_in} {'is empty' if os.access(drop_in, os.R_OK) else 'cannot be listed'})"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"(in it: {', '.join(names[:LISTED])}{more})"


def _listed(folder: Path) -> list[str]:
    """Names in a folder, those of hidden files left out, of the first so many; none where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, LOOKED_AT) if not entry.name.startswith("."))
    except OSError:
        return []


def _ratio(first: str, second: str) -> float:
    return SequenceMatcher(None, first[:200], second[:200]).ratio()


def _move(path: Path, to: Path) -> str:
    return f"mv {_quoted(path)} {_quoted(to)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
