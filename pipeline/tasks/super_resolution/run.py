"""From paths and settings to a trained network on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import together
from pipeline.data.patch_batches import PatchArrays
from pipeline.device import select_device, select_dtype
from pipeline.errors import InputError
from pipeline.files import write_csv
from pipeline.params.networks import AdamTraining
from pipeline.processes import is_first
from pipeline.provenance import provenance
from pipeline.resume import ResumeFile, fingerprint
from pipeline.tasks.super_resolution import networks
from pipeline.tasks.super_resolution.learning import Upscaling
from pipeline.tasks.super_resolution.params.networks import SuperResolutionNetwork
from pipeline.training import train


def train_upscaler(
    *,
    name: str,
    seed: int,
    patches: Path,
    model: Path,
    losses: Path,
    network: SuperResolutionNetwork,
    training: AdamTraining,
    reconstruction: float = 1.0,
    taps: Sequence[int] = (),
    teacher: Path | None = None,
    teacher_taps: Sequence[int] = (),
    methods: dict[str, Any] | None = None,
) -> None:
    """Train a network on the patches in a folder and write its weights, card and losses; resumes what was interrupted.

    ``teacher`` is the checkpoint that ``methods`` learn from. Raises InputError where it was made for other pictures.
    """
    device = select_device()
    dtype = select_dtype(device, training.precision)
    made_with = provenance(device, dtype)
    arrays = PatchArrays(patches, device)
    trained = networks.build(network, scale=arrays.scale, channels=arrays.channels, seed=seed)
    master = None
    if teacher is not None:
        known = networks.load(teacher)
        found, expected = (known.card["scale"], known.card["channels"]), (arrays.scale, arrays.channels)
        if found != expected:
            raise InputError(f"{teacher}: scale and channels {found}, expected {expected}, as {patches} has")
        master = known.network
    settings = {
        "network": network.model_dump(),
        "training": training.model_dump(),
        "reconstruction": reconstruction,
        "taps": list(taps),
        "teacher_taps": list(teacher_taps),
        "distill": {key: value.model_dump() for key, value in (methods or {}).items()},
    }
    inputs = [patches, *([teacher] if teacher else [])]
    resume = ResumeFile(model, [name, seed, settings, made_with, fingerprint(inputs)])
    task = Upscaling(
        trained.network, arrays, training, device, dtype,
        reconstruction=reconstruction, taps=taps, teacher=master, teacher_taps=teacher_taps, methods=methods,
    )  # fmt: skip
    history = train(task, training, seed=seed, device=device, resume=resume, label=f"{name}, seed {seed}")
    if is_first():
        write_csv(losses, pd.DataFrame(history))
        networks.save(trained, model, made_with | {"name": name} | settings)
        resume.clear()
    together.leave()
