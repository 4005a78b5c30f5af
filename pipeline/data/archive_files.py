"""Files of an archive by the names that people know them by: which are photos, and what becomes of all the others.

Every source goes through here, so that all take the same files for photos, in an archive or in a folder as it lies.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipeline.data import archives
from pipeline.data.photo_kinds import EXPECTED, HEAD, READABLE, Kind, is_hidden, kind_of, suffix_of
from pipeline.data.remarks import Remark, remark
from pipeline.errors import InputError

MAX_HELD_BYTES = 512 * 2**20  # of files that are in memory together: STL-10's have 350 MiB
UNUSUAL = "files without a photo's suffix, taken for the photos that their first bytes show"
GroupOf = Callable[[str], str | None]  # whose photo a file of a name would be: person, class; None: nobody's


def plain_name(name: str) -> str:
    """A file's name in the form in which names are compared: forward slashes, composed accents, no ``./``."""
    # An archive from macOS has decomposed accents, a table typed in does not; some zips have backslashes.
    return PurePosixPath(unicodedata.normalize("NFC", name.replace("\\", "/"))).as_posix()


@dataclass(frozen=True)
class Files:
    """What an archive holds but for what systems leave beside photos; in archive order, by plain names.

    ``photos`` and ``others`` give the name that an entry is stored under; ``kinds`` says what each of the others is.
    ``unusual`` are the photos that only their first bytes tell: their suffix is not that of a photo.
    """

    archive: Path
    photos: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    unusual: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.photos) + len(self.others)

    def stored(self, name: str) -> str:
        """The name that an entry is stored under."""
        return self.photos[name] if name in self.photos else self.others[name]

    def said(self, use: str = "unreadable") -> str:
        """The commonest kind of the images that are not read, for a message: "; there are 3 x HEIC image"."""
        counts = Counter(kind.what for kind in self.kinds.values() if kind.use == use)
        if not counts:
            return ""
        what, number = counts.most_common(1)[0]
        such = min(name for name, kind in self.kinds.items() if kind.what == what)
        return f"; there are {number} x {what}, as in {such[:120]!r}"

    def no_photos(self, layout: str) -> InputError:
        """The error for an archive without any photo; ``layout`` is what was expected."""
        return InputError(
            f"{self.archive}: holds no images of {EXPECTED}, expected {layout}{self.said() or self.said('other')}"
        )


def list_files(archive: Path) -> Files:
    """What the archive holds. Its entries are listed, and files whose suffix is not that of a photo are opened.

    Raises InputError as pipeline.data.archives does, and where two entries have the same plain name or no file is
    left.
    """
    names, beginnings = archives.heads(archive, _is_unclear, HEAD)
    files = Files(archive)
    for stored in names:
        name = plain_name(stored)
        if is_hidden(name) or stored.endswith("\\"):  # some zips from Windows have folders as empty files
            continue
        if name == stored:
            name = stored  # one text in memory, not two
        if name in files.photos or name in files.others:
            raise InputError(
                f"{archive}: entries {files.stored(name)!r} and {stored!r} are the same file name {name!r}"
            )
        if stored not in beginnings:
            files.photos[name] = stored
            continue
        kind = kind_of(name, beginnings[stored])
        if kind.use == "photo":
            files.photos[name] = stored
            files.unusual.append(name)
        else:
            files.others[name] = stored
            files.kinds[name] = kind
    if not files:
        raise InputError(f"{archive}: holds only hidden files, expected pictures")
    return files


def person_folder(files: Files) -> GroupOf:
    """Whose a file is by its folder; nobody's, where photos lie in folders further down, such as a readme."""
    folders = {PurePosixPath(folder) for folder in {name.rpartition("/")[0] for name in files.photos}}
    above = {parent for folder in folders for parent in folder.parents}

    def group_of(name: str) -> str | None:
        folder = PurePosixPath(name).parent
        return None if folder in above or not folder.name else folder.as_posix()

    return group_of


