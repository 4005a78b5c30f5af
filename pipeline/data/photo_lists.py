"""Reads the tables that come with a user's photos: whose they are, which pairs to verify, whom to look for.

Both are CSV in UTF-8 with commas and a header line; the order of columns is free.
"""

from __future__ import annotations

import csv
import math
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.data import alignment
from pipeline.data.archive_files import plain_name
from pipeline.data.faceset import ROLES, SPLITS
from pipeline.data.text_lines import read_lines
from pipeline.errors import InputError

LANDMARK_COLUMNS = tuple(f"{point}_{axis}" for point in alignment.POINTS for axis in "xy")
MAX_PIXELS = 1e6  # no landmark lies further out
MAX_COLUMNS = 100
MAX_ROW_LINES = 100  # of one row: a value in quotes may hold ends of lines
PROTOCOL = "pairs"  # what pairs belong to where nothing is said
SEARCH = "search"  # likewise probes and galleries
PROTOCOL_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@dataclass(frozen=True)
class Photo:
    """A row of the table of photos. ``split`` is None where the table has no such column."""

    line: int
    file: str
    identity: str
    split: str | None
    landmarks: np.ndarray | None  # (5, 2) in pixels of the upright image


@dataclass(frozen=True)
class Pair:
    """A row of a pair list. ``fold`` is None where the list has no such column."""

    line: int
    a: str
    b: str
    same: bool
    fold: int | None
    protocol: str


@dataclass(frozen=True)
class Sought:
    """A row of a list of searches."""

    line: int
    file: str
    role: str
    protocol: str


def read_photos(path: str | Path) -> list[Photo]:
    """Read the table of photos: ``file,identity``, and optionally ``split`` and all of LANDMARK_COLUMNS.

    Raises InputError naming file and line: a file twice, no identity where split is not "unlabelled", one person
    in test and in another split, landmarks that are missing, no numbers, or not those of a face.
    """
    photos: list[Photo] = []
    lines: dict[str, int] = {}
    people: dict[str, Photo] = {}
    for line, row in _rows(path, ("file", "identity"), ("split", *LANDMARK_COLUMNS)):
        where = f"{path}: line {line}"
        given = [column for column in LANDMARK_COLUMNS if column in row]
        if given and len(given) < len(LANDMARK_COLUMNS):
            missing = next(column for column in LANDMARK_COLUMNS if column not in row)
            raise InputError(f"{path}: line 1: no column {missing}, expected all {len(LANDMARK_COLUMNS)} of landmarks")
        photo = Photo(
            line,
            _file(where, "file", row),
            unicodedata.normalize("NFC", row["identity"]),
            row.get("split"),
            _landmarks(where, row) if given else None,
        )
        if (first := lines.setdefault(photo.file, line)) != line:
            raise InputError(f"{where}: file {photo.file!r} occurs twice, first in line {first}")
        if photo.split is not None and photo.split not in SPLITS:
            raise InputError(f"{where}: split {photo.split!r}, expected one of {', '.join(SPLITS)}")
        if not photo.identity.isprintable():
            raise InputError(f"{where}: identity {photo.identity!r}, expected printable characters")
        if photo.identity:
            other = people.setdefault(photo.identity, photo)
            if photo.split != other.split and "test" in (photo.split, other.split):
                raise InputError(
                    f"{where}: identity {photo.identity!r} is in split {photo.split}, but in {other.split} in line"
                    f" {other.line}: expected people of test in no other"
                )
        elif photo.split != "unlabelled":
            raise InputError(f"{where}: no identity, expected one (or split unlabelled)")
        photos.append(photo)
    return photos


def read_pairs(path: str | Path) -> list[Pair]:
    """Read a pair list: ``file_a,file_b,same`` and optionally ``fold`` and ``protocol``.

    ``same`` is 0 or 1. Raises InputError naming file and line.
    """
    pairs = []
    for line, row in _rows(path, ("file_a", "file_b", "same"), ("fold", "protocol")):
        where = f"{path}: line {line}"
        if row["same"] not in ("0", "1"):
            raise InputError(f"{where}: same {row['same']!r}, expected 0 or 1")
        fold, protocol = row.get("fold"), row.get("protocol", PROTOCOL)
        if fold is not None and not (fold.isascii() and fold.isdecimal() and len(fold) < 10):
            raise InputError(f"{where}: fold {fold!r}, expected a whole number from 0")
        _check_protocol(where, protocol)
        a, b = _file(where, "file_a", row), _file(where, "file_b", row)
        pairs.append(Pair(line, a, b, row["same"] == "1", None if fold is None else int(fold), protocol))
    return pairs


def read_searches(path: str | Path) -> list[Sought]:
    """Read a list of searches: ``file,role`` and optionally ``protocol``; see pipeline.data.faceset for the roles.

    Raises InputError naming file and line.
    """
    result = []
    for line, row in _rows(path, ("file", "role"), ("protocol",)):
        where = f"{path}: line {line}"
        if row["role"] not in ROLES:
            raise InputError(f"{where}: role {row['role']!r}, expected one of {', '.join(ROLES)}")
        protocol = row.get("protocol", SEARCH)
        _check_protocol(where, protocol)
        result.append(Sought(line, _file(where, "file", row), row["role"], protocol))
    return result


