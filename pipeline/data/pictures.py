"""Pictures of unequal sizes on disk: their pixels in sequence in a .npy, and a table of where each picture lies."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.data.arrays import open_array
from pipeline.data.remarks import Remark, Remarked
from pipeline.errors import InputError
from pipeline.files import atomic_directory, read_json, write_json
from pipeline.params.loading import validate

PIXELS, TABLE, NOTES = "pixels.npy", "pictures.csv", "notes.json"
COLUMNS = ("picture", "name", "offset", "height", "width", "channels")
UNPRINTABLE = re.compile("[\x00-\x1f\ud800-\udfff]")  # control characters, and bytes that are not UTF-8


@dataclass(frozen=True)
class _Place:
    """A row of the table; ``offset`` counts pixel values before the picture's."""

    picture: int
    name: str
    offset: int
    height: int
    width: int
    channels: int

    @property
    def size(self) -> int:
        return self.height * self.width * self.channels


def pack(
    folder: str | os.PathLike[str], pictures: Iterable[tuple[str, np.ndarray]], remarks: Sequence[Remark] = ()
) -> None:
    """Write (name, uint8 (H, W, C)) pairs into ``folder``, which appears whole or not at all and replaces another.

    One picture is in memory at a time. Pixels lie in the order of coming; pictures are numbered by name, so that
    numbers do not depend on the order in an archive. ``remarks``, looked at when all pictures have come, go into
    notes.json beside them; without any there is no such file.

    Raises InputError naming the picture: not uint8 (H, W, C) with C 1 or 3, other channels than those before it, a
    name that is empty or came before; and where there is no picture at all or the disk is full.
    """
    folder = Path(folder)
    places: dict[str, _Place] = {}
    written = 0
    with atomic_directory(folder) as temporary:
        # Plain writes, not a memory map: on a full disk a write says so, a store into a map kills the process.
        with open(temporary / PIXELS, "wb") as file:
            start = _write_header(file, 0)
            for name, picture in pictures:
                _check(folder, name, picture, places)
                places[name] = _Place(0, name, written, *picture.shape)
                file.write(np.ascontiguousarray(picture).data)
                written += picture.size
            if not places:
                raise InputError(f"{folder}: no pictures came, expected one or more")
            file.seek(0)
            if _write_header(file, written) != start:
                raise RuntimeError("numpy leaves no room in the header of an array for its final length")
        with open(temporary / TABLE, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for number, name in enumerate(sorted(places)):
                place = places[name]
                writer.writerow([number, name, place.offset, place.height, place.width, place.channels])
        if remarks:
            write_json(temporary / NOTES, Remarked(remarks=list(remarks)).model_dump())


def read_remarks(folder: str | os.PathLike[str]) -> list[Remark]:
    """What ``pack`` was told to remark of the pictures. Raises InputError naming the file where it is damaged."""
    path = Path(folder) / NOTES
    return validate(Remarked, read_json(path), "", path).remarks if path.exists() else []


class Pictures:
    """The pictures in a folder that ``pack`` wrote: ``pictures[i]`` is uint8 (H, W, C), a read-only view of the file.

    ``names`` in order, ``sizes`` their (H, W), ``channels`` of all of them. Raises InputError on opening, naming file
    and line: absent, damaged, truncated or not of uint8; pictures that overlap or leave a gap.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._places = _read_table(self.folder / TABLE)
        self._pixels = _open_pixels(self.folder / PIXELS)
        self._check_places()
        self.names = [place.name for place in self._places]
        self.sizes = [(place.height, place.width) for place in self._places]
        self.channels = self._places[0].channels

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, picture: int) -> np.ndarray:
        place = self._places[picture]
        pixels = self._pixels[place.offset : place.offset + place.size]
        return pixels.reshape(place.height, place.width, place.channels)

    def _check_places(self) -> None:
        end = 0
        for place in sorted(self._places, key=lambda place: place.offset):
            if place.offset != end:
                what = "overlaps the picture before it" if place.offset < end else "leaves a gap before it"
                raise InputError(
                    f"{self.folder / TABLE}: picture {place.picture}: offset {place.offset} {what}, expected {end}"
                )
            end += place.size
        if end != len(self._pixels):
            raise InputError(
                f"{self.folder / PIXELS}: {len(self._pixels)} values found, expected {end}, as {TABLE} says"
            )


def _write_header(file, length: int) -> int:
    """Write the header of a flat uint8 array at the beginning; returns its size in bytes, equal for any ``length``."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (length,)})
    return file.tell()


def _check(folder: Path, name: str, picture: np.ndarray, places: dict[str, _Place]) -> None:
    where = f"{folder}: picture {name!r}"
    if not name or UNPRINTABLE.search(name):
        raise InputError(f"{where}: expected a name that is not empty and is printable UTF-8")
    if name in places:
        raise InputError(f"{where} came twice, expected each name once")
    if picture.dtype != np.uint8 or picture.ndim != 3 or not picture.size or picture.shape[2] not in (1, 3):
        kind = f"{picture.dtype} {picture.shape}"
        raise InputError(f"{where}: {kind} found, expected uint8 (height, width, 1 or 3 channels)")
    if places and (channels := next(iter(places.values())).channels) != picture.shape[2]:
        raise InputError(f"{where}: {picture.shape[2]} channels, expected {channels}, as those before it have")


def _open_pixels(path: Path) -> np.ndarray:
    pixels = open_array(path)
    if pixels.dtype != np.uint8 or pixels.ndim != 1 or not isinstance(pixels, np.memmap):
        raise InputError(f"{path}: {pixels.dtype} {pixels.shape} found, expected uint8 (values,)")
    if (size := path.stat().st_size) != (expected := pixels.offset + pixels.size):
        raise InputError(f"{path}: {size} bytes, expected {expected}, as its header says")
    # A plain array over the same map: a view of it costs a third of what one of numpy's memmap class does.
    return pixels.view(np.ndarray)


def _read_table(path: Path) -> list[_Place]:
    places: list[_Place] = []
    names: set[str] = set()
    for line, row in _rows(path):
        where = f"{path}: line {line}"
        values = [_whole(where, column, value) for column, value in row.items() if column != "name"]
        place = _Place(values[0], row["name"], *values[1:])
        if place.picture != len(places):
            raise InputError(f"{where}: picture {place.picture}, expected {len(places)}")
        if not place.name or place.name in names:
            raise InputError(f"{where}: name {place.name!r}, expected a name that is not empty and in no other line")
        if not place.size or place.channels not in (1, 3) or places and place.channels != places[0].channels:
            raise InputError(
                f"{where}: {place.height}x{place.width}x{place.channels} values, expected one pixel or more and 1 or 3"
                " channels, the same in all lines"
            )
        names.add(place.name)
        places.append(place)
    if not places:
        raise InputError(f"{path}: no rows, expected a header line {','.join(COLUMNS)} and one or more")
    return places


def _rows(path: Path) -> Iterable[tuple[int, dict[str, str]]]:
    """Each row by column, with the line that it ends at."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            if (header := next(reader, None)) != list(COLUMNS):
                raise InputError(f"{path}: line 1: {header}, expected {','.join(COLUMNS)}")
            for row in reader:
                if len(row) != len(COLUMNS):
                    raise InputError(f"{path}: line {reader.line_num}: {len(row)} values, expected {len(COLUMNS)}")
                yield reader.line_num, dict(zip(COLUMNS, row))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file (expected the table of packed pictures)") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason})") from error
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV table ({error})") from error


def _whole(where: str, column: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 16):
        raise InputError(f"{where}: {column} {value!r}, expected a whole number from 0")
    return int(value)
