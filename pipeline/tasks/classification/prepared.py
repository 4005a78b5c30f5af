"""From a prepared set of images to trained classifiers on disk."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pipeline.data.classes import IMAGES, INDEX, Classes, open_classes
from pipeline.files import atomic_directory, write_json
from pipeline.tasks.classification.params.group import Augmentation
from pipeline.tasks.classification.params.learning import AnyLearning, Feedback, Mutual, Pictures
from pipeline.tasks.classification.run import TEACHER, train_classifier

NETWORKS = "networks.json"  # in the folder of what else a training left: the names of the networks in it


def train_on_set(
    *, data: Path, augmentation: Augmentation, learning: AnyLearning, others: Path | None = None, **more: Any
) -> None:
    """Train on the training part of the prepared set in the folder ``data``; ``more`` goes to train_classifier.

    ``others`` is a folder for the teacher as it is afterwards, teacher.safetensors and .json, where ``learning``
    changes it; networks.json lists what is there. Raises InputError as open_classes and train_classifier do.
    """
    found = open_classes(data)
    images, labels = found.part("train")
    with atomic_directory(others) if others else nullcontext() as folder:
        kept = {TEACHER: folder / f"{TEACHER}.safetensors"} if folder and changes_teacher(learning) else {}
        train_classifier(
            images=images,
            labels=labels,
            read_from=[data / IMAGES, data / INDEX],
            classes=len(found.names),
            pictures=shown(found, augmentation),
            learning=learning,
            others=kept,
            **more,
        )
        if folder:
            write_json(folder / NETWORKS, list(kept))


def shown(found: Classes, augmentation: Augmentation) -> Pictures:
    """How the set's pictures are shown: by mean and deviation of its own training part."""
    return Pictures(mean=found.notes.mean, std=found.notes.std, **augmentation.model_dump())


def changes_teacher(learning: AnyLearning) -> bool:
    """Whether the pretrained teacher learns too."""
    if isinstance(learning, Feedback):
        return learning.feedback == "students"
    return isinstance(learning, Mutual) and learning.with_teacher
