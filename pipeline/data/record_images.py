"""Which records of a RecordIO file are images, and whose: train.rec, train.idx and property of InsightFace.

Record 0 is a header where it has two labels or more and no image: the key after the last image, and the key after the
last record; between the two lies a record per person, without an image either. Else record 0 is an image like all
others, however many labels it has; the first label is the person.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.data.recordio import Head, Records, read_index, read_property
from pipeline.data.remarks import SHOWN, Remark, remark
from pipeline.errors import InputError

EXACT = 2**24  # up to here a float32, which the header is, holds every whole number


@dataclass(frozen=True)
class RecordImages:
    """The images of a record file by growing key: ``keys``, ``offsets`` (bytes) and ``labels``, int64 (N,) each.

    Labels are 0 to ``classes`` - 1. ``remarks`` say what else is in the file.
    """

    keys: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    classes: int
    remarks: list[Remark]


def find_images(path: Path, index_path: Path, property_path: Path) -> RecordImages:
    """The images of the records ``path``; heads of all records are read, and of the last one all.

    Raises InputError naming file and record: a file that is absent, damaged or truncated; a header whose images are
    not all there, an image where there should be none or the reverse, a label of no person, records that overlap.
    """
    classes, _, _ = read_property(property_path)
    offset_of = read_index(index_path)
    if 0 not in offset_of:
        raise InputError(f"{index_path}: no key 0, expected the record that tells which are images")
    with Records(path) as records:
        records.image(
            max(offset_of.values())
        )  # the last record, whatever it holds: else a download that broke off passes
        keys, end = _image_keys(records, offset_of, index_path)
        offsets = np.fromiter((offset_of[key] for key in keys), np.int64, len(keys))
        labels, stops = _labels(records, keys, offsets, classes, property_path)
        others = sorted(offset_of.keys() - set(keys))
        other_stops, unclear = _without_image(records, offset_of, others, end)
        every_offset = np.append(offsets, [offset_of[key] for key in others]).astype(np.int64)
        every_key, every_stop = np.append(keys, others).astype(np.int64), np.append(stops, other_stops)
        unnamed = _unnamed(records, every_key, every_offset, every_stop, index_path)
    remarks = remark(f"records of {path.name} after its images that name no range of images", unclear)
    remarks += remark(f"records of {path.name} left out: {index_path.name} does not name them", unnamed)
    remarks += _people_without(labels, classes, property_path)
    return RecordImages(np.asarray(keys, np.int64), offsets, labels, classes, remarks)


def _image_keys(records: Records, offset_of: dict[int, int], index_path: Path) -> tuple[Sequence[int], int]:
    """The keys of image records, growing, and the key after them: as record 0 says, or all where that is an image."""
    header = records.head(offset_of[0])
    if header.image:
        keys = sorted(offset_of)
        return keys, keys[-1] + 1
    if len(header.labels) < 2:
        raise InputError(
            f"{records.path}: record 0 has no image and one label, expected an image, or two labels of a header"
        )
    end = header.labels[0]
    if not (end == end // 1 and 2 <= end <= 2**31):
        raise InputError(
            f"{records.path}: record 0: {end:g} found, expected the key after the last image, a whole number from 2"
        )
    end = int(end)
    if end > EXACT:  # rounded to a number that a float32 can hold: the records themselves tell
        slack = int(np.spacing(np.float32(end)))
        near = range(end - slack, end + slack)
        end = next((key for key in near if key in offset_of and not records.head(offset_of[key]).image), end)
    keys = range(1, end)
    if (missing := next((key for key in keys if key not in offset_of), None)) is not None:
        raise InputError(f"{index_path}: no key {missing}, expected 1 to {keys[-1]}, the images as record 0 says")
    return keys, end


def _labels(
    records: Records, keys: Sequence[int], offsets: np.ndarray, classes: int, property_path: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the images, and where their records end (bytes): int64 (N,)."""
    labels, stops = np.empty((2, len(keys)), np.int64)
    for place, (key, offset) in enumerate(zip(keys, offsets.tolist())):
        head = records.head(offset)
        if not head.image:
            raise InputError(f"{records.path}: record {key}: an empty file, expected an image")
        label = head.labels[0]
        if not (label == label // 1 and 0 <= label < classes):  # also refuses what is no number
            raise InputError(
                f"{records.path}: record {key}: label {label:g} found, expected a whole number from 0 to {classes - 1},"
                f" as {property_path.name} says"
            )
        labels[place], stops[place] = int(label), head.end
    return labels, stops


def _without_image(
    records: Records, offset_of: dict[int, int], keys: Sequence[int], end: int
) -> tuple[np.ndarray, list[str]]:
    """Where records that hold no image end, int64 (n,); and those of them, by key, that do not describe a person."""
    stops, unclear = np.empty(len(keys), np.int64), []
    for place, key in enumerate(keys):
        head = records.head(offset_of[key])
        stops[place] = head.end
        if key and head.image:
            raise InputError(
                f"{records.path}: record {key} has an image, expected none: by record 0, images end before {end}"
            )
        if key and not _is_range(head, end):
            unclear.append(str(key))
    return stops, unclear


def _is_range(head: Head, end: int) -> bool:
    """Whether a record says where a person's images begin and end: within those that there are."""
    if len(head.labels) < 2:
        return False
    first, last = head.labels
    return first == first // 1 and last == last // 1 and 1 <= first <= last <= end


def _unnamed(records: Records, keys: np.ndarray, starts: np.ndarray, stops: np.ndarray, index_path: Path) -> list[str]:
    """The records, by their place, that the index leaves out: it was cut short, or lists a part of them."""
    order = np.argsort(starts, kind="stable")
    keys, starts, stops = keys[order], starts[order], stops[order]
    if len(overlaps := np.flatnonzero(stops[:-1] > starts[1:])):
        row = int(overlaps[0])
        raise InputError(
            f"{index_path}: keys {keys[row]} and {keys[row + 1]} are of records at bytes {starts[row]} and"
            f" {starts[row + 1]}, which overlap: expected a record per key"
        )
    begins, finishes = np.append(0, stops), np.append(starts, records.size)
    unnamed = []
    for row in np.flatnonzero(begins < finishes).tolist():
        unnamed += [f"at byte {offset}" for offset in records.between(int(begins[row]), int(finishes[row]))]
    return unnamed


def _people_without(labels: np.ndarray, classes: int, property_path: Path) -> list[Remark]:
    known = set(np.unique(labels).tolist())
    missing = itertools.islice((str(number) for number in range(classes) if number not in known), SHOWN)
    what = f"people of {property_path.name} left out: the records have no image of them"
    return remark(what, missing, classes - len(known))
