"""Any images in folders: train/<class>/<file> and test/<class>/<file>, in an archive or as they lie on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, model_validator

from pipeline.data.archive_files import left_out, list_files
from pipeline.data.class_set import ClassSet, of_files
from pipeline.data.remarks import remark, say
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

    Images elsewhere than in the two parts are left out, and files that are no images; remarks of the set say how
    many. Raises InputError naming archive and entry: no such folders or several, images in them that lie in no class
    or deeper.
    """
    path, parts = raw / settings.name, {settings.train: "train", settings.test: "test"}
    files = list_files(path)
    layout = f"{settings.train}/<class>/<image> and {settings.test}/<class>/<image>"
    inside = {}
    for name in (*files.photos, *files.others):
        folders = tuple(name.split("/"))
        if len(folders) >= 3 and folders[-3] in parts:
            inside[name] = (folders[:-3], *folders[-3:-1])
    roots = sorted({above for name, (above, _, _) in inside.items() if name in files.photos})
    if not roots:
        such = min((*files.photos, *files.others))
        raise InputError(f"{path}: holds no images as {layout}, but {such!r}{files.said()}")
    if len(roots) > 1:
        places = " and ".join(repr("/".join(root) or ".") for root in roots[:2])
        raise InputError(f"{path}: has parts in {places}, expected one {settings.train} and one {settings.test} folder")
    depth, elsewhere = len(roots[0]), []
    for name in sorted(files.photos):
        folders = tuple(name.split("/"))
        if name not in inside or inside[name][0] != roots[0]:
            if folders[:depth] == roots[0] and set(folders[depth : depth + 1]) & set(parts):
                raise InputError(f"{path}: {name!r}: expected images as {layout}")
            elsewhere.append(name)

    def class_of(name: str) -> str | None:
        return "/".join(inside[name][1:]) if name in inside and inside[name][0] == roots[0] else None

    remarks = left_out(files, class_of, "classes") + remark(f"images left out: in neither part, {layout}", elsewhere)
    say(path, remarks)
    # A folder of a class that has no image is told by its other files.
    names = sorted({folder for above, _, folder in inside.values() if above == roots[0]})
    rows = sorted(
        (parts[part], "/".join(name.split("/")[depth:]), names.index(folder), name)
        for name, (_, part, folder) in inside.items()
        if name in files.photos
    )
    index = pd.DataFrame([(file, label, part) for part, file, label, _ in rows], columns=["file", "label", "part"])
    pictures = of_files(path, [files.photos[name] for *_, name in rows])
    return ClassSet(settings.label, names, index, pictures, remarks=remarks)
