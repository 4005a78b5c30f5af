"""Judge a classifier on the test part: how often it is right, how far its probabilities hold, what its teacher says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from pipeline.data.class_batches import normalise
from pipeline.data.classes import Classes, open_classes
from pipeline.device import select_device
from pipeline.errors import InputError
from pipeline.files import read_json, write_csv, write_json
from pipeline.metrics.classification import Classification, agreement, classify
from pipeline.metrics.efficiency import count_parameters, multiply_adds
from pipeline.metrics.rows import interval, of_cost, write_rows
from pipeline.models.freezing import freeze
from pipeline.provenance import provenance
from pipeline.tasks.classification import networks
from pipeline.tasks.classification.networks import NETWORKS, TEACHER, Trained, pictures_of
from pipeline.tasks.classification.params.group import ClassEvaluation

TASK = "classification"
ITSELF, TEACHER_AFTER = "test", "teacher_after"  # conditions: the network itself, and what became of its teacher


@dataclass(frozen=True)
class Outputs:
    """What is written."""

    metrics: Path
    pictures: Path
    reliability: Path
    run: Path


def evaluate(
    *,
    name: str,
    variant: str,
    seed: int,
    data: Path,
    model: Path,
    teacher: Path | None,
    others: Path | None,
    settings: ClassEvaluation,
    outputs: Outputs,
) -> None:
    """Write the tidy metrics, one row per test image, the reliability tables and the run; all in float32.

    ``name`` is the set's, in metrics.csv the protocol. Agreement and divergence are with ``teacher`` as it was
    pretrained; none for the teacher itself. Where ``others`` has a teacher that has changed, it is judged too, under
    the condition teacher_after. Raises InputError where networks and images do not fit.
    """
    device = select_device()
    classes = open_classes(data)
    trained = networks.load(model)
    judged = {ITSELF: _logits(trained, model, classes, device, settings.batch_size)}
    if others is not None and TEACHER in _names(others):
        path = others / f"{TEACHER}.safetensors"
        judged[TEACHER_AFTER] = _logits(networks.load(path), path, classes, device, settings.batch_size)
    asked = None
    if teacher is not None:
        asked = _logits(networks.load(teacher), teacher, classes, device, settings.batch_size)

    rows, images, tables = [], [], []
    _, labels = classes.part("test")
    for condition, logits in judged.items():
        outcome = classify(logits, labels)
        measures = _measures(outcome)
        if asked is not None:
            alike = agreement(logits, asked)
            measures |= {"agreement": alike.rate, "kl": alike.kl}
        rows += [{"condition": condition, "metric": m, "value": v, "n": outcome.n} for m, v in measures.items()]
        images.append(_images(condition, classes, labels, logits, outcome))
        tables.append(_bins(condition, outcome))
    shape = (classes.images.shape[3], *classes.images.shape[1:3])
    cost = of_cost(count_parameters(trained.network), multiply_adds(trained.network, shape))
    rows += [{"condition": ITSELF} | row for row in cost]
    about = {"task": TASK, "dataset": classes.notes.name, "variant": variant, "seed": seed, "protocol": name}
    write_rows(outputs.metrics, rows, **about)
    write_csv(outputs.pictures, pd.concat(images))
    write_csv(outputs.reliability, pd.concat(tables))
    write_json(
        outputs.run,
        provenance(device, torch.float32)
        | {
            "network": trained.card["network"],
            "classes": classes.names,
            "data": classes.notes.model_dump(),
            "pictures": trained.card["pictures"],
            "trained_with": trained.card["provenance"],
        },
    )


def ask(network: nn.Module, pictures: Any, images: np.ndarray, device: torch.device, batch_size: int) -> np.ndarray:
    """Logits (N, K) float32 of images uint8 (N, S, S, C), shown as ``pictures`` says, in evaluation mode."""
    network = freeze(network.to(device))
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            pixels = torch.from_numpy(np.array(images[start : start + batch_size])).to(device)
            parts.append(network(normalise(pixels, pictures)).float().cpu().numpy())
    return np.concatenate(parts)


def _logits(trained: Trained, path: Path, classes: Classes, device: torch.device, batch_size: int) -> np.ndarray:
    images, _ = classes.part("test")
    expected = {"image_size": images.shape[1], "channels": images.shape[3], "classes": len(classes.names)}
    for key, value in expected.items():
        if trained.card[key] != value:
            raise InputError(f"{path}: made for {key} = {trained.card[key]}, expected {value}, as the images have")
    logits = ask(trained.network, pictures_of(trained), images, device, batch_size)
    if not np.isfinite(logits).all():
        raise InputError(f"{path}: gives numbers that are not finite, expected a trained network")
    return logits


def _names(folder: Path) -> list[str]:
    """The networks that a training left besides the student."""
    names = read_json(folder / NETWORKS)
    if not isinstance(names, list) or any(not (folder / f"{name}.safetensors").is_file() for name in names):
        raise InputError(f"{folder / NETWORKS}: {names}, expected a list of networks that are in the folder")
    return names


def _measures(outcome: Classification) -> dict[str, float]:
    measures = {"top1": outcome.top1} | interval("top1", outcome.correct, rates=True)
    if outcome.top5 is not None:
        measures["top5"] = outcome.top5
    return measures | {"nll": outcome.nll, "ece": outcome.ece}


def _images(
    condition: str, classes: Classes, labels: np.ndarray, logits: np.ndarray, outcome: Classification
) -> pd.DataFrame:
    numbers = classes.index["image"].to_numpy()[classes.notes.images.train :]
    decided = {"label": labels, "predicted": logits.argmax(axis=1), "correct": outcome.correct.astype(int)}
    return pd.DataFrame({"condition": condition, "image": numbers} | decided)


def _bins(condition: str, outcome: Classification) -> pd.DataFrame:
    table = outcome.reliability
    columns = ("low", "high", "count", "confidence", "accuracy")
    return pd.DataFrame({"condition": condition} | {name: getattr(table, name) for name in columns})