def read_landmarks(path: str | Path) -> dict[str, np.ndarray]:
    """Read a table of landmarks: ``file`` and all of LANDMARK_COLUMNS, or those of the two eyes alone.

    Returns (5, 2) or (2, 2), pixels of the upright image, by file. Raises InputError naming file and line: a file
    twice, a column that is missing, no numbers, landmarks that are not those of a face, eyes exchanged or in one
    point.
    """
    landmarks: dict[str, np.ndarray] = {}
    eyes = LANDMARK_COLUMNS[:4]
    for line, row in _rows(path, ("file", *eyes), LANDMARK_COLUMNS[4:]):
        where = f"{path}: line {line}"
        if 5 < len(row) <= len(LANDMARK_COLUMNS):
            missing = next(column for column in LANDMARK_COLUMNS if column not in row)
            raise InputError(f"{path}: line 1: no column {missing}, expected all landmarks, or the two eyes alone")
        file = _file(where, "file", row)
        if file in landmarks:
            raise InputError(f"{where}: file {file!r} occurs twice")
        landmarks[file] = _landmarks(where, row) if len(row) > 5 else _eyes(where, row)
    return landmarks


def read_names(path: str | Path) -> list[str]:
    """Read a list of files, one per line; blank lines and those that begin with # are passed over.

    Raises InputError naming file and line: not UTF-8, a file twice, none at all.
    """
    line_of: dict[str, int] = {}
    for line, text in enumerate(read_lines(path, "a list of files"), 1):
        name = text.strip()
        if not name or name.startswith("#"):
            continue
        name = plain_name(name)
        if (first := line_of.setdefault(name, line)) != line:
            raise InputError(f"{path}: line {line}: file {name!r} occurs twice, first in line {first}")
    if not line_of:
        raise InputError(f"{path}: names no files, expected one per line")
    return list(line_of)


def _check_protocol(where: str, protocol: str) -> None:
    if not 0 < len(protocol) <= 40 or not PROTOCOL_CHARACTERS.issuperset(protocol):
        raise InputError(f"{where}: protocol {protocol!r}, expected letters, digits, _ and -, 40 at most")


def _rows(path: str | Path, needed: Collection[str], possible: Collection[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row by column with the line it ends at; blank lines are passed over, spaces around values dropped."""
    lines = _Counted(read_lines(path, "a CSV table"))
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    count = 0
    try:
        for fields in reader:
            lines.since = 0
            fields = [field.strip() for field in fields]
            if not any(fields):
                continue
            if header is None:
                header = fields
                _check_header(f"{path}: line {reader.line_num}", header, needed, possible)
                continue
            if len(fields) != len(header):
                raise InputError(
                    f"{path}: line {reader.line_num}: {len(fields)} values, expected {len(header)}: {','.join(header)}"
                )
            count += 1
            yield reader.line_num, dict(zip(header, fields))
    except (csv.Error, _EndlessRow) as error:
        raise InputError(f"{path}: line {reader.line_num}: not a CSV table ({error})") from error
    if not count:
        raise InputError(f"{path}: no rows, expected a header line {','.join(needed)} and a row or more")


class _EndlessRow(Exception):
    """A row goes on and on, in quotes."""


class _Counted:
    """Lines for csv, counted from when ``since`` was last set to 0: csv could take all lines for a single row."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.since = lines, 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        self.since += 1
        if self.since > MAX_ROW_LINES:
            raise _EndlessRow(f"a row of more than {MAX_ROW_LINES} lines, the limit: a quote that does not end?")
        return next(self.lines)


def _check_header(where: str, header: list[str], needed: Collection[str], possible: Collection[str]) -> None:
    if len(header) > MAX_COLUMNS:
        raise InputError(f"{where}: {len(header)} columns, the limit is {MAX_COLUMNS}, expected {','.join(needed)}")
    missing = [column for column in needed if column not in header]
    unknown = [column for column in header if column not in (*needed, *possible)]
    twice = [column for column in header if header.count(column) > 1]
    if missing or unknown or twice:
        what = (
            f"no column {missing[0]!r}" if missing else f"column {unknown[0]!r}" if unknown else f"{twice[0]!r} twice"
        )
        raise InputError(
            f"{where}: {what} in {','.join(header)[:80]!r}, expected columns {','.join(needed)}, and of"
            f" {','.join(possible)} those that are known"
        )


def _file(where: str, column: str, row: dict[str, str]) -> str:
    if not row[column]:
        raise InputError(f"{where}: no value in column {column}, expected a file in the archive")
    return plain_name(row[column])


def _landmarks(where: str, row: dict[str, str]) -> np.ndarray:
    landmarks = _points(where, row, LANDMARK_COLUMNS)
    if (problem := alignment.problem(landmarks)) is not None:
        raise InputError(f"{where}: {problem}")
    return landmarks


def _eyes(where: str, row: dict[str, str]) -> np.ndarray:
    eyes = _points(where, row, LANDMARK_COLUMNS[:4])
    across = eyes[1, 0] - eyes[0, 0]
    # A head may lie on its side, at most.
    if np.hypot(*(eyes[1] - eyes[0])) < 1 or across < 0:
        raise InputError(
            f"{where}: left_eye at x {eyes[0, 0]:g}, right_eye at x {eyes[1, 0]:g}, expected left_eye to be the one on"
            " the left of the picture, a pixel or more from the other"
        )
    return eyes


def _points(where: str, row: dict[str, str], columns: Collection[str]) -> np.ndarray:
    values = []
    for column in columns:
        text = row[column]
        try:
            value = float(text) if "_" not in text else math.nan  # Python alone reads 1_000
        except ValueError:
            value = math.nan
        if not abs(value) <= MAX_PIXELS:
            raise InputError(f"{where}: {column} {text!r}, expected a number of pixels, {MAX_PIXELS:,.0f} at most")
        values.append(value)
    return np.array(values).reshape(-1, 2)
