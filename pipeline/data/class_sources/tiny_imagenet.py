"""Tiny-ImageNet-200: 100,000 training photographs of 64x64 in 200 classes (Stanford's CS231n).

The validation part, 10,000 images that val_annotations.txt labels, is the test part here, as everywhere: the labels
of its own test part are not public. Labels follow the sorted WordNet numbers, as torchvision's folders do.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pandas as pd

from pipeline.data.archive_files import left_out, list_files, read_named
from pipeline.data.class_set import ClassSet, of_files
from pipeline.data.remarks import say
from pipeline.errors import InputError
from pipeline.params.classes import ArchivedImages

PROVIDER = "Stanford University, CS231n"
NAME = "tiny-imagenet-200.zip"
TRAIN = re.compile(r"(?:.*/)?(train/([^/]+)/images/[^/]+)")
VAL = re.compile(r"(?:.*/)?(val/images/([^/]+))")
ANNOTATIONS, WORDS = "val_annotations.txt", "words.txt"


class Settings(ArchivedImages):
    """Nothing to choose but size, channels and limits."""

    source: Literal["tiny_imagenet"]


def archive(settings: Settings) -> tuple[str, str]:
    """The name of the official archive, and who gives it out."""
    return NAME, PROVIDER


def load(settings: Settings, raw: Path) -> ClassSet:
    """The images by file name, decoded when they are asked for.

    Raises InputError naming archive and file: no annotations, an image without an annotation or the reverse, an
    annotation of another class.
    """
    path = raw / NAME
    files = list_files(path)
    stored = files.photos
    train = {match: name for name in stored if (match := TRAIN.fullmatch(name))}
    val: dict[str, tuple[str, str]] = {}
    for name in stored:
        if (match := VAL.fullmatch(name)) and (other := val.setdefault(match[2], (match[1], name))[1]) != name:
            raise InputError(f"{path}: {other!r} and {name!r} are the same image of val, expected one val folder")
    if not train or not val:
        what = f"{len(train)} images as train/<class>/images/<file> and {len(val)} as val/images/<file>"
        raise InputError(f"{path}: holds {what}, expected some of both{files.said()}")
    classes = sorted({match[2] for match in train})
    annotated = _annotations(path, read_named(path, [ANNOTATIONS])[ANNOTATIONS], classes)
    if missing := sorted(set(val) - set(annotated)):
        raise InputError(f"{path}: {ANNOTATIONS} says nothing of {missing[0]}, expected the class of each image")
    if missing := sorted(set(annotated) - set(val)):
        raise InputError(f"{path}: {ANNOTATIONS} names {missing[0]}, expected only images in val/images")
    rows = sorted((match[1], classes.index(match[2]), "train", name) for match, name in train.items())
    rows += sorted((val[image][0], classes.index(annotated[image]), "test", val[image][1]) for image in val)
    index = pd.DataFrame([row[:3] for row in rows], columns=["file", "label", "part"])
    has_words = any(name.rpartition("/")[2] == WORDS for name in files.others)
    words = _words(read_named(path, [WORDS])[WORDS]) if has_words else {}
    names = [f"{number} {words[number]}" if number in words else number for number in classes]
    remarks = left_out(files, _class_of, "classes")
    say(path, remarks)
    return ClassSet(
        "Tiny-ImageNet-200", names, index, of_files(path, [stored[row[3]] for row in rows]), remarks=remarks
    )


def _class_of(name: str) -> str | None:
    """The folder in which an image is looked for."""
    if match := TRAIN.fullmatch(name):
        return f"train/{match[2]}"
    return "val" if VAL.fullmatch(name) else None


def _annotations(path: Path, data: bytes, classes: list[str]) -> dict[str, str]:
    """The class of each validation image: lines of file, class and a box, divided by tabs."""
    class_of: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        where, fields = f"{path}: {ANNOTATIONS}: line {number}", line.split("\t")
        if len(fields) < 2:
            raise InputError(f"{where}: {line[:40]!r}, expected an image and its class, divided by a tab")
        image, label = fields[0].strip(), fields[1].strip()
        if label not in classes:
            raise InputError(f"{where}: class {label!r} has no images to train on, expected a class that has")
        if image in class_of:
            raise InputError(f"{where}: image {image!r} occurs twice")
        class_of[image] = label
    return class_of


def _words(data: bytes) -> dict[str, str]:
    """WordNet numbers to the first of their words."""
    rows = (line.partition("\t") for line in data.decode("utf-8", "replace").splitlines())
    return {number.strip(): words.split(",")[0].strip() for number, _, words in rows if words.strip()}
