"""Judge the two students of a variant: likeness of every test picture, features, recognition of people, and health."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from pipeline.data import sketch_pairs
from pipeline.data.tables import parse
from pipeline.data.text_lines import check_table
from pipeline.device import select_device
from pipeline.errors import InputError
from pipeline.files import write_csv, write_json, write_npz
from pipeline.metrics import likeness, nlda
from pipeline.metrics.efficiency import count_parameters, multiply_adds
from pipeline.metrics.frechet import frechet
from pipeline.metrics.rows import of_cost, over_pictures, write_rows
from pipeline.models.freezing import freeze
from pipeline.provenance import provenance
from pipeline.tasks.recognition import networks as recognition
from pipeline.tasks.recognition.judging import SCORE_COLUMNS, judge_pairs
from pipeline.tasks.synthesis import networks
from pipeline.tasks.synthesis.health import symptoms, variety
from pipeline.tasks.synthesis.networks import DIRECTIONS
from pipeline.tasks.synthesis.params.group import SynthesisEvaluation
from pipeline.tasks.synthesis.translating import copy, embed_pictures, translate
from pipeline.tasks.synthesis.verifying import pairs_of_people

TASK = "synthesis"
FEATURES = "recognition_teacher"
PICTURE_COLUMNS = ["direction", "picture", "name", "ssim", "fsim", "difference", "nlda"]


@dataclass(frozen=True)
class Outputs:
    """The files that an evaluation writes."""

    metrics: Path
    pictures: Path
    dimensions: Path
    scores: Path
    samples: Path
    run: Path


def evaluate(
    *,
    variant: str,
    seed: int,
    model: Path | None,
    losses: Path | None,
    pairs: Path,
    recogniser: Path,
    settings: SynthesisEvaluation,
    outputs: Outputs,
) -> None:
    """Write the tidy metrics, one row per picture, one row per dimension of the analysis, one row per pair, samples
    and the run.

    Without ``model`` every picture is a copy of what it was to be made from, the floor. All is computed in float32.
    """
    device = select_device()
    loaded = sketch_pairs.load(pairs)
    test = loaded.rows("test")
    if len(test) < 2:
        raise InputError(f"{pairs}: {len(test)} pairs to test on, expected two or more")
    real = {"photo_to_sketch": np.array(loaded.sketches[test]), "sketch_to_photo": np.array(loaded.photos[test])}
    given = {"photo_to_sketch": real["sketch_to_photo"], "sketch_to_photo": real["photo_to_sketch"]}
    students = None if model is None else networks.load(model)
    if students is not None:
        _check(students.card, loaded, model, pairs)
    table_of_losses = None if losses is None else _read_losses(losses)
    judge = recognition.load(recogniser)
    looks = freeze(judge.network.to(device))
    size, channels = judge.card["image_size"], judge.card["channels"]

    rows: list[dict[str, Any]] = []
    pictures, dimensions, kept = [], [], {}
    scores, health = pd.DataFrame(columns=SCORE_COLUMNS), {}
    chosen = np.linspace(0, len(test) - 1, min(settings.sample_pairs, len(test))).astype(int)
    for direction in DIRECTIONS:
        true = real[direction]
        if students is None:
            made = copy(given[direction], true.shape[3])
        else:
            made = translate(freeze(getattr(students, direction).to(device)), given[direction], device)
        likeness = _likeness(made, true)
        analysed = _recognise(true, made, settings)
        if analysed is None:
            likeness["nlda"] = np.full(len(test), np.nan)
        else:
            likeness["nlda"] = analysed.people
            dimensions.append(analysed.table.assign(direction=direction))
        embedded = [embed_pictures(looks, part, size, channels, device) for part in (made, true)]
        measures = {metric: likeness[metric] for metric in ("ssim", "fsim", "difference")}
        here = [*over_pictures(measures), *_recognised(analysed), _distance(*embedded)]
        if direction == "sketch_to_photo" and len(people := pairs_of_people(len(test))):
            verified, scores = judge_pairs(
                people,
                np.tile(np.arange(len(test)), 2),
                np.concatenate(embedded),
                np.arange(2 * len(test)),
                "",
                settings.measures,
            )
            here += [{key: row[key] for key in ("metric", "value", "n")} for row in verified]
        rows += [{"protocol": direction, "condition": ""} | row for row in here]
        where = {"direction": direction, "picture": range(len(test)), "name": loaded.index["name"].to_numpy()[test]}
        pictures.append(pd.DataFrame(where | likeness)[PICTURE_COLUMNS])
        for number in chosen.tolist():
            for kind, array in (("given", given[direction]), ("made", made), ("true", true)):
                kept[f"{direction}/{number}/{kind}"] = array[number]
        said = [] if table_of_losses is None else symptoms(table_of_losses, direction, made, true)
        health[direction] = {"symptoms": said, "variety": variety(made), "variety_of_true": variety(true)}
        if students is not None:
            shape = (given[direction].shape[3], *true.shape[1:3])
            rows += _cost(getattr(students, direction), shape, direction)

    write_rows(outputs.metrics, rows, task=TASK, dataset=loaded.notes.name, variant=variant, seed=seed)
    write_csv(outputs.pictures, pd.concat(pictures))
    write_csv(outputs.dimensions, _of_dimensions(dimensions))
    write_csv(outputs.scores, scores)
    write_npz(outputs.samples, kept)
    write_json(
        outputs.run,
        provenance(device, torch.float32)
        | {
            "network": None if students is None else students.card["network"],
            "image_size": int(loaded.photos.shape[1]),
            "data": loaded.notes.model_dump(),
            "health": health,
            "recogniser": judge.card["network"],
            "nlda": None if analysed is None else {"train": analysed.train, "tested": analysed.tested},
            "trained_with": None if students is None else students.card["provenance"],
        },
    )


def _check(card: dict[str, Any], loaded: sketch_pairs.LoadedPairs, model: Path, pairs: Path) -> None:
    made_for = tuple(card[key] for key in ("image_size", "photo_channels"))
    expected = (loaded.photos.shape[1], loaded.photos.shape[3])
    if made_for != expected:
        raise InputError(
            f"{model}: made for photos of size and channels {made_for}, expected {expected}, as {pairs} has"
        )


def _read_losses(path: Path) -> pd.DataFrame:
    check_table(path, "the losses of the training")
    try:
        return parse(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error} (expected the losses of the training)") from None


def _likeness(made: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    """Of each picture: SSIM, FSIM, and the mean absolute difference in grey levels."""
    first, second = (np.moveaxis(pictures, 3, 1) for pictures in (made, true))
    difference = np.abs(made.astype(np.float64) - true).mean(axis=(1, 2, 3))
    return {"ssim": likeness.ssim(first, second), "fsim": likeness.fsim(first, second), "difference": difference}


def _recognise(true: np.ndarray, made: np.ndarray, settings: SynthesisEvaluation) -> nlda.Recognition | None:
    """Null-space LDA over the splits; None where there are too few people for it."""
    if len(true) < 5 and settings.train_people is None:
        return None
    first, second = (np.moveaxis(pictures, 3, 1) for pictures in (true, made))
    return nlda.recognise(first, second, train=settings.train_people, splits=settings.splits, seed=settings.seed)


def _recognised(analysed: nlda.Recognition | None) -> list[dict[str, Any]]:
    if analysed is None:
        return []
    values = {
        "nlda_best_dimension": analysed.rank1_best_dimension,
        "nlda_all_dimensions": analysed.rank1_all_dimensions,
    }
    return [{"metric": metric, "value": value, "n": analysed.tested} for metric, value in values.items()]


def _distance(made: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """Frechet distance of the recogniser's embeddings: of the pictures, not of their mirror images beside them."""
    half = made.shape[1] // 2
    distance = frechet(made[:, :half], true[:, :half], features=FEATURES)
    return {"metric": distance.name, "value": distance.squared, "n": len(made)}


def _cost(network: nn.Module, shape: tuple[int, ...], direction: str) -> list[dict[str, Any]]:
    where = {"protocol": direction, "condition": ""}
    return [where | row for row in of_cost(count_parameters(network), multiply_adds(network, shape))]


def _of_dimensions(tables: list[pd.DataFrame]) -> pd.DataFrame:
    columns = ["direction", "split", "dimension", "rank1"]
    return pd.concat(tables)[columns] if tables else pd.DataFrame(columns=columns)
