"""From paths and settings to a distilled student on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.checkpoints import card_of
from pipeline.data.pixels import QualityArrays
from pipeline.distill import method
from pipeline.errors import InputError
from pipeline.face_networks import Network
from pipeline.params.loading import validate
from pipeline.params.losses import Margin
from pipeline.params.networks import Training
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.distilling import Distilling
from pipeline.tasks.recognition.knowledge import TeacherKnowledge
from pipeline.tasks.recognition.params.students import INSIDE, Student, check_methods
from pipeline.tasks.recognition.params.teachers import TeacherNetwork
from pipeline.tasks.recognition.run import train_identities


def train_student(
    *,
    name: str,
    seed: int,
    variant: Student,
    faces: Path,
    degraded: Path,
    index: Path,
    teachers: Sequence[Path],
    teacher_outputs: Sequence[Path],
    model: Path,
    losses: Path,
    network: Network,
    training: Training,
    loss: Margin,
) -> None:
    """Train a student as train_identities does, with the methods of its entry; answers in the order of the teachers."""
    masters = [networks.load(teacher) for teacher in teachers]
    for master, path in zip(masters, teachers, strict=True):
        _check_pair(name, variant, network, master.card, path)

    def make_task(classifier, arrays, people, qualities, training, device, dtype) -> Distilling:
        # A teacher whose maps were not stored is asked on sharp faces, whatever the student's qualities.
        sharp = arrays if 1 in arrays.arrays else QualityArrays(faces, None, [1], device)
        if variant.unlabelled and not len(people.unlabelled):
            raise InputError(f"{index}: no unlabelled faces, expected some, as students.{name}.unlabelled says")
        known = []
        for master, path, answers in zip(masters, teachers, teacher_outputs, strict=True):
            sharp.check_network(path, master.card["image_size"], master.card["channels"])
            known.append(TeacherKnowledge(master, answers, sharp, people, dtype))
        return Distilling(
            classifier, arrays, people, qualities, training, device, dtype,
            teachers=known, methods=variant.distill, unlabelled=variant.unlabelled,
        )  # fmt: skip

    train_identities(
        name=name,
        seed=seed,
        qualities=variant.train_qualities,
        one_a_quality=variant.one_a_quality,
        faces=faces,
        degraded=degraded,
        index=index,
        model=model,
        losses=losses,
        network=network,
        training=training,
        loss=loss,
        make_task=make_task,
        also_from=[*teachers, *teacher_outputs],
        also_settings=variant.model_dump(include={"distill", "unlabelled"}),
    )


def _check_pair(name: str, variant: Student, network: Network, card: dict[str, Any], teacher: Path) -> None:
    """Refuse methods that cannot compare the two: what a checkpoint of the user's own is, only its card says."""
    try:
        check_methods(variant.distill, network, validate(TeacherNetwork, card["network"], "network", card_of(teacher)))
    except ValueError as error:
        raise InputError(f"{teacher}: students.{name}.distill.{error}") from None
    made_for = (card.get("adopted") or {}).get("image_size")
    placed = [term for term in variant.distill if INSIDE & set(method(term).NEEDS)]
    if placed and made_for not in (None, card["image_size"]):
        raise InputError(
            f"{teacher}: students.{name}.distill.{placed[0]} compares place by place: expected a teacher made for"
            f" faces of {card['image_size']} pixels, found {made_for}"
        )
