"""Photo-sketch pairs out of an archive of the user's: found by name, divided into parts, aligned or cut."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from pipeline.data import alignment, archives, images
from pipeline.data.archive_files import Files, list_files, passed_over
from pipeline.data.photo_lists import read_landmarks, read_names
from pipeline.data.picture_sources import matching
from pipeline.data.remarks import Remark, remark, say
from pipeline.errors import InputError, one_line
from pipeline.params.name_rules import Matched, match
from pipeline.params.sketch_pairs import Eyes, FilePairs, Folders

PAPER = 255  # what lies outside of an aligned sketch
TABLES = {"landmarks": "landmarks.csv", "train_list": "train.txt", "test_list": "test.txt"}
SHOWN = 20  # files passed over whose names are shown


@dataclass(frozen=True)
class Pair:
    """A pair: its name within the set, "train" or "test", and its files."""

    name: str
    part: str
    photo: str
    sketch: str


@dataclass(frozen=True)
class PlannedSet:
    """A set of pairs: which, and how to come by their pixels.

    ``pictures()`` yields ("photos" or "sketches", numbers of pairs (n,), uint8 (n, S, S, C)), in any order, each
    once. ``remarks`` are what was left out or come upon.
    """

    pairs: list[Pair]
    label: str
    rendered: bool
    pictures: Callable[[], Iterator[tuple[str, np.ndarray, np.ndarray]]]
    remarks: Sequence[Remark] = ()


def table_name(set_name: str, table: str) -> str:
    """The name that a set's table is dropped in under: "own-landmarks.csv"."""
    return f"{set_name}-{TABLES[table]}"


def plan_files(set_name: str, settings: FilePairs, raw: Path, image_size: int, channels: int) -> PlannedSet:
    """Find the pairs in ``raw / settings.name``, train before test, in order of what their names agree in.

    Raises InputError in one line that names archive and file: a pattern that matches nothing, a file that is photo
    and sketch or in both parts, doubly matched, unmatched (unless these are skipped), named by a list but not there,
    without landmarks; a part of another size than ``counts`` says. Decoding raises as pipeline.data.images does.
    """
    archive = raw / settings.name
    if not archive.is_file():
        provider = settings.provider or f"whoever publishes {settings.label}"
        raise InputError(f"{archive}: no such file, expected the archive of {settings.label}, given out by {provider}")
    files, remarks = list_files(archive), []
    stored = files.photos
    matched = {
        part: _match(archive, part, folders, files, settings, remarks) for part, folders in settings.parts.items()
    }
    if "all" in matched:
        matched = _divide(set_name, settings, raw, matched["all"], remarks)
    _check_parts(archive, settings, matched)
    pairs = [
        Pair(f"{part}/{'-'.join(pair.key)}", part, pair.photo, pair.sketch)
        for part in ("train", "test")
        for pair in matched.get(part, [])
    ]
    landmarks = _landmarks(set_name, settings, raw, pairs)

    def pictures() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        wanted = {stored[pair.photo]: ("photos", number, pair.photo) for number, pair in enumerate(pairs)}
        wanted |= {stored[pair.sketch]: ("sketches", number, pair.sketch) for number, pair in enumerate(pairs)}
        for member in archives.members(archive, only=wanted):
            kind, number, file = wanted[member.name]
            box = settings.photo_crop if kind == "photos" else settings.sketch_crop
            depth = channels if kind == "photos" else 1
            name = f"{archive}: {file}"
            if landmarks is None:
                crop = "centre" if box is None else tuple(box)
                picture = images.decode(member.data, name, size=image_size, channels=depth, crop=crop)
            else:
                picture = alignment.decode(
                    member.data, name, landmarks[file], size=image_size, channels=depth,
                    template=template(settings.eyes)[: len(landmarks[file])], outside=0 if kind == "photos" else PAPER,
                )  # fmt: skip
            yield kind, np.array([number]), picture[None]

    return PlannedSet(pairs, settings.label, False, pictures, remarks)


def template(eyes: Eyes) -> np.ndarray:
    """Five landmarks (5, 2) in a picture of alignment.TEMPLATE_SIDE: ArcFace's, moved and scaled to ``eyes``."""
    side = alignment.TEMPLATE_SIDE
    left, right = alignment.TEMPLATE[:2]
    scale = eyes.distance * side / np.hypot(*(right - left))
    # Pixel centres: the middle of the picture is at (side - 1) / 2.
    middle = np.array([0.5 * side, eyes.height * side]) - 0.5
    return (alignment.TEMPLATE - (left + right) / 2) * scale + middle


