"""How a classifier learns: from labels alone, from a teacher, with its peers, or with a teacher that learns from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from pipeline.distill import method
from pipeline.distill_entries import by_method
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.loading import Settings
from pipeline.params.networks import Positive, Training

# Fields of pipeline.distill.Knowledge that classifiers have.
KNOWN = ("logits", "plain_logits", "labels", "embedding", "features", "rows")
Weight = Annotated[float, Field(ge=0, le=1e30)]
Epochs = Annotated[int, Field(ge=0, le=1_000_000)]


class Supervised(Settings):
    """From labels alone: a teacher, a baseline."""

    kind: Literal["supervised"]


class Distillation(Settings):
    """From a teacher that does not change, by one or several methods."""

    kind: Literal["distillation"]
    cross_entropy: Weight = 1.0  # 0.1 in the papers' KD, whose weight is 0.9, and 1 beside all other methods
    distill: Annotated[dict[str, SerializeAsAny[Settings]], Field(min_length=1)]

    @field_validator("distill", mode="before")
    @classmethod
    def _by_method(cls, methods: Any) -> Any:
        return by_method(methods, KNOWN, "classification")


class Mutual(Settings):
    """DML: networks that learn from each other (pipeline.tasks.classification.mutual)."""

    kind: Literal["mutual"]
    students: Annotated[int, Field(ge=1, le=8)]
    with_teacher: bool = False  # whether the pretrained teacher is a peer too
    weight: Weight = 1.0
    temperature: Positive = 1.0

    @model_validator(mode="after")
    def _two(self) -> Mutual:
        if self.students + self.with_teacher < 2:
            raise ValueError("students = 1: expected at least 2, or with_teacher = true")
        return self


class NativeEnsemble(Settings):
    """ONE: branches of a network and their gated ensemble (pipeline.tasks.classification.native_ensemble)."""

    kind: Literal["native_ensemble"]
    branches: Annotated[int, Field(ge=2, le=16)] = 3
    weight: Weight = 1.0
    temperature: Positive = 3.0
    ramp_epochs: Epochs = 80


class Feedback(Settings):
    """FFKD: students learn from a teacher, then the teacher also from them (pipeline.tasks.classification.feedback).

    Its formulas are not published: all values are [ours]. The controls are settings of the same method: a teacher
    that stays as it is for the same steps (``feedback: none``), feedback without weighting (``weighting: constant``),
    a teacher that learns on without feedback (``beta: 0.0``), and mutual learning from the same teacher (temperatures
    and weights 1, ``weighting: constant``, ``teacher_rate: 1.0``; or ``kind: mutual`` with ``with_teacher: true``).
    """

    kind: Literal["feedback"]
    students: Annotated[int, Field(ge=1, le=8)] = 1
    alpha: Weight = 1.0  # weight of what students learn from the teacher, beside their cross-entropy
    temperature: Positive = 4.0
    beta: Weight = 1.0  # weight of what the teacher learns from the students, beside its cross-entropy
    feedback_temperature: Positive = 4.0
    feedback: Literal["students", "none"] = "students"  # none: the teacher stays as it is
    weighting: Literal["understanding", "constant"] = "understanding"
    understood: Literal["up", "down"] = "up"  # up: what students understood counts more, down: less
    tolerance: Positive = 1.0  # tau, in nats: a divergence of this size is understood by 1/e
    teacher_rate: Positive = 0.1  # of the teacher's learning rate, as a factor of the students'
    forward_training: Training | None  # stage 1, the teacher as it is; null: no such stage
    feedback_training: Training  # stage 2


AnyLearning = Supervised | Distillation | Mutual | NativeEnsemble | Feedback
Learning = Annotated[AnyLearning, Field(discriminator="kind")]


def needs_teacher(learning: AnyLearning) -> bool:
    """Whether this kind of learning needs a pretrained teacher."""
    return isinstance(learning, Distillation | Feedback) or (isinstance(learning, Mutual) and learning.with_teacher)


def changes_teacher(learning: AnyLearning) -> bool:
    """Whether the pretrained teacher learns too."""
    if isinstance(learning, Feedback):
        return learning.feedback == "students"
    return isinstance(learning, Mutual) and learning.with_teacher


def check_learning(learning: AnyLearning, student: ClassifierNetwork, teacher: ClassifierNetwork) -> None:
    """Raise ValueError, beginning with the setting, where these networks do not fit it: before any job runs."""
    if isinstance(learning, NativeEnsemble) and student.architecture == "torchvision":
        raise ValueError(
            "kind = native_ensemble: expected a network of this project: torchvision's have no stages to branch at"
        )
    if not isinstance(learning, Distillation):
        return
    widths = student.embedding, teacher.embedding
    for name, settings in learning.distill.items():
        module = method(name)
        if module.SAME_NETWORK and module.build is None and student != teacher:
            raise ValueError(f"distill.{name} compares channel by channel, expected the teacher's network")
        if "features" in module.NEEDS and 0 in (student.stages, teacher.stages):
            raise ValueError(f"distill.{name} compares features, expected network.features to name some layers")
        if module.EACH_STAGE and student.stages != teacher.stages:
            raise ValueError(
                f"distill.{name} compares stage by stage, expected as many in both networks, found {student.stages}"
                f" and {teacher.stages}"
            )
        if module.SAME_EMBEDDING and None not in widths and widths[0] != widths[1]:
            raise ValueError(
                f"distill.{name} compares value by value, expected embeddings as wide, found {widths[0]}, {widths[1]}"
            )
        try:
            module.check(settings, student, teacher)
        except ValueError as error:
            raise ValueError(f"distill.{name}.{error}") from None
