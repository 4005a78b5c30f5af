"""From paths and settings to a trained classifier on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline import together
from pipeline.data.pixels import QualityArrays
from pipeline.device import select_device, select_dtype
from pipeline.face_networks import Network
from pipeline.files import write_csv
from pipeline.params.losses import Loss
from pipeline.params.networks import Training
from pipeline.processes import is_first
from pipeline.provenance import provenance
from pipeline.resume import ResumeFile, fingerprint
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.faces import TrainingFaces, training_faces
from pipeline.tasks.recognition.learning import Identities
from pipeline.training import train

MakeTask = Callable[
    [networks.FaceClassifier, QualityArrays, TrainingFaces, Sequence[int], Training, torch.device, torch.dtype],
    Identities,
]


def train_identities(
    *,
    name: str,
    seed: int,
    qualities: Sequence[int],
    one_a_quality: bool = False,
    faces: Path,
    degraded: Path | None,
    index: Path,
    model: Path,
    losses: Path,
    network: Network,
    training: Training,
    loss: Loss,
    make_task: MakeTask = Identities,
    also_from: Sequence[Path] = (),
    also_settings: Any = None,
) -> None:
    """Train a classifier and write its weights, card and losses; resumes a training that was interrupted.

    ``one_a_quality`` trains one for each of ``qualities``; the losses written are then means over them by epoch.
    ``make_task`` builds what is learned in a step; ``also_from`` and ``also_settings`` are the files and
    parameters that it reads beyond those named here.
    """
    device = select_device()
    dtype = select_dtype(device, training.precision)
    made_with = provenance(device, dtype)
    people = training_faces(index)
    arrays = QualityArrays(faces, degraded, qualities, device)
    arrays.check_index(index, people.indexed)
    settings = {
        "qualities": list(qualities),
        "one_a_quality": one_a_quality,
        "network": network.model_dump(),
        "training": training.model_dump(),
        "loss": loss.model_dump(),
        "more": also_settings,
    }
    inputs = [faces, index, *([degraded] if degraded else []), *also_from]
    binding = [name, seed, settings, made_with, fingerprint(inputs)]
    trained: dict[int | None, networks.FaceClassifier] = {}
    histories, states = [], []
    for quality in qualities if one_a_quality else [None]:
        classifier = networks.build(
            network,
            loss,
            image_size=arrays.size,
            channels=arrays.channels,
            identities=people.identities,
            seed=seed,
        )
        own = qualities if quality is None else [quality]
        place = model if quality is None else model.with_stem(f"{model.stem}-x{quality}")
        states.append(ResumeFile(place, [*binding, quality]))
        task = make_task(classifier, arrays, people, own, training, device, dtype)
        label = f"{name}, seed {seed}" + ("" if quality is None else f", x{quality}")
        histories.append(
            train(task, training, seed=seed, device=device, resume=states[-1], label=label, keep_end=one_a_quality)
        )
        trained[quality] = classifier
    if is_first():
        write_csv(losses, pd.concat(map(pd.DataFrame, histories)).groupby("epoch", as_index=False).mean())
        networks.save(trained, model, made_with | {"name": name} | settings)
        for state in states:
            state.clear()
    together.leave()