def _match(
    archive: Path, part: str, folders: Folders, files: Files, settings: FilePairs, remarks: list[Remark]
) -> list[Matched]:
    """The pairs of one part; ``remarks`` get the files that the patterns match and that are left out."""
    where, stored = f"{archive}: parts.{part}", files.photos
    sides = {}
    for what in ("photos", "sketches"):
        pattern = getattr(folders, what)
        sides[what] = matching(pattern, stored, settings.name)
        if not sides[what]:
            such = f", such as {min(stored)!r}" if stored else ""
            raise InputError(
                f"{where}.{what}: {pattern!r} matches none of {len(stored)} image files, expected some{such}"
                f"{files.said()}"
            )
        others = passed_over(files, sides[what], matching(pattern, files.others, settings.name))
        say(where, others)
        remarks += others
    if both := sides["photos"] & sides["sketches"]:
        raise InputError(f"{where}: {min(both)!r} is of photos and of sketches, expected patterns that tell them apart")
    pairs, left = match(where, sides["photos"], sides["sketches"], folders.names.photo, folders.names.sketch)
    if left and (settings.unmatched == "refuse" or not pairs):
        more = f" (and {len(left) - 1} more; unmatched: skip leaves them out)" if len(left) > 1 else ""
        raise InputError(left[0] + more + files.said())
    for line in left[:SHOWN]:
        _say(f"{line}: left out")
    if len(left) > SHOWN:
        _say(f"{where}: {len(left) - SHOWN} more files without a partner left out")
    paired = {file for pair in pairs for file in (pair.photo, pair.sketch)}
    remarks += remark(f"files to {part} on left out: without a partner", sorted(set().union(*sides.values()) - paired))
    return pairs


def _divide(
    set_name: str, settings: FilePairs, raw: Path, pairs: list[Matched], remarks: list[Remark]
) -> dict[str, list[Matched]]:
    if settings.train_count is not None:
        if settings.train_count >= len(pairs):
            raise InputError(
                f"{raw / settings.name}: train_count = {settings.train_count} of {len(pairs)} pairs, expected fewer:"
                " the rest is to test on"
            )
        return {"train": pairs[: settings.train_count], "test": pairs[settings.train_count :]}
    train = _listed(raw / table_name(set_name, "train_list"), pairs, raw / settings.name)
    if settings.files.test_list is None:
        test = {pair.key for pair in pairs} - train
        if not test:
            path = raw / table_name(set_name, "train_list")
            raise InputError(f"{path}: names all {len(pairs)} photos, expected fewer")
    else:
        path = raw / table_name(set_name, "test_list")
        test = _listed(path, pairs, raw / settings.name)
        if both := train & test:
            raise InputError(
                f"{path}: {'-'.join(min(both))!r} is to train on too, expected each photo in a single part"
            )
        if rest := [pair.photo for pair in pairs if pair.key not in train | test]:
            _say(f"{raw / settings.name}: {len(rest)} of {len(pairs)} pairs are in neither list: left out")
            remarks += remark("pairs left out: in neither list", rest)
    return {part: [pair for pair in pairs if pair.key in keys] for part, keys in (("train", train), ("test", test))}


def _listed(path: Path, pairs: list[Matched], archive: Path) -> set[tuple[str, ...]]:
    """The keys of the photos that a list names: by path, by name, or by name without suffix, in any letter case."""
    known: dict[str, set[tuple[str, ...]]] = {}
    for pair in pairs:
        name = PurePosixPath(pair.photo)
        for form in {pair.photo.casefold(), name.name.casefold(), name.stem.casefold()}:
            known.setdefault(form, set()).add(pair.key)
    keys: set[tuple[str, ...]] = set()
    for name in read_names(path):
        photos = known.get(name.casefold(), set())
        if len(photos) != 1:
            what = f"means {len(photos)} photos" if photos else "is no photo with a sketch"
            raise InputError(f"{path}: file {name!r} {what} in {archive}, expected one, as in {pairs[0].photo!r}")
        if photos <= keys:
            raise InputError(f"{path}: file {name!r} is named before in another form, expected each photo once")
        keys |= photos
    return keys


def _check_parts(archive: Path, settings: FilePairs, matched: dict[str, list[Matched]]) -> None:
    for part in ("train", "test"):
        expected = getattr(settings.counts, part)
        if expected is not None and part in matched and len(matched[part]) != expected:
            raise InputError(
                f"{archive}: {len(matched[part])} pairs to {part} on, expected {expected}, as counts.{part} says"
                + (" for the published protocol" if settings.preset else "")
            )
    parts_of: dict[str, str] = {}
    for part, pairs in matched.items():
        for pair in pairs:
            for file in (pair.photo, pair.sketch):
                if (other := parts_of.setdefault(file, part)) != part:
                    raise InputError(f"{archive}: {file!r} is to {other} and to {part} on, expected a file of one part")


def _landmarks(set_name: str, settings: FilePairs, raw: Path, pairs: list[Pair]) -> dict[str, np.ndarray] | None:
    if settings.files.landmarks is None:
        return None
    path = raw / table_name(set_name, "landmarks")
    landmarks = read_landmarks(path)
    for pair in pairs:
        for file in (pair.photo, pair.sketch):
            if file not in landmarks:
                raise InputError(f"{path}: no landmarks of {file!r}, expected a row for every photo and sketch")
    return landmarks


def _say(line: str) -> None:
    print(one_line(line), file=sys.stderr, flush=True)