def left_out(files: Files, group_of: GroupOf, groups: str) -> list[Remark]:
    """What of ``files`` a source does not take, and which groups lose by it; ``groups``: what they are called."""
    if not files.kinds and not files.unusual:
        return []  # quick where there are millions of photos and nothing else
    unreadable: dict[str, list[str]] = {}
    no_images, taken, lost = [], Counter(map(group_of, files.photos)), Counter()
    known = set()
    for name, kind in files.kinds.items():
        group = group_of(name)
        if kind.use == "unreadable":
            unreadable.setdefault(kind.what, []).append(name)
            lost[group] += 1
        elif group is not None:
            no_images.append(name)
        known.add(group)
    vanished = sorted(group for group in known - {None} if not taken[group])
    halved = sorted(
        f"{group}: {lost[group]} of {lost[group] + taken[group]}"
        for group in lost
        if group is not None and 0 < taken[group] <= lost[group]
    )
    remarks = []
    for what, names in sorted(unreadable.items()):
        remarks += remark(f"files left out, images that are not read: {what}", sorted(names))
    remarks += remark("files left out, among photos but no images", sorted(no_images))
    remarks += remark("folders left out: no image in them that can be read", vanished)
    remarks += remark(f"{groups} that lose half of their images or more", halved)
    unusual = sorted(name for name in files.unusual if group_of(name) is not None)
    return remarks + remark(UNUSUAL, unusual)


def passed_over(files: Files, taken: Collection[str], others: Collection[str]) -> list[Remark]:
    """What is to be said of files that a pattern chose: photos ``taken``, and ``others`` that are no photos."""
    kinds: dict[str, list[str]] = {}
    for name in sorted(others):
        kinds.setdefault(files.kinds[name].what, []).append(name)
    remarks = [
        line for what, names in sorted(kinds.items()) for line in remark(f"files left out, no photos: {what}", names)
    ]
    return remarks + remark(UNUSUAL, sorted(set(files.unusual).intersection(taken)))


def check_folders(archive: Path, folders: Collection[str], layout: str) -> None:
    """Refuse folders of photos, one per person, that would split a person in two or join two people.

    Raises InputError where two folders of the same name lie in different places, as in train/p00 and val/p00, and
    where a folder with photos lies in another.
    """
    place: dict[str, str] = {}
    for folder in sorted(folders):
        if (other := place.setdefault(PurePosixPath(folder).name, folder)) != folder:
            raise InputError(f"{archive}: folders {other!r} and {folder!r} have the same name, expected {layout}")
    for folder in sorted(folders):
        for above in PurePosixPath(folder).parents:
            if above.as_posix() in folders and above.name:
                raise InputError(
                    f"{archive}: folder {folder!r} lies in {above.as_posix()!r}, which has photos itself, expected"
                    f" {layout}"
                )


def read_named(archive: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """The files called ``wanted``, whatever folders they lie in: the content of each, all in memory.

    Raises InputError where a file is missing or is there twice, where all together have more than MAX_HELD_BYTES, and
    as pipeline.data.archives does.
    """
    entries: dict[str, str] = {}  # entry -> the wanted name
    stored_as: dict[str, str] = {}
    for stored in archives.names(archive):
        name = plain_name(stored)
        short = PurePosixPath(name).name
        if short not in wanted or is_hidden(name):
            continue
        if short in stored_as:
            raise InputError(f"{archive}: {short} is in it twice, as {stored_as[short]!r} and {stored!r}, expected one")
        stored_as[short], entries[stored] = stored, short
    if missing := sorted(set(wanted) - set(stored_as)):
        what = missing[0] if stored_as else "files of the names asked for"
        raise InputError(f"{archive}: holds no {what}, expected {', '.join(sorted(wanted))}")
    content, held = {}, 0
    for member in archives.members(archive, only=entries):
        if (held := held + len(member.data)) > MAX_HELD_BYTES:
            raise InputError(f"{archive}: {', '.join(sorted(wanted))} have more than {MAX_HELD_BYTES} bytes, the limit")
        content[entries[member.name]] = member.data
    return content


def _is_unclear(stored: str) -> bool:
    """Whether the name alone does not say that it is a photo's."""
    return suffix_of(stored) not in READABLE or is_hidden(stored)
