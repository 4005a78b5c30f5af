"""How a classifier learns, by the ``kind`` of its learning: each is a file here, with the tasks that the loop runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline.data.class_batches import ClassBatches
from pipeline.data.classes import CLASSES, IMAGES, INDEX, NOTES, open_classes
from pipeline.errors import InputError
from pipeline.files import atomic_directory, write_json
from pipeline.params.classes import Pictures
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.loading import validate
from pipeline.params.networks import Training
from pipeline.randomness import derive
from pipeline.tasks.classification import networks
from pipeline.tasks.classification.distillation import Distilled
from pipeline.tasks.classification.feedback import ForwardAndFeedback
from pipeline.tasks.classification.mutual import MutualLearning
from pipeline.tasks.classification.native_ensemble import Branches
from pipeline.tasks.classification.networks import ENSEMBLE, NETWORKS, STUDENT, TEACHER, Trained
from pipeline.tasks.classification.params.group import Augmentation
from pipeline.tasks.classification.params.learning import (
    AnyLearning,
    Distillation,
    Feedback,
    Mutual,
    NativeEnsemble,
    Supervised,
    changes_teacher,
    check_learning,
    needs_teacher,
)
from pipeline.tasks.classification.supervised import Classes, ClassTask
from pipeline.trained import Log, Recipe, Run


@dataclass(frozen=True)
class ClassRun(Run):
    """A run of the loop that knows what its steps cost."""

    task: ClassTask


@dataclass(kw_only=True)
class ClassifierRecipe(Recipe):
    """The training of the networks that a way of learning needs; feedback has its own schedules, with a run for each.

    ``model`` is the first student's; ``others`` a folder for the teacher where it has changed, teacher.safetensors
    and .json, and for networks.json, the list of what is there.
    """

    data: Path  # the folder with the prepared set
    augmentation: Augmentation
    network: ClassifierNetwork
    training: Training
    learning: AnyLearning
    teacher: Path | None = None
    others: Path | None = None
    networks: dict[str, Trained] = field(default_factory=dict, init=False)  # all that learn, the first student besides
    work: list[dict[str, Any]] = field(default_factory=list, init=False)  # of each run, in multiply-adds

    def reads(self) -> list[Path]:
        files = [self.data / name for name in (IMAGES, INDEX, CLASSES, NOTES)]
        return [*files, *([self.teacher] if self.teacher and needs_teacher(self.learning) else [])]

    def settings(self) -> dict[str, Any]:
        return {
            "network": self.network.model_dump(),
            "training": self.training.model_dump(),
            "learning": self.learning.model_dump(),
        }

    def runs(self, device: torch.device, dtype: torch.dtype) -> Iterator[Run]:
        """Raises InputError where a teacher is missing, or was made for other pictures or students."""
        classes = open_classes(self.data)
        pictures = Pictures(mean=classes.notes.mean, std=classes.notes.std, **self.augmentation.model_dump())
        images, labels = classes.part("train")
        batches = ClassBatches(images, labels, len(classes.names), pictures, device, str(self.data / IMAGES))
        teacher = self._teacher(batches) if needs_teacher(self.learning) else None
        self.networks = self._build(batches)
        if isinstance(self.learning, Feedback | Mutual) and teacher is not None:
            self.networks[TEACHER] = teacher
        for run in self._runs(batches, teacher, dtype):
            yield run
            batch = min(run.training.batch_size, run.task.samples)
            steps = run.training.epochs * (run.task.samples // batch)
            step = run.task.forwards_backwards(batch)
            about = {"stage": _stage(run.name), "steps": steps}
            self.work.append(about | {"multiply_adds_a_step": step, "multiply_adds": steps * step})

    def log(self, logs: dict[str, Log]) -> pd.DataFrame:
        """Those of all runs, by stage."""
        return pd.DataFrame([{"stage": _stage(name)} | row for name, rows in logs.items() for row in rows])

    def save(self, provenance: dict[str, Any]) -> None:
        if self.others is not None:
            changed = [TEACHER] if changes_teacher(self.learning) else []
            with atomic_directory(self.others) as folder:
                for name in changed:
                    self._save(name, folder / f"{name}.safetensors", provenance)
                write_json(folder / NETWORKS, changed)
        self._save(STUDENT, self.model, provenance)

    def _save(self, name: str, path: Path, provenance: dict[str, Any]) -> None:
        self.networks[name].save(path, provenance | {"work": self.work, "network_of": name})

    def _build(self, batches: ClassBatches) -> dict[str, Trained]:
        """The networks to learn, by name. The first has the weights that the seed gives it whatever the learning."""
        made = {"image_size": batches.size, "channels": batches.channels, "classes": batches.classes}
        made |= {"pictures": batches.settings}
        if isinstance(self.learning, NativeEnsemble):
            whole = networks.build(self.network, **made, seed=self.seed, branches=self.learning.branches)
            return {ENSEMBLE: whole, STUDENT: networks.first_branch(whole)}
        count = self.learning.students if isinstance(self.learning, Feedback | Mutual) else 1
        seeds = [self.seed, *(derive(self.seed, "student", number) % 2**31 for number in range(2, count + 1))]
        return {
            f"student_{number}": networks.build(self.network, **made, seed=seed)
            for number, seed in enumerate(seeds, start=1)
        }

    def _runs(self, batches: ClassBatches, pretrained: Trained | None, dtype: torch.dtype) -> Iterator[ClassRun]:
        """The runs in order, each made when the one before it has ended."""
        learning, training, seed = self.learning, self.training, self.seed
        teacher = None if pretrained is None else pretrained.network
        students = {name: of.network for name, of in self.networks.items() if name not in (TEACHER, ENSEMBLE)}
        first = students[STUDENT]
        match learning:
            case Supervised():
                yield ClassRun(Classes(first, batches, training, dtype), training, seed)
            case Distillation():
                options = {"methods": learning.distill, "cross_entropy": learning.cross_entropy, "seed": seed}
                yield ClassRun(Distilled(first, batches, training, dtype, teacher=teacher, **options), training, seed)
            case Mutual():
                peers = students | ({TEACHER: teacher} if learning.with_teacher else {})
                yield ClassRun(MutualLearning(peers, batches, learning, training, dtype), training, seed)
            case NativeEnsemble():
                whole = self.networks[ENSEMBLE].network
                yield ClassRun(Branches(whole, batches, learning, training, dtype), training, seed)
            case Feedback():
                given = teacher, students, batches, learning
                if (stage := learning.forward_training) is not None:
                    yield ClassRun(ForwardAndFeedback(*given, stage, dtype, teaches_only=True), stage, seed, "forward")
                stage, alone = learning.feedback_training, learning.feedback == "none"
                task = ForwardAndFeedback(*given, stage, dtype, teaches_only=alone)
                yield ClassRun(task, stage, derive(seed, "feedback"), "feedback")

    def _teacher(self, batches: ClassBatches) -> Trained:
        """The pretrained teacher. Raises InputError where it is missing, or was made for other pictures or students."""
        path = self.teacher
        if path is None:
            raise InputError(f"learning.kind = {self.learning.kind}: no teacher is given, expected its weights")
        teacher = networks.load(path)
        expected = {"image_size": batches.size, "channels": batches.channels, "classes": batches.classes}
        for key, value in expected.items():
            if teacher.card[key] != value:
                raise InputError(
                    f"{path}: made for {key} = {teacher.card[key]}, expected {value}, as the pictures have"
                )
        shown, here = networks.pictures_of(teacher), batches.settings
        if (shown.mean, shown.std) != (here.mean, here.std):
            trained_with, wanted = (f"mean {of.mean}, std {of.std}" for of in (shown, here))
            raise InputError(f"{path}: pictures were shown with {trained_with}, expected {wanted}")
        try:
            network = validate(ClassifierNetwork, teacher.card["network"], "network", path)
            check_learning(self.learning, self.network, network)
        except ValueError as error:
            raise InputError(f"{path}: {error}") from None
        return teacher


def _stage(run: str) -> str:
    """What the log and the card call a run of that name."""
    return run or "training"
