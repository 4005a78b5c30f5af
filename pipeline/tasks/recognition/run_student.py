"""From paths and settings to a distilled student on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.data.pixels import QualityArrays
from pipeline.errors import InputError
from pipeline.params.losses import Margin
from pipeline.params.networks import Network, Training
from pipeline.params.students import Student
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.distilling import Distilling
from pipeline.tasks.recognition.knowledge import TeacherKnowledge
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
