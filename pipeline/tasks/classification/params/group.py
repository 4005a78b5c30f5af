"""The task of classification: sets of images, a teacher and students, each checked before any job starts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.data.class_sources import ImageClasses
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.equivalence import EquivalenceMargin
from pipeline.params.loading import Settings
from pipeline.params.networks import Seed, Training
from pipeline.params.variants import VariantName, check_names
from pipeline.tasks.classification.params.learning import Learning, check_learning, needs_teacher


class Augmentation(Settings):
    """How pictures are moved and mirrored to learn from; see pipeline.tasks.classification.params.learning.Pictures."""

    padding: Annotated[int, Field(ge=0, le=64)]  # pixels
    flip: bool


class ClassTeacher(Settings):
    """The network that students learn from, trained from labels."""

    seed: Seed
    network: ClassifierNetwork
    training: Training


class ClassLearner(Settings):
    """What all baselines and students share, so that only how they learn differs; feedback has its own schedules."""

    network: ClassifierNetwork
    training: Training


class ClassVariant(Settings):
    """A classifier that is trained and judged."""

    description: Annotated[str, Field(max_length=120)] = ""  # a few words for the report
    learning: Learning
    network: ClassifierNetwork | None = None  # null: that of all students


class ClassEvaluation(Settings):
    """How trained networks are judged."""

    batch_size: Annotated[int, Field(ge=1, le=100_000)]
    sample_images: Annotated[int, Field(ge=1, le=20)]  # of each class, in the report
    equivalence_margin: EquivalenceMargin | None  # percentage points of top-1


class Group(Settings):
    """The whole group."""

    sets: Annotated[dict[VariantName, ImageClasses], Field(min_length=1)]  # each is trained on and evaluated separately
    pictures: Augmentation
    teacher: ClassTeacher
    student: ClassLearner
    networks: dict[VariantName, ClassifierNetwork]  # others, which variants name by same_as
    baselines: dict[VariantName, ClassVariant]  # no teacher
    students: dict[VariantName, ClassVariant]  # from the pretrained teacher
    evaluation: ClassEvaluation

    @model_validator(mode="after")
    def _consistent(self) -> Group:
        check_names(self.baselines, self.students, self.networks)
        for group in ("baselines", "students"):
            for name, variant in getattr(self, group).items():
                self._check_variant(f"{group}.{name}", variant)
        return self

    def _check_variant(self, key: str, variant: ClassVariant) -> None:
        learning = variant.learning
        if needs_teacher(learning) != key.startswith("students."):
            expected = "a kind without a teacher, as all baselines have"
            if key.startswith("students."):
                expected = "a kind with the teacher, as all students have"
            raise ValueError(f"{key}.learning.kind = {learning.kind}: expected {expected}")
        try:
            check_learning(learning, variant.network or self.student.network, self.teacher.network)
        except ValueError as error:
            raise ValueError(f"{key}.learning.{error}") from None
