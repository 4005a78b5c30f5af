"""A user's faces: a folder or an archive with one folder per person; optionally whose they are, pairs and searches.

Without a list of either, ``test_share`` of the people with two or more photos are held out by the seed (or those of
split "test" in the table are) and dealt into folds, so that no person is in two. In each fold same pairs are spread
evenly over its people, different pairs over its pairs of people, as many of one kind as of the other. A pair list
without folds is dealt round instead, so its folds share people where its pairs do.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pipeline.data import alignment, archives, images, pairing, photo_lists
from pipeline.data.archive_files import check_folders, left_out, person_folder
from pipeline.data.faceset import PAIR_COLUMNS, SEARCH_COLUMNS, FaceSet
from pipeline.data.photo_entries import Entries, read_entries
from pipeline.data.remarks import Remark, remark, say
from pipeline.errors import InputError, one_line
from pipeline.params.faces import Channels, ImageSize, RemoteFileSettings
from pipeline.params.loading import Settings as Base

FILES = {"archive": "faces.zip", "table": "faces.csv", "pairs": "pairs.csv", "searches": "searches.csv"}
PROVIDER = "whoever took the photos (one folder per person, one image file per face)"
CHUNK = 1024  # faces in one chunk


class Settings(Base):
    """A user's photos, how they are cut, and how people are held out for verification."""

    source: Literal["folder"]
    name: Annotated[str, Field(pattern=r"^\S([^\x00-\x1f]{0,78}\S)?$")] = "own faces"  # what tables call the faces
    files: dict[Literal["archive", "table", "pairs", "searches"], RemoteFileSettings]
    image_size: ImageSize
    channels: Channels
    crop: Annotated[list[int], Field(min_length=4, max_length=4)] | None = None  # left, top, right, bottom in pixels
    folds: Annotated[int, Field(ge=2, le=100)] = 5
    min_images: Annotated[int, Field(ge=1)]  # least number of photos of a person in the training set
    seed: Annotated[int, Field(ge=0, lt=2**63)]  # of the draw of people and pairs
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.3  # of the people with two or more photos
    pairs_per_fold: Annotated[int, Field(ge=2, le=10_000, multiple_of=2)]

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if "archive" not in self.files:
            raise ValueError("files lacks archive, expected archive, and table, pairs and searches where there are any")
        if self.crop is not None:
            left, top, right, bottom = self.crop
            if not (0 <= left < right and 0 <= top < bottom):
                raise ValueError(f"crop = {self.crop}: expected left < right and top < bottom, none negative")
        return self


def load(settings: Settings, raw: Path) -> FaceSet:
    """The faces of ``raw / FILES["archive"]``, in order of file names, with drawn pairs or listed pairs and searches.

    Test: photos that pairs or searches name. Train: other people with at least ``min_images`` photos. Unlabelled:
    everybody else. Other photos of tested people, photos that the table does not name, and files that are no photos
    are left out; a remark of the set says how many. Files are named without the folders that all of them lie in; the
    tables may give these or leave them out. With landmarks in the table faces are aligned (pipeline.data.alignment).

    The decoded faces stay in memory: 2.5 MB for 200 at 64x64x3. Raises InputError naming file and entry or line.
    """
    archive, table, pairs, searches = (raw / FILES[key] if key in settings.files else None for key in FILES)
    entries = read_entries(archive, within=0 if table else 1)
    remarks = left_out(entries.listed, person_folder(entries.listed) if table is None else lambda name: None, "people")
    say(archive, remarks)
    photos = _by_folder(archive, entries) if table is None else _by_table(archive, entries, table, remarks)
    if settings.crop is not None and photos[0].landmarks is not None:
        raise InputError(f"{table}: has landmarks, and crop = {settings.crop}: expected one of them (crop: null)")
    _check_people(archive, photos)
    chosen, sought = [], []
    if pairs is not None:
        chosen, tested = _listed(settings, archive, pairs, entries, photos)
    elif searches is None:
        chosen, tested = _draw(settings, archive, table, photos)
    else:
        tested = set()
    if searches is not None:
        sought = _searched(archive, searches, entries, photos)
        person = {photo.file: photo.identity for photo in photos}
        tested |= {person[file] for _, file, _ in sought}
    index, chosen, sought = _index(settings, archive, photos, chosen, sought, tested, remarks)
    entry_of = {file: entry for entry, file in entries.files.items()}
    landmarks = {entry_of[photo.file]: photo.landmarks for photo in photos}
    rows = {entry_of[file]: row for row, file in enumerate(index["file"])}
    faces = _decode(settings, archive, rows, landmarks)

    def chunks() -> Iterator[np.ndarray]:
        for start in range(0, len(faces), CHUNK):
            yield faces[start : start + CHUNK]

    return FaceSet(
        index, chosen, chunks, channels=settings.channels, name=settings.name, searches=sought, remarks=remarks
    )


