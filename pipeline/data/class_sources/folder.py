"""Any images in folders: train/<class>/<file> and test/<class>/<file>, in an archive or as they lie on disk."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, model_validator

from pipeline.data.archive_files import stored_names
from pipeline.data.class_set import ClassSet, of_files
from pipeline.data.photo_entries import SUFFIXES
from pipeline.errors import InputError
from pipeline.params.classes import ArchivedImages
from pipeline.params.pictures import ArchiveName, Label

PartName = Annotated[str, Field(pattern=r"^[^\s./\\][^\x00-\x1f/\\]*$", max_length=80)]


class Settings(ArchivedImages):
    """What the set is called, and how its folders of parts are."""

    source: Literal["folder"]
    label: Label  # what tables call the set
    name: ArchiveName  # the archive's own name, under which it may be dropped in
    provider: Label | None = None  # who gives it out, for the message where it is missing
    train: PartName = "train"
    test: PartName = "test"

    @model_validator(mode="after")
    def _two_parts(self) -> Settings:
        if self.train == self.test:
            raise ValueError(f"train and test = {self.train!r}: expected two folders")
        return self


def archive(settings: Settings) -> tuple[str, str]:
    """The archive's name, and who gives it out."""
    return settings.name, settings.provider or f"whoever publishes {settings.label}"


def load(settings: Settings, raw: Path) -> ClassSet:
    """The images by file name, decoded when they are asked for; labels follow the sorted names of the folders.

    Images elsewhere than in the two parts are left out; a line on stderr says how many. Raises InputError naming
    archive and entry: no such folders or several, images in them that lie in no class or deeper.
    """
    path, parts = raw / settings.name, {settings.train: "train", settings.test: "test"}
    stored = stored_names(path)
    layout = f"{settings.train}/<class>/<image> and {settings.test}/<class>/<image>"
    inside = {}
    for name in stored:
        folders = tuple(name.split("/"))
        if len(folders) >= 3 and folders[-3] in parts:
            inside[name] = (folders[:-3], *folders[-3:-1])
    is_image = {name: os.path.splitext(name)[1].lower() in SUFFIXES for name in stored}
    roots = sorted({above for name, (above, _, _) in inside.items() if is_image[name]})
    if not roots:
        raise InputError(f"{path}: holds no images as {layout}, but {min(stored)!r}")
    if len(roots) > 1:
        places = " and ".join(repr("/".join(root) or ".") for root in roots[:2])
        raise InputError(f"{path}: has parts in {places}, expected one {settings.train} and one {settings.test} folder")
    depth, elsewhere = len(roots[0]), 0
    for name in sorted(stored):
        folders = tuple(name.split("/"))
        if is_image[name] and (name not in inside or inside[name][0] != roots[0]):
            if folders[:depth] == roots[0] and set(folders[depth : depth + 1]) & set(parts):
                raise InputError(f"{path}: {name!r}: expected images as {layout}")
            elsewhere += 1
    if elsewhere:
        print(f"{path}: {elsewhere} images left out: in neither part, {layout}", file=sys.stderr, flush=True)
    # A folder of a class that has no image is told by its other files.
    names = sorted({own for above, _, own in inside.values() if above == roots[0]})
    rows = sorted(
        (parts[part], "/".join(name.split("/")[depth:]), names.index(own), name)
        for name, (_, part, own) in inside.items()
        if is_image[name]
    )
    index = pd.DataFrame([(file, label, part) for part, file, label, _ in rows], columns=["file", "label", "part"])
    return ClassSet(settings.label, names, index, of_files(path, [stored[name] for *_, name in rows]))
