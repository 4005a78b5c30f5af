"""Judge an enlarger: PSNR and SSIM of every test picture, and whether a recogniser knows the faces that it enlarged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pipeline.data.faceset import read_notes
from pipeline.data.patches import enlarge_bicubic, open_pairs
from pipeline.device import select_device
from pipeline.errors import InputError
from pipeline.files import write_csv, write_json, write_npz
from pipeline.metrics.efficiency import count_parameters, multiply_adds
from pipeline.metrics.picture_quality import psnr, ssim
from pipeline.metrics.rows import of_cost, over_pictures, write_rows
from pipeline.models.freezing import freeze
from pipeline.params.pictures import PictureSet
from pipeline.provenance import provenance
from pipeline.tasks.super_resolution import networks
from pipeline.tasks.super_resolution.enlarging import enlarge_picture
from pipeline.tasks.super_resolution.recognising import Recognition, recognise

TASK = "super_resolution"
Enlarge = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Outputs:
    """What is written."""

    metrics: Path
    pictures: Path
    scores: Path
    samples: Path
    run: Path


def evaluate(
    *,
    variant: str,
    seed: int,
    scale: str,
    factor: int,
    model: Path | None,
    pairs: Path,
    sets: dict[str, PictureSet],
    samples: int,
    recognition: Recognition,
    outputs: Outputs,
) -> None:
    """Write the tidy metrics, one row per picture, one row per pair of faces, sample pictures and the run's
    description.

    Without ``model`` pictures are enlarged by bicubic resampling, the floor. Everything is computed in float32.
    """
    device = select_device()
    trained = None if model is None else networks.load(model)
    if trained is not None and trained.card["scale"] != factor:
        raise InputError(f"{model}: enlarges {trained.card['scale']} times, expected {factor}")
    network = None if trained is None else freeze(trained.network.to(device))
    about = read_notes(recognition.notes)

    def enlarge(small: np.ndarray) -> np.ndarray:
        return enlarge_bicubic(small, factor) if network is None else enlarge_picture(network, small, device)

    rows: list[dict[str, Any]] = []
    judged: list[dict[str, Any]] = []
    kept: dict[str, np.ndarray] = {}
    described: dict[str, dict[str, Any]] = {}
    for name, settings in sets.items():
        small, large, _ = open_pairs(pairs / name)
        rendered = settings.source == "faces" and about.rendered
        label = about.name if settings.source == "faces" else settings.label
        described[name] = {"label": label, "rendered": rendered, "count": len(small)}
        chosen = set(np.linspace(0, len(small) - 1, min(samples, len(small))).astype(int).tolist())
        qualities = []
        for number in range(len(small)):
            result = enlarge(small[number])
            qualities.append(_quality(result, large[number], factor, f"{pairs / name}: {small.names[number]}"))
            judged.append({"set": name, "picture": number, "name": small.names[number], **qualities[-1]})
            if number in chosen:
                for kind, pixels in (("small", small[number]), ("result", result), ("original", large[number])):
                    kept[f"{name}/{number}/{kind}"] = np.asarray(pixels)
        where = {"dataset": label, "protocol": name, "condition": scale}
        measures = {metric: np.array([quality[metric] for quality in qualities]) for metric in ("psnr", "ssim")}
        rows += [where | row for row in over_pictures(measures)]
    first, _, _ = open_pairs(pairs / next(iter(sets)))
    if network is not None:
        shape = (trained.card["channels"], *first.sizes[0])
        where = {"dataset": described[next(iter(sets))]["label"], "protocol": "", "condition": ""}
        rows += [where | row for row in of_cost(count_parameters(network), multiply_adds(network, shape))]
    verified, scores, recogniser = recognise(recognition, network, factor, scale, device)
    dataset = recognition.degradation.named(about.name)
    rows += [{"dataset": dataset} | row for row in verified]
    write_rows(outputs.metrics, rows, task=TASK, variant=variant, seed=seed)
    write_csv(outputs.pictures, pd.DataFrame(judged)[["set", "picture", "name", "psnr", "ssim"]])
    write_csv(outputs.scores, scores)
    write_npz(outputs.samples, kept)
    write_json(
        outputs.run,
        provenance(device, torch.float32)
        | {
            "network": None if trained is None else trained.card["network"],
            "cost_for": list(first.sizes[0]),
            "sets": described,
            "recognition": recogniser and {"dataset": dataset, "rendered": about.rendered, "recogniser": recogniser},
            "trained_with": None if trained is None else trained.card["provenance"],
        },
    )


def _quality(result: np.ndarray, target: np.ndarray, factor: int, where: str) -> dict[str, float]:
    try:
        measures = {"psnr": psnr(result, target, factor), "ssim": ssim(result, target, factor)}
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if not math.isfinite(measures["psnr"]):
        raise InputError(f"{where}: enlarged without any error, expected a picture that loses something when shrunk")
    return measures
