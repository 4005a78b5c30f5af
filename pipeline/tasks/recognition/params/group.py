"""The task of recognition: faces, a teacher and students, and what must hold between them. Checked before any job."""

from __future__ import annotations

from pydantic import model_validator

from pipeline.data.degradations import Degradation
from pipeline.data.sources import Faces
from pipeline.face_losses import Margin
from pipeline.face_networks import Network
from pipeline.params.loading import Settings
from pipeline.params.networks import Training
from pipeline.params.variants import Baseline, VariantName, check_names
from pipeline.tasks.recognition.params.evaluation import Evaluation
from pipeline.tasks.recognition.params.students import Student, check_methods
from pipeline.tasks.recognition.params.teachers import Teacher


class TeacherOutputs(Settings):
    """Which answers of the teacher are stored; see pipeline.tasks.recognition.steps.teacher_outputs."""

    keep_maps: bool


class Learner(Settings):
    """What all baselines and students share, so that only the variant differs."""

    network: Network
    training: Training


class Group(Settings):
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
    def _consistent(self) -> Group:
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
