"""Pairs of a photo and a sketch: where they come from, which belong together, how they are cut."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

from pydantic import Field, field_validator, model_validator

from pipeline.params.faces import Channels, RemoteFileSettings
from pipeline.params.loading import Settings
from pipeline.params.name_rules import check_rule
from pipeline.params.pictures import ArchiveName, Label
from pipeline.params.sketch_presets import PRESETS

SetName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
Pattern = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Box = Annotated[list[Annotated[int, Field(ge=0, le=65_535)]], Field(min_length=4, max_length=4)]


class NameRule(Settings):
    """Regular expressions for the whole name of a photo's and of a sketch's file, folders left out, in any case.

    What their groups match, in lower case, has to agree: groups by name, or by number.
    """

    photo: str
    sketch: str

    @model_validator(mode="after")
    def _same_groups(self) -> NameRule:
        check_rule(self.photo, self.sketch)
        return self


class Folders(Settings):
    """Patterns of the files of one part, as for pictures (``*`` within a name, ``**`` any folders), and their names."""

    photos: Pattern
    sketches: Pattern
    names: NameRule

    @field_validator("photos", "sketches")
    @classmethod
    def _pattern(cls, pattern: str) -> str:
        if pattern.startswith("/") or "\\" in pattern or {"", ".", ".."} & set(pattern.split("/")):
            raise ValueError(f"found {pattern!r}, expected names divided by single slashes: photos/*.jpg")
        return pattern


class Files(Settings):
    """The archive, or a folder in its place; and tables beside it, dropped in under the set's name.

    ``landmarks``: CSV with ``file`` and the places of both eyes, or of five landmarks, for every photo and sketch.
    ``train_list`` and ``test_list``: the photos of a part, one per line.
    """

    archive: RemoteFileSettings
    landmarks: RemoteFileSettings | None = None
    train_list: RemoteFileSettings | None = None
    test_list: RemoteFileSettings | None = None


class Counts(Settings):
    """How many pairs a part has to have; null: any number."""

    train: Count | None = None
    test: Count | None = None


class Eyes(Settings):
    """Where aligned eyes come to lie, as shares of the picture's side: apart, and below its upper border."""

    distance: Annotated[float, Field(ge=0.1, le=0.5)] = 0.25
    height: Annotated[float, Field(ge=0.2, le=0.7)] = 0.50


class FilePairs(Settings):
    """Pairs out of an archive: folders ``train`` and ``test``, or ``all`` of them divided by a list or a count.

    ``preset`` fills in what is not given here. Pictures keep their proportions: a crop box is a square, without one
    the largest square in the middle is taken; with landmarks the eyes are brought to ``eyes`` instead.
    """

    source: Literal["pairs"]
    preset: Literal[tuple(PRESETS)] | None = None
    label: Label  # what tables call the set
    name: ArchiveName  # the archive's own name, under which it may be dropped in
    provider: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    files: Files
    parts: dict[Literal["train", "test", "all"], Folders]
    train_count: Count | None = None  # of parts.all, the first so many by what their names agree in
    counts: Counts = Counts()
    unmatched: Literal["refuse", "skip"] = "refuse"  # a file without a partner; one with two is always refused
    photo_crop: Box | None = None  # left, upper, right, lower in pixels
    sketch_crop: Box | None = None
    eyes: Eyes = Eyes()

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(name := given.get("preset"), str):
            return PRESETS.get(name, {}) | given
        return given

    @field_validator("photo_crop", "sketch_crop")
    @classmethod
    def _square(cls, box: list[int] | None) -> list[int] | None:
        if box is not None and not 0 < box[2] - box[0] == box[3] - box[1]:
            raise ValueError(f"found {box}, a box of {box[2] - box[0]}x{box[3] - box[1]} pixels, expected a square")
        return box

    @model_validator(mode="after")
    def _division(self) -> FilePairs:
        given = set(self.parts)
        if given not in ({"train", "test"}, {"train"}, {"test"}, {"all"}):
            raise ValueError(f"parts: found {', '.join(self.parts) or 'none'}, expected train and test, or all")
        divided = (self.train_count is not None) + (self.files.train_list is not None)
        if given == {"all"} and divided != 1:
            raise ValueError(f"parts.all is divided {divided} times, expected train_count or files.train_list")
        if given != {"all"} and (divided or self.files.test_list is not None):
            raise ValueError("train_count and lists divide parts.all, expected none with folders to train and test")
        if self.files.test_list is not None and self.files.train_list is None:
            raise ValueError("files.test_list without files.train_list, expected both, or the latter alone")
        if self.files.landmarks is not None and (self.photo_crop or self.sketch_crop):
            raise ValueError("photo_crop, sketch_crop: found beside files.landmarks, expected null: eyes place faces")
        return self


class RenderedPairs(Settings):
    """People rendered by the project, with a drawing each."""

    source: Literal["rendered"]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    train: Count
    test: Count
    exaggeration: Annotated[float, Field(ge=1, le=1.5)] = 1.25  # of shape, away from the mean face
    hand: Annotated[float, Field(ge=0, le=1)] = 0.4  # errors of shape, standard deviations; 1 and 0: to the pixel


PairSet = Annotated[Union[FilePairs, RenderedPairs], Field(discriminator="source")]


class SketchPairs(Settings):
    """Sets of pairs, brought to one size and put together."""

    image_size: Annotated[int, Field(ge=32, le=256)]
    channels: Channels  # of photos; sketches have one
    sets: Annotated[dict[SetName, PairSet], Field(min_length=1)]