def _by_folder(archive: Path, entries: Entries) -> list[photo_lists.Photo]:
    """Whose each photo is, by the folder that it lies in."""
    photos, folders = [], set()
    for entry, file in sorted(entries.files.items(), key=lambda item: item[1]):
        folder = PurePosixPath(file).parent
        if not folder.name:
            raise InputError(f"{archive}: entry {entry!r} lies in no folder, expected <person>/<file> (or a table)")
        folders.add(folder.as_posix())
        photos.append(photo_lists.Photo(0, file, folder.name, None, None))
    check_folders(archive, folders, "one folder per person")
    return photos


def _by_table(archive: Path, entries: Entries, path: Path, remarks: list[Remark]) -> list[photo_lists.Photo]:
    """The photos that the table names, sorted by file; ``remarks`` get what it does not name."""
    photos: dict[str, photo_lists.Photo] = {}
    for photo in photo_lists.read_photos(path):
        where = f"{path}: line {photo.line}"
        if (file := entries.find(photo.file)) is None:
            raise entries.missing(where, photo.file, archive)
        if file in photos:
            raise InputError(f"{where}: file {photo.file!r} occurs twice, first in line {photos[file].line}")
        photos[file] = photo_lists.Photo(photo.line, file, photo.identity, photo.split, photo.landmarks)
    if left := sorted(entries.known - set(photos)):
        _say(f"{archive}: {len(left)} of {len(entries.known)} images left out: {path.name} does not name them")
        remarks += remark(f"images left out: {path.name} does not name them", left)
    return [photos[file] for file in sorted(photos)]


def _check_people(archive: Path, photos: list[photo_lists.Photo]) -> None:
    people = {photo.identity for photo in photos if photo.identity}
    if len(people) < 2:
        who = f"one person only, {min(people)!r}" if people else "nobody's identity is known"
        raise InputError(
            f"{archive}: {who}, expected one folder per person (or one row per photo in a table) and several"
        )


def _draw(
    settings: Settings, archive: Path, table: Path | None, photos: list[photo_lists.Photo]
) -> tuple[list[tuple], set[str]]:
    """Pairs (protocol, fold, file, file, same) that are drawn, and the people they are of."""
    if photos[0].split is None:
        name = str(archive)
        counts = Counter(photo.identity for photo in photos)
        people = pairing.hold_out(counts, settings.test_share, settings.folds, settings.seed, name)
        counts = {person: counts[person] for person in people}
    else:
        name = f"{table}: split test"
        counts = Counter(photo.identity for photo in photos if photo.split == "test")
    fold_of = pairing.deal(counts, settings.folds, settings.seed, name)
    numbers: list[dict[str, list[int]]] = [{} for _ in range(settings.folds)]
    for number, photo in enumerate(photos):
        if photo.identity in fold_of:
            numbers[fold_of[photo.identity]].setdefault(photo.identity, []).append(number)
    drawn = [
        pairing.draw(photos_of, settings.pairs_per_fold, settings.seed, fold) for fold, photos_of in enumerate(numbers)
    ]
    sizes = [len(pairs) for pairs in drawn]
    if min(sizes) < settings.pairs_per_fold:
        _say(
            f"warning: {name}: {sum(sizes)} pairs drawn, {min(sizes)} to {max(sizes)} per fold, expected"
            f" pairs_per_fold = {settings.pairs_per_fold}: the people to verify have too few photos for more"
        )
    rows = [
        (photo_lists.PROTOCOL, fold, photos[a].file, photos[b].file, same)
        for fold, pairs in enumerate(drawn)
        for a, b, same in pairs
    ]
    return rows, set(counts)


def _listed(
    settings: Settings, archive: Path, path: Path, entries: Entries, photos: list[photo_lists.Photo]
) -> tuple[list[tuple], set[str]]:
    """Pairs (protocol, fold, file, file, same) of the list, and the people they are of."""
    photo_of = {photo.file: photo for photo in photos}
    seen: dict[tuple, int] = {}
    rows, tested = [], set()
    listed = photo_lists.read_pairs(path)
    for pair in listed:
        where = f"{path}: line {pair.line}"
        files = []
        for name in (pair.a, pair.b):
            photo = _test_photo(where, name, archive, entries, photo_of)
            files.append(photo.file)
            tested.add(photo.identity)
        if files[0] == files[1]:
            raise InputError(f"{where}: file {pair.a!r} is paired with itself")
        people = [photo_of[file].identity for file in files]
        if pair.same != (people[0] == people[1]):
            raise InputError(
                f"{where}: same {int(pair.same)}, but the photos are of {people[0]!r} and {people[1]!r}, expected"
                f" {int(not pair.same)}"
            )
        if (first := seen.setdefault((pair.protocol, *sorted(files)), pair.line)) != pair.line:
            raise InputError(f"{where}: the pair occurs twice in protocol {pair.protocol}, first in line {first}")
        rows.append((pair.protocol, pair.fold, *files, pair.same))
    table = pd.DataFrame(rows, columns=["protocol", "fold", "a", "b", "same"])
    for protocol, group in table.groupby("protocol", sort=True):
        name = f"{path}: protocol {protocol}"
        same = group["same"].tolist()
        if listed[0].fold is None:
            folds = pairing.deal_pairs(same, settings.folds, name)
        else:
            folds = pairing.number_folds(group["fold"].tolist(), same, name)
        table.loc[group.index, "fold"] = folds
    return list(table.itertuples(index=False, name=None)), tested


