"""Photo-sketch synthesis: pairs, teachers, students of both directions, each checked before any job starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.face_losses import Margin
from pipeline.face_measures import Measures
from pipeline.params.equivalence import EquivalenceMargin
from pipeline.params.loading import Settings
from pipeline.params.networks import AdamTraining, Count, Seed, Training
from pipeline.params.sketch_pairs import SketchPairs
from pipeline.params.translators import PatchDiscriminator, Translator, check_discriminator, check_size
from pipeline.params.variants import VariantName, check_names
from pipeline.params.vgg import SynthesisTeacher
from pipeline.tasks.synthesis.params.variants import Augmentation, SynthesisVariant, check_variant

Domain = Literal["photos", "drawings", "both"]
# The teachers that a variant asks: KT has a teacher of photos and a teacher of drawings, KD a single teacher of both.
ASKED: dict[str, tuple[Domain, Domain]] = {"two": ("photos", "drawings"), "one": ("both", "both")}


class Drawing(Settings):
    """A way to draw faces for teachers that learn from drawings (pipeline.data.drawing); it has no settings."""


class DomainTeacher(Settings):
    """A teacher's settings."""

    seed: Seed


class Teacher(Settings):
    """Networks that know faces: trained on the recognition task's, one per domain, or VGG-19 as published."""

    drawings: Annotated[dict[Literal["xdog"], Drawing], Field(min_length=1)]  # how faces are drawn
    domains: Annotated[dict[Domain, DomainTeacher], Field(min_length=1)]  # of what a teacher each is made
    network: SynthesisTeacher
    margin: Margin
    training: Training
    augmentation: Augmentation


class Learner(Settings):
    """What all variants share, so that only their losses differ."""

    network: Translator  # one in each direction
    discriminator: PatchDiscriminator  # of the adversarial variants
    training: AdamTraining
    augmentation: Augmentation


class SynthesisEvaluation(Settings):
    """How trained students are judged."""

    sample_pairs: Annotated[int, Field(ge=1, le=16)]  # in the report
    equivalence_margin: EquivalenceMargin | None  # of SSIM
    splits: Annotated[int, Field(ge=1, le=1000)]  # draws of the people that train null-space LDA; 20 as published
    train_people: Count | None  # of each draw; null: 150 of 338, as on CUFS
    seed: Seed  # of the draws
    measures: Measures  # of the verification of made photos, beside the accuracy


class Group(Settings):
    """The whole group."""

    collections: Annotated[
        dict[VariantName, SketchPairs], Field(min_length=1)
    ]  # each is trained on and evaluated separately
    teacher: Teacher
    student: Learner
    baselines: dict[VariantName, SynthesisVariant]  # no teacher
    students: dict[VariantName, SynthesisVariant]
    evaluation: SynthesisEvaluation

    @model_validator(mode="after")
    def _consistent(self) -> Group:
        sizes = {name: pairs.image_size for name, pairs in self.collections.items()}
        check_names(self.baselines, self.students, taken=("teacher", "copy"))
        known = list(self.teacher.domains)
        if self.teacher.network.architecture == "vgg19" and known != ["both"]:
            raise ValueError(f"teacher.domains: {', '.join(known)} found, expected both alone: VGG-19 is one network")
        if taken := {"drawings", "teachers", "teacher_losses"} & set(sizes):
            raise ValueError(f"collections.{min(taken)}: expected another name, this name is taken")
        for name, size in sizes.items():
            self._named(f"collections.{name}: student.network", partial(check_size, self.student.network, size))
        for name, variant in (self.baselines | self.students).items():
            key = f"{'baselines' if name in self.baselines else 'students'}.{name}"
            if (variant.transfer is None) != (name in self.baselines):
                expected = "none: a baseline has no teacher" if name in self.baselines else "a weight"
                raise ValueError(f"{key}.transfer = {variant.transfer}: expected {expected}")
            self._named(key, partial(check_variant, variant, self.student.network, [self.teacher.network]))
            if variant.adversarial:
                smallest = min(sizes.values())
                self._named("student.discriminator", partial(check_discriminator, self.student.discriminator, smallest))
            if missing := set(ASKED.get(variant.teachers, ())) - set(known):
                raise ValueError(
                    f"{key}.teachers = {variant.teachers}: expected {min(missing)} among teacher.domains"
                    f" ({', '.join(known)})"
                )
        return self

    @staticmethod
    def _named(key: str, check: Callable[[], None]) -> None:
        try:
            check()
        except ValueError as error:
            raise ValueError(f"{key}.{error}") from None
