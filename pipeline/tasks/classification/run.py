"""From arrays and settings to trained classifiers on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from pipeline.data.class_batches import ClassBatches
from pipeline.device import select_device, select_dtype
from pipeline.errors import InputError
from pipeline.files import write_csv
from pipeline.params.loading import validate
from pipeline.params.networks import Training
from pipeline.provenance import provenance
from pipeline.randomness import derive
from pipeline.resume import ResumeFile, fingerprint
from pipeline.tasks.classification import networks
from pipeline.tasks.classification.feedback import ForwardAndFeedback
from pipeline.tasks.classification.learning import Classes, Distilled
from pipeline.tasks.classification.mutual import MutualLearning
from pipeline.tasks.classification.native_ensemble import Branches
from pipeline.tasks.classification.networks import Trained
from pipeline.tasks.classification.params.learning import (  # fmt: skip
    AnyLearning,
    Distillation,
    Feedback,
    Mutual,
    NativeEnsemble,
    Pictures,
    Supervised,
    check_learning,
    needs_teacher,
)
from pipeline.tasks.classification.params.networks import ClassifierNetwork
from pipeline.training import Task, train

STUDENT, TEACHER, ENSEMBLE = "student_1", "teacher", "ensemble"


def train_classifier(
    *,
    name: str,
    seed: int,
    images: np.ndarray,
    labels: np.ndarray,
    read_from: Sequence[Path],
    classes: int,
    pictures: Pictures,
    model: Path,
    losses: Path,
    network: ClassifierNetwork,
    training: Training,
    learning: AnyLearning,
    teacher: Path | None = None,
    others: dict[str, Path] | None = None,
) -> None:
    """Train as ``learning`` says on pictures and labels; resumes what was interrupted.

    ``images`` uint8 (N, S, S, C), memory-mapped or not, ``labels`` (N,); ``read_from``: the files that they are from.
    ``model`` gets the first student, ``losses`` one row per epoch. ``others`` are places for networks that come about
    besides: student_2 and on, teacher (as feedback or peers left it), ensemble (of branches). Feedback has schedules of
    its own in place of ``training``. Raises InputError where a teacher is missing or was made for other pictures.
    """
    device = select_device()
    dtype = select_dtype(device, training.precision)
    made_with = provenance(device, dtype)
    batches = ClassBatches(images, labels, classes, pictures, device, str(read_from[0]))
    master = _teacher(teacher, learning, batches, network) if needs_teacher(learning) else None
    trained = _networks(network, learning, batches, seed)
    kept = dict(trained)
    if isinstance(learning, NativeEnsemble):
        kept = {STUDENT: networks.first_branch(trained[ENSEMBLE]), **trained}
    if isinstance(learning, Feedback | Mutual) and master is not None:
        kept[TEACHER] = master
    if unknown := set(others or {}) - set(kept):
        raise InputError(f"others: no {min(unknown)} comes about, expected some of {', '.join(kept)}")
    settings = {
        "network": network.model_dump(),
        "training": training.model_dump(),
        "learning": learning.model_dump(),
    }
    inputs = [*read_from, *([teacher] if master else [])]
    binding = [name, seed, settings, pictures.model_dump(), classes, made_with, fingerprint(inputs)]
    history, work, resumes = [], [], []
    stages = _stages(learning, training, trained, master, batches, dtype, seed)
    for stage, schedule, make in stages:
        resume = ResumeFile(model.with_name(f"{model.stem}_{stage}"), [stage, *binding])
        task: Task = make()
        batch = min(schedule.batch_size, task.samples)
        rows = train(
            task, schedule, seed=seed if stage != "feedback" else derive(seed, stage), device=device, resume=resume,
            label=f"{name}, seed {seed}" + (f", {stage}" if len(stages) > 1 else ""), keep_end=len(stages) > 1,
        )  # fmt: skip
        history += [{"stage": stage} | row for row in rows]
        steps = schedule.epochs * (task.samples // batch)
        a_step = task.forwards_backwards(batch)
        work.append({"stage": stage, "steps": steps, "multiply_adds_a_step": a_step, "multiply_adds": steps * a_step})
        resumes.append(resume)
    write_csv(losses, pd.DataFrame(history))
    about = made_with | {"name": name, "work": work} | settings
    for key, place in {**(others or {}), STUDENT: model}.items():
        networks.save(kept[key], place, about | {"network_of": key})
    for resume in resumes:
        resume.clear()


def _networks(
    network: ClassifierNetwork, learning: AnyLearning, batches: ClassBatches, seed: int
) -> dict[str, Trained]:
    """The networks to learn, by name. The first has the weights that ``seed`` gives it whatever the learning."""
    made = {"image_size": batches.size, "channels": batches.channels, "classes": batches.classes}
    made |= {"pictures": batches.settings}
    if isinstance(learning, NativeEnsemble):
        return {ENSEMBLE: networks.build(network, **made, seed=seed, branches=learning.branches)}
    count = learning.students if isinstance(learning, Feedback | Mutual) else 1
    seeds = [seed, *(derive(seed, "student", number) % 2**31 for number in range(2, count + 1))]
    return {f"student_{n}": networks.build(network, **made, seed=own) for n, own in enumerate(seeds, start=1)}


def _stages(
    learning: AnyLearning,
    training: Training,
    trained: dict[str, Trained],
    master: Trained | None,
    batches: ClassBatches,
    dtype: torch.dtype,
    seed: int,
) -> list[tuple[str, Training, Any]]:
    """(name, schedule, how the task is made) of each training, in order."""
    made: dict[str, nn.Module] = {name: one.network for name, one in trained.items()}
    teacher = None if master is None else master.network
    match learning:
        case Supervised():
            return [("training", training, lambda: Classes(made[STUDENT], batches, training, dtype))]
        case Distillation():
            options = {"methods": learning.distill, "cross_entropy": learning.cross_entropy, "seed": seed}
            first = made[STUDENT], batches, training, dtype
            return [("training", training, lambda: Distilled(*first, teacher=teacher, **options))]
        case Mutual():
            peers = made | ({TEACHER: teacher} if learning.with_teacher else {})
            return [("training", training, lambda: MutualLearning(peers, batches, learning, training, dtype))]
        case NativeEnsemble():
            return [("training", training, lambda: Branches(made[ENSEMBLE], batches, learning, training, dtype))]
    first, second = learning.forward_training, learning.feedback_training
    alone = learning.feedback == "none"

    def stage(schedule: Training, teaches_only: bool) -> ForwardAndFeedback:
        return ForwardAndFeedback(teacher, made, batches, learning, schedule, dtype, teaches_only=teaches_only)

    stages = [("forward", first, lambda: stage(first, True))] if first is not None else []
    return [*stages, ("feedback", second, lambda: stage(second, alone))]


def _teacher(path: Path | None, learning: AnyLearning, batches: ClassBatches, student: ClassifierNetwork) -> Trained:
    """The pretrained teacher. Raises InputError where it is missing, or was made for other pictures or students."""
    if path is None:
        raise InputError(f"learning.kind = {learning.kind}: no teacher is given, expected its weights")
    master = networks.load(path)
    expected = {"image_size": batches.size, "channels": batches.channels, "classes": batches.classes}
    for key, value in expected.items():
        if master.card[key] != value:
            raise InputError(f"{path}: made for {key} = {master.card[key]}, expected {value}, as the pictures have")
    shown, here = networks.pictures_of(master), batches.settings
    if (shown.mean, shown.std) != (here.mean, here.std):
        found, wanted = (f"mean {of.mean}, std {of.std}" for of in (shown, here))
        raise InputError(f"{path}: pictures were shown with {found}, expected {wanted}")
    try:
        check_learning(learning, student, validate(ClassifierNetwork, master.card["network"], "network", path))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    return master