def _searched(
    archive: Path, path: Path, entries: Entries, photos: list[photo_lists.Photo]
) -> list[tuple[str, str, str]]:
    """Protocol, file and role of each row of the list of searches."""
    photo_of = {photo.file: photo for photo in photos}
    seen: dict[tuple[str, str], int] = {}
    people: dict[tuple[str, str], set[str]] = {}  # by protocol and role
    listed = [(row, _test_photo(f"{path}: line {row.line}", row.file, archive, entries, photo_of))
             for row in photo_lists.read_searches(path)]  # fmt: skip
    for row, photo in listed:
        if (first := seen.setdefault((row.protocol, photo.file), row.line)) != row.line:
            raise InputError(f"{path}: line {row.line}: file {row.file!r} occurs twice, first in line {first}")
        people.setdefault((row.protocol, row.role), set()).add(photo.identity)
    for row, photo in listed:
        where, role = f"{path}: line {row.line}: {row.role} {row.file!r}", row.role
        if role == "probe" and photo.identity not in people.get((row.protocol, "gallery"), ()):
            raise InputError(f"{where} shows {photo.identity!r}, expected a photo of this person in the gallery too")
        if role == "distractor" and photo.identity in people.get((row.protocol, "probe"), ()):
            raise InputError(f"{where} shows {photo.identity!r}, expected somebody whom no probe shows")
    return [(row.protocol, photo.file, row.role) for row, photo in listed]


def _test_photo(
    where: str, name: str, archive: Path, entries: Entries, photo_of: dict[str, photo_lists.Photo]
) -> photo_lists.Photo:
    """The photo that a list calls ``name``; an error where it is not there or not to be tested on."""
    if (file := entries.find(name)) is None:
        raise entries.missing(where, name, archive)
    if file not in photo_of:
        raise InputError(f"{where}: file {name!r} is not in {FILES['table']}, expected a row of it")
    if photo_of[file].split not in (None, "test"):
        raise InputError(f"{where}: file {name!r} is of split {photo_of[file].split}, expected one of split test")
    return photo_of[file]


def _index(
    settings: Settings,
    archive: Path,
    photos: list[photo_lists.Photo],
    chosen: list[tuple],
    sought: list[tuple],
    tested: set[str],
    remarks: list[Remark],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The index of faces and the tables of pairs and searches; ``remarks`` get the photos that are left out."""
    named = {file for _, _, *files, _ in chosen for file in files} | {file for _, file, _ in sought}
    spare = {photo.file for photo in photos if photo.split == "test" or photo.identity in tested} - named
    if spare:
        _say(f"{archive}: {len(spare)} of {len(photos)} images left out: of people to verify, but in no pair")
        remarks += remark("images left out: of people to verify, but in no pair", sorted(spare))
    kept = [photo for photo in photos if photo.file not in spare]
    to_learn = Counter(photo.identity for photo in kept if photo.split != "unlabelled")
    index = pd.DataFrame(
        [
            (
                face,
                photo.file,
                photo.identity,
                "test"
                if photo.file in named
                else "unlabelled"
                if photo.split == "unlabelled" or to_learn[photo.identity] < settings.min_images
                else "train",
            )
            for face, photo in enumerate(kept)
        ],
        columns=["face", "file", "identity", "split"],
    )
    if (people := index.loc[index["split"] == "train", "identity"].nunique()) < 2:
        raise InputError(
            f"{archive}: min_images = {settings.min_images} leaves {people} people to train on, expected two or more"
            " beside those to verify"
        )
    face_of = dict(zip(index["file"], index["face"]))
    pairs = pd.DataFrame(chosen, columns=["protocol", "fold", "a", "b", "same"])
    pairs = pairs.assign(
        pair=pairs.groupby("protocol").cumcount(),
        fold=pairs["fold"].astype(np.int64),
        a=pairs["a"].map(face_of),
        b=pairs["b"].map(face_of),
    )
    searches = pd.DataFrame(sought, columns=["protocol", "face", "role"])
    searches = searches.assign(face=searches["face"].map(face_of).astype(np.int64))
    return index, pairs[list(PAIR_COLUMNS)], searches[list(SEARCH_COLUMNS)]


def _decode(
    settings: Settings, archive: Path, rows: dict[str, int], landmarks: dict[str, np.ndarray | None]
) -> np.ndarray:
    """The faces, uint8 (N, S, S, C); ``rows`` tells where each entry's goes."""
    size, channels = settings.image_size, settings.channels
    faces = np.zeros((len(rows), size, size, channels), dtype=np.uint8)
    crop = None if settings.crop is None else tuple(settings.crop)
    for member in archives.members(archive, only=rows):
        row = rows[member.name]
        name = f"{archive}: {member.name}"
        if (points := landmarks[member.name]) is None:
            faces[row] = images.decode(member.data, name, size=size, channels=channels, crop=crop)
        else:
            faces[row] = alignment.decode(member.data, name, points, size=size, channels=channels)
    return faces


def _say(line: str) -> None:
    print(one_line(line), file=sys.stderr, flush=True)
