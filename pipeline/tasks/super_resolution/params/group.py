"""The task of super-resolution: pictures, scales, a teacher and students, each checked before any job starts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from pipeline.distill import method
from pipeline.distill_entries import by_method
from pipeline.params.equivalence import EquivalenceMargin
from pipeline.params.loading import Settings
from pipeline.params.networks import AdamTraining, Count, Seed
from pipeline.params.pictures import ArchivePictures, FacePictures
from pipeline.params.super_resolution_networks import SuperResolutionNetwork, check_taps
from pipeline.params.variants import VariantName, check_names

KNOWN = ("output", "features")  # fields of pipeline.distill.Knowledge that these networks have
Taps = list[Annotated[int, Field(ge=1)]]  # groups or blocks whose features are compared; the body's end always is


class Scale(Settings):
    """One factor of enlargement, and the patches that it is learned from."""

    factor: Literal[2, 3, 4, 8]
    patch: Annotated[int, Field(ge=4, le=512)]  # pixels per side of the small picture
    per_picture: Count  # patches of one picture
    seed: Seed  # of their places


class Teacher(Settings):
    """The network that students learn from."""

    seed: Seed
    network: SuperResolutionNetwork
    taps: Taps
    training: AdamTraining


class Learner(Settings):
    """What all baselines and students share, so that only the variant differs."""

    network: SuperResolutionNetwork
    taps: Taps
    training: AdamTraining


class Baseline(Settings):
    """A network trained without a teacher, by its distance to the original alone."""

    description: Annotated[str, Field(max_length=120)] = ""  # a few words for the report
    network: SuperResolutionNetwork | None = None  # null: that of all students


class Student(Baseline):
    """A network that also learns from the teacher; all losses on pictures are in grey levels of 0..255."""

    taps: Taps | None = None  # null: those of all students
    reconstruction: Annotated[float, Field(ge=0, le=1e30)]  # weight of the distance to the original
    distill: Annotated[dict[str, SerializeAsAny[Settings]], Field(min_length=1)]

    @field_validator("distill", mode="before")
    @classmethod
    def _by_method(cls, methods: Any) -> Any:
        return by_method(methods, KNOWN, "super-resolution")


class PictureEvaluation(Settings):
    """How a trained network is judged."""

    sample_pictures: Annotated[int, Field(ge=1, le=8)]  # of each set, in the report
    equivalence_margin: EquivalenceMargin | None  # dB of PSNR


class Group(Settings):
    """The whole group."""

    pictures: dict[VariantName, ArchivePictures]  # sets that come in archives
    faces: dict[VariantName, FacePictures]  # sets made of the recognition task's faces
    train: VariantName  # the set to learn from
    test: Annotated[list[VariantName], Field(min_length=1)]  # the sets to judge by
    scales: Annotated[dict[VariantName, Scale], Field(min_length=1)]
    teacher: Teacher
    student: Learner
    networks: dict[VariantName, SuperResolutionNetwork]  # others, which variants name by same_as
    baselines: dict[VariantName, Baseline]
    students: dict[VariantName, Student]
    evaluation: PictureEvaluation

    @model_validator(mode="after")
    def _consistent(self) -> Group:
        if twice := {*self.pictures} & {*self.faces}:
            raise ValueError(f"faces.{min(twice)} is also one of pictures, expected different names")
        for name in (self.train, *self.test):
            if name not in {*self.pictures, *self.faces}:
                known = ", ".join([*self.pictures, *self.faces])
                raise ValueError(f"{name!r} in train or test: expected one of the sets ({known})")
        if len(set(self.test)) != len(self.test):
            raise ValueError(f"test = {self.test}: expected each set once")
        check_names(self.baselines, self.students, self.networks, taken=("teacher", "bicubic"))
        for key, side in (("teacher", self.teacher), ("student", self.student)):
            _check_taps(key, side.network, side.taps)
        for name, student in self.students.items():
            self._check_student(f"students.{name}", student)
        return self

    def _check_student(self, key: str, student: Student) -> None:
        network = student.network or self.student.network
        taps = self.student.taps if student.taps is None else student.taps
        _check_taps(key, network, taps)
        compares = [name for name in student.distill if "features" in method(name).NEEDS]
        if compares and len(taps) != len(self.teacher.taps):
            raise ValueError(f"{key}: {len(taps)} taps, expected as many as teacher.taps has, {len(self.teacher.taps)}")
        picky = [name for name in student.distill if method(name).SAME_NETWORK or method(name).SAME_CHANNELS]
        if picky and network.width != self.teacher.network.width:
            raise ValueError(
                f"{key}.distill.{picky[0]} compares channel by channel: width = {network.width}, expected that of the"
                f" teacher, {self.teacher.network.width}"
            )
        for name, settings in student.distill.items():
            try:
                tapped = SimpleNamespace(stages=len(taps) + 1)
                method(name).check(settings, tapped, tapped)
            except ValueError as error:
                raise ValueError(f"{key}.distill.{name}.{error}") from None


def _check_taps(key: str, network: Any, taps: Taps) -> None:
    try:
        check_taps(network, taps)
    except ValueError as error:
        raise ValueError(f"{key}.{error}") from None
