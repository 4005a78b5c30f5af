"""How a student of recognition learns: identities, and what its teachers know, by the methods of its entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.checkpoints import card_of
from pipeline.data.pixels import QualityArrays
from pipeline.distill import Knowledge, method
from pipeline.distilling import Lessons
from pipeline.errors import InputError
from pipeline.models.resnext import Inside
from pipeline.params.loading import Settings, validate
from pipeline.params.networks import Training
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.faces import Batch
from pipeline.tasks.recognition.knowledge import TeacherKnowledge, logits_of
from pipeline.tasks.recognition.learning import Identities, IdentitiesRecipe, ShownFaces
from pipeline.tasks.recognition.networks import FaceClassifier
from pipeline.tasks.recognition.params.students import INSIDE, check_methods
from pipeline.tasks.recognition.params.teachers import TeacherNetwork


class Distilling(Identities):
    """Identities, and what teachers know, by the methods of the student's entry."""

    def __init__(
        self,
        classifier: FaceClassifier,
        shown: ShownFaces,
        settings: Training,
        dtype: torch.dtype,
        *,
        teachers: Sequence[TeacherKnowledge],
        methods: Mapping[str, Settings],
        unlabelled: float = 0.0,
    ) -> None:
        super().__init__(classifier, shown, settings, dtype)
        self.teachers, self.lessons, self.unlabelled = teachers, Lessons(methods), unlabelled

    def draw(self, rows: Tensor, rng: torch.Generator) -> Batch:
        """As usual, and ``unlabelled`` times as many faces without a label, drawn evenly: no method needs one."""
        labels = self.faces.labels[rows]
        if count := round(self.unlabelled * len(rows)):
            others = torch.randint(len(self.faces.unlabelled), (count,), generator=rng)
            rows = torch.cat([rows, len(self.faces.faces) + others])
        return self.show(rows, labels, rng)

    def losses(self, batch: Batch, inside: Inside) -> dict[str, Tensor]:
        """Recognition, and each method by its name."""
        cosines = self.head.cosines(inside.embedding, batch.classes)
        logits, labelled = logits_of(self.head, cosines, batch.labels), len(batch.labels)
        student = Knowledge(
            **inside._asdict(), logits=logits, plain_logits=self.head.scale * cosines, labels=batch.labels
        )
        asked = [partial(teacher.of, batch) for teacher in self.teachers]
        terms = {"recognition": functional.cross_entropy(logits[:labelled], batch.labels)}
        return terms | self.lessons.losses(student, asked, self.epoch)


@dataclass(kw_only=True)
class StudentRecipe(IdentitiesRecipe):
    """The training of a student: its teachers, their stored answers in the same order, and the methods of its entry."""

    teachers: Sequence[Path]
    teacher_outputs: Sequence[Path]
    methods: Mapping[str, Settings]
    unlabelled: float

    def reads(self) -> list[Path]:
        return [*super().reads(), *self.teachers, *self.teacher_outputs]

    def settings(self) -> dict[str, Any]:
        methods = {name: settings.model_dump() for name, settings in self.methods.items()}
        return super().settings() | {"more": {"distill": methods, "unlabelled": self.unlabelled}}

    def task(self, classifier: FaceClassifier, shown: ShownFaces, dtype: torch.dtype) -> Distilling:
        """Raises InputError where a method cannot compare teacher and student."""
        arrays, people = shown.arrays, shown.people
        # A teacher whose maps were not stored is asked on sharp faces, whatever the student's qualities.
        sharp = arrays if 1 in arrays.arrays else QualityArrays(self.faces, None, [1], arrays.device)
        if self.unlabelled and not len(people.unlabelled):
            raise InputError(
                f"{self.index}: no unlabelled faces, expected some, as students.{self.name}.unlabelled says"
            )
        known = []
        for path, answers in zip(self.teachers, self.teacher_outputs, strict=True):
            teacher = networks.load(path)
            self._check_methods(teacher.card, path)
            sharp.check_network(path, teacher.card["image_size"], teacher.card["channels"])
            known.append(TeacherKnowledge(teacher, answers, sharp, people, dtype))
        return Distilling(
            classifier, shown, self.training, dtype, teachers=known, methods=self.methods, unlabelled=self.unlabelled
        )

    def _check_methods(self, card: dict[str, Any], teacher: Path) -> None:
        """Refuse methods that cannot compare the two: what a user's checkpoint is, only its card says."""
        entry = f"{teacher}: students.{self.name}.distill"
        try:
            network = validate(TeacherNetwork, card["network"], "network", card_of(teacher))
            check_methods(self.methods, self.network, network)
        except ValueError as error:
            raise InputError(f"{entry}.{error}") from None
        made_for = (card.get("adopted") or {}).get("image_size")
        placed = [name for name in self.methods if INSIDE & set(method(name).NEEDS)]
        if placed and made_for not in (None, card["image_size"]):
            raise InputError(
                f"{entry}.{placed[0]} compares place by place: expected a teacher made for"
                f" faces of {card['image_size']} pixels, found {made_for}"
            )
