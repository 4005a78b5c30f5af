"""From paths and settings to a trained classifier on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline.data.pixels import QualityArrays
from pipeline.device import select_device, select_dtype
from pipeline.files import write_csv
from pipeline.params.losses import Loss
from pipeline.params.networks import Network, Training
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
    """Train one classifier and write its weights, card and losses; resumes a training that was interrupted.

    ``make_task`` builds what is learned in a step; ``also_from`` and ``also_settings`` are the files and
    parameters that it reads beyond those named here.
    """
    device = select_device()
    dtype = select_dtype(device, training.precision)
    made_with = provenance(device, dtype)
    people = training_faces(index)
    arrays = QualityArrays(faces, degraded, qualities, device)
    arrays.check_index(index, people.indexed)
    classifier = networks.build(
        network,
        loss,
        image_size=arrays.size,
        channels=arrays.channels,
        identities=people.identities,
        seed=seed,
    )
    settings = {
        "qualities": list(qualities),
        "network": network.model_dump(),
        "training": training.model_dump(),
        "loss": loss.model_dump(),
        "more": also_settings,
    }
    inputs = [faces, index, *([degraded] if degraded else []), *also_from]
    resume = ResumeFile(model, [name, seed, settings, made_with, fingerprint(inputs)])
    task = make_task(classifier, arrays, people, qualities, training, device, dtype)
    history = train(task, training, seed=seed, device=device, resume=resume, label=f"{name}, seed {seed}")
    write_csv(losses, pd.DataFrame(history))
    networks.save(classifier, model, made_with | {"name": name} | settings)
    resume.clear()
