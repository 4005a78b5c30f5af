"""TinyFace (Cheng, Zhu, Gong, "Low-Resolution Face Recognition", ACCV 2018): identification of natively poor faces.

Established from the readme of the data set and from public code that reads it: folders and their numbers of pictures,
``Training_Set/<person>/<person>_<picture>.jpg`` (7,804 of 2,570 people), ``Testing_Set/Gallery_Match`` (4,443),
``Gallery_Distractor`` (153,428) and ``Probe`` (3,728), flat, the last two of 2,569 other people; and the two .mat
files of picture names and people (``gallery_set`` and ``gallery_ids``, ``probe_set`` and ``probe_ids``), which lie in
``Testing_Set`` and, by some accounts, in ``Face_Identification_Evaluation`` too. Assumed: that people are numbered
through both sets, so that a number that is in both is refused as a leak. No checksum is published.

With ``train.zip``, one folder per person, that is trained on instead of ``Training_Set``: A-SKD trains on
CASIA-WebFace. Whether it shows people of TinyFace cannot be checked here.

Pictures are crops of about 20 pixels, of various sizes; they are taken whole and brought to ``image_size``. A-SKD
and others evaluate on crops that a face detector aligned, which changes the numbers: compare only like with like.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pipeline.data import archives, images
from pipeline.data.archive_files import Files, check_folders, left_out, list_files, person_folder
from pipeline.data.contact_sheet import contact_sheet
from pipeline.data.faceset import PAIR_COLUMNS, SEARCH_COLUMNS, FaceSet
from pipeline.data.matlab import read_named_ids
from pipeline.data.remarks import Remark, remark, say
from pipeline.errors import InputError
from pipeline.params.faces import Channels, ImageSize, RemoteFileSettings
from pipeline.params.loading import Settings as Base

FILES = {"archive": "tinyface.zip", "train": "train.zip"}  # either may be a tar
PROVIDER = "Queen Mary University of London (qmul-tinyface.github.io)"
NAME = "TinyFace"
PROTOCOL = "tinyface"
TRAIN, DISTRACTORS = "Training_Set", "Gallery_Distractor"
# Role -> folder, list in Testing_Set, and its two variables.
LISTED = {
    "gallery": ("Gallery_Match", "gallery_match_img_ID_pairs.mat", "gallery_set", "gallery_ids"),
    "probe": ("Probe", "probe_img_ID_pairs.mat", "probe_set", "probe_ids"),
}
CHUNK = 1024  # faces in one chunk
SHEET_PEOPLE, SHEET_PHOTOS = 6, 10  # of the report's picture


class Settings(Base):
    """TinyFace under its published protocol."""

    source: Literal["tinyface"]
    files: dict[Literal["archive", "train"], RemoteFileSettings]
    image_size: ImageSize
    channels: Channels
    min_images: Annotated[int, Field(ge=1)]  # least number of pictures of a person in the training set
    max_distractors: Annotated[int, Field(ge=0)] | None = None  # the first so many, to try things out; null: all

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if "archive" not in self.files:
            raise ValueError("files lacks archive, expected archive, and train where other faces are trained on")
        return self


def load(settings: Settings, raw: Path) -> FaceSet:
    """The faces in order of the archives, the training set first where it is an archive of its own; one search, no
    pairs.

    Train: people with at least ``min_images`` pictures; the others are unlabelled. Test: probes, their mates, and
    distractors, who have no identity. An archive is read once for names and once for each use of the faces, one chunk
    in memory at a time. Raises InputError naming archive and entry or list.
    """
    archive, uses_training_set = raw / FILES["archive"], "train" not in settings.files
    listed = {archive.name: list_files(archive)}
    placed, lists, remarks = _places(archive, listed[archive.name])
    rows = _rows(
        settings,
        archive,
        [place for place in placed if uses_training_set or place[1] != TRAIN],
        lists,
        listed[archive.name].said(),
    )
    sources = [archive]
    if not uses_training_set:
        sources.insert(0, raw / FILES["train"])
        listed[sources[0].name] = list_files(sources[0])
        rows = _people_of(sources[0], listed[sources[0].name], remarks) + rows
    index = _index(rows, settings.min_images, sources[0])
    wanted = set(index["file"])

    def decoded(wanted: Collection[str]) -> Iterator[tuple[str, np.ndarray]]:
        """Name in the index and face of those that are ``wanted``, in index order."""
        size, channels = settings.image_size, settings.channels
        for path in sources:
            photos = listed[path.name].photos
            files = {
                stored: f"{path.name}/{name}" for name, stored in photos.items() if f"{path.name}/{name}" in wanted
            }
            for member in archives.members(path, only=files) if files else ():
                # The smallest faces have 6 pixels per side.
                name = f"{path}: {member.name}"
                yield files[member.name], images.decode(member.data, name, size=size, channels=channels, min_side=1)

    def chunks() -> Iterator[np.ndarray]:
        faces = decoded(wanted)
        while chunk := [face for _, face in itertools.islice(faces, CHUNK)]:
            yield np.stack(chunk)

    def sheet() -> np.ndarray:
        train = index[index["split"] == "train"]
        people = train["identity"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        shown = train[train["identity"].isin(people.index[:SHEET_PEOPLE])].groupby("identity").head(SHEET_PHOTOS)
        whose = dict(zip(shown["file"], shown["identity"]))
        files, faces = zip(*decoded(whose))
        names = np.array([whose[file] for file in files])
        return contact_sheet(np.stack(faces), names, people=SHEET_PEOPLE, photos=SHEET_PHOTOS)

    searches = index[index["role"] != ""].assign(protocol=PROTOCOL)[list(SEARCH_COLUMNS)]
    return FaceSet(
        index.drop(columns="role"),
        pd.DataFrame(columns=list(PAIR_COLUMNS)),
        chunks,
        channels=settings.channels,
        name=NAME,
        sheet=sheet,
        searches=searches.reset_index(drop=True),
        remarks=remarks,
    )


def _places(
    archive: Path, files: Files
) -> tuple[list[tuple[str, str, str]], dict[str, list[tuple[str, int]]], list[Remark]]:
    """(file, folder that says what it is, its folder's name) of each picture; the two lists by role; what is left
    out.

    Raises InputError where a list is missing, and where a folder of the layout is in two places.
    """
    placed: list[tuple[str, str, str]] = []
    folders = {folder for folder, *_ in LISTED.values()} | {DISTRACTORS}
    places: dict[str, str] = {}  # folder that says what it is -> its path

    def group_of(name: str) -> str | None:
        path = PurePosixPath(name)
        if path.parent.name in folders:
            return path.parent.name
        return f"{TRAIN}/{path.parent.name}" if path.parent.parent.name == TRAIN else None

    elsewhere = []
    for name in files.photos:
        path, group = PurePosixPath(name), group_of(name)
        if group is None:
            elsewhere.append(name)
            continue
        kind, _, person = group.partition("/")
        place = (path.parent.parent if person else path.parent).as_posix()
        if person and (other := places.setdefault(kind, place)) != place:
            raise InputError(f"{archive}: folders {other!r} and {place!r} have the same name, expected one {kind}")
        placed.append((name, kind, person))
    entries = {}
    for role, (_, file, *_) in LISTED.items():
        for name, stored in files.others.items():
            if PurePosixPath(name).name == file and PurePosixPath(name).parent.name == "Testing_Set":
                entries[stored] = role
        if role not in entries.values():
            raise InputError(f"{archive}: no Testing_Set/{file}, expected TinyFace's list of its {role} pictures")
    lists: dict[str, list[tuple[str, int]]] = {}
    for member in archives.members(archive, only=entries):
        role = entries[member.name]
        lists[role] = read_named_ids(member.data, f"{archive}: {member.name}", *LISTED[role][2:])
    remarks = left_out(files, group_of, "people")
    remarks += remark("images left out: in no folder of TinyFace's layout", sorted(elsewhere))
    say(archive, remarks)
    return placed, lists, remarks


def _people_of(archive: Path, files: Files, remarks: list[Remark]) -> list[tuple[str, str, str, str]]:
    """The rows of an archive with one folder per person; ``remarks`` get what is left out."""
    rows, folders = [], set()
    for name in files.photos:
        folder = PurePosixPath(name).parent.as_posix()
        if folder == ".":
            raise InputError(f"{archive}: entry {name!r} is in no folder, expected one folder per person")
        folders.add(folder)
        # The prefix keeps a person called 18 apart from person 18 of TinyFace.
        rows.append((f"{archive.name}/{name}", f"{archive.name}/{folder}", "train", ""))
    if not rows:
        raise files.no_photos("one folder per person")
    check_folders(archive, folders, "one folder per person")
    omitted = left_out(files, person_folder(files), "people")
    say(archive, omitted)
    remarks += omitted
    return rows


def _rows(
    settings: Settings,
    archive: Path,
    placed: list[tuple[str, str, str]],
    lists: dict[str, list[tuple[str, int]]],
    said: str,
) -> list[tuple[str, str, str, str]]:
    """File, identity, split and role in the search ("": none) of each face in use; ``said`` ends a message."""
    listed: dict[str, tuple[str, str]] = {}  # entry -> role, person
    for role, (folder, file, *_) in LISTED.items():
        entries: dict[str, str] = {}
        for entry in (entry for entry, kind, _ in placed if kind == folder):
            if (other := entries.setdefault(PurePosixPath(entry).name, entry)) != entry:
                raise InputError(
                    f"{archive}: entries {other!r} and {entry!r} have the same name, expected one {folder}"
                )
        for name, person in lists[role]:
            if name not in entries:
                raise InputError(f"{archive}: {file} names {name!r}, which is not in Testing_Set/{folder}{said}")
            if entries[name] in listed:
                raise InputError(f"{archive}: {file} names {name!r} twice, expected each picture once")
            listed[entries[name]] = role, str(person)
        if left := set(entries.values()) - set(listed):
            raise InputError(f"{archive}: {min(left)!r} is not in {file}, expected every picture of {folder} there")
    tested = {person for _, person in listed.values()}
    rows, distractors = [], 0
    for entry, folder, person in placed:
        file = f"{archive.name}/{entry}"
        if folder == TRAIN:
            if person in tested:
                raise InputError(f"{archive}: {entry!r} is of person {person}, who is in Testing_Set too")
            rows.append((file, person, "train", ""))
        elif folder != DISTRACTORS:
            role, person = listed[entry]
            rows.append((file, person, "test", role))
        elif settings.max_distractors is None or distractors < settings.max_distractors:
            distractors += 1
            rows.append((file, "", "test", "distractor"))
    return rows


def _index(rows: list[tuple[str, str, str, str]], min_images: int, archive: Path) -> pd.DataFrame:
    """The index, and beside its columns the role."""
    index = pd.DataFrame(rows, columns=["file", "identity", "split", "role"])
    train = index["split"] == "train"
    few = index.groupby("identity")["file"].transform("size") < min_images
    index.loc[train & few, "split"] = "unlabelled"
    people = index.loc[index["split"] == "train", "identity"].nunique()
    if people < 2:
        raise InputError(
            f"{archive}: min_images = {min_images} leaves {people} people to train on, expected two or more"
        )
    index.insert(0, "face", np.arange(len(index)))
    return index
