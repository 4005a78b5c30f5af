"""The whole of params.yaml: every group, and what must hold between groups. Checked before any job starts."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from pipeline.data.sources import Faces
from pipeline.face_networks import Network
from pipeline.params.classification import Classification
from pipeline.params.evaluation import Evaluation
from pipeline.params.faces import Degradation
from pipeline.params.loading import PARAMS_FILE, Settings, read_document, validate
from pipeline.params.losses import Margin
from pipeline.params.networks import Seeds, Training
from pipeline.params.students import Student, check_methods
from pipeline.params.superresolution import SuperResolution
from pipeline.params.synthesis import Synthesis
from pipeline.params.teachers import Teacher
from pipeline.params.variants import Baseline, VariantName, check_names


class TeacherOutputs(Settings):
    """What the teacher is asked once and for all; see pipeline.steps.teacher_outputs."""

    keep_maps: bool


class Learner(Settings):
    """What all baselines and students share, so that only the variant differs."""

    network: Network
    training: Training


class Recognition(Settings):
    """The task of low-quality face recognition."""

    data: Faces
    degradation: Degradation
    margin: Margin
    teacher: Teacher
    teacher_outputs: TeacherOutputs
    student: Learner
    networks: dict[VariantName, Network]  # others, which variants name by same_as
    baselines: dict[VariantName, Baseline]
    students: dict[VariantName, Student]
    evaluation: Evaluation

    @model_validator(mode="after")
    def _consistent(self) -> Recognition:
        size, coarsest = self.data.image_size, self.degradation.qualities[-1]
        for quality in self.degradation.qualities:
            if size % quality:
                raise ValueError(f"data.image_size = {size}: expected a multiple of the quality {quality}")
        if size // coarsest < 2:
            raise ValueError(f"degradation.qualities: x{coarsest} leaves {size // coarsest} pixels, expected 2 or more")
        check_names(self.baselines, self.students, self.networks)
        for group in ("baselines", "students"):
            for name, variant in getattr(self, group).items():
                if variant.one_a_quality and variant.train_qualities != self.degradation.qualities:
                    raise ValueError(
                        f"{group}.{name}.train_qualities = {variant.train_qualities}: expected"
                        f" {self.degradation.qualities} with one_a_quality, each quality once"
                    )
                if unknown := set(variant.train_qualities) - set(self.degradation.qualities):
                    raise ValueError(
                        f"{group}.{name}.train_qualities names x{min(unknown)}, expected some of"
                        f" {self.degradation.qualities}"
                    )
        for name, student in self.students.items():
            try:
                check_methods(student.distill, student.network or self.student.network, self.teacher.network)
            except ValueError as error:
                raise ValueError(f"students.{name}.distill.{error}") from None
        return self


class Document(Settings):
    """One group a task."""

    seeds: Seeds  # of every variant of every task
    recognition: Recognition
    # a group that is left out is a task that is left out
    superresolution: SuperResolution | None = None
    synthesis: Synthesis | None = None
    classification: Classification | None = None


def check(path: str | Path = PARAMS_FILE) -> Document:
    """The validated file. Raises InputError with one line: key, value found, what is allowed."""
    return validate(Document, read_document(path), "", path)
