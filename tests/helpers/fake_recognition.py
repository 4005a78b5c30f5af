"""Results of recognition as its steps would leave them, for tests of the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.report import figures
from pipeline.tasks.recognition import low_rates
from pipeline.tasks.recognition.report.results import Inputs
from tests.helpers.fake_results import degrade, draw_faces, judged, write_latency, write_losses, write_tables

QUALITIES = (1, 2, 4, 8)
PROTOCOLS = ("cross-age", "cross-pose")
EVERY = {"train_qualities": [1, 2, 4, 8]}
LOGIT = {"logit": {"weight": 1.0, "temperature": 4.0}}
ATTENTION = {"attention": {"weight": 5.0}}
VARIANTS = {
    "basicnet": {"train_qualities": [1], "description": "sharp faces only, no teacher"},
    "degraded_only": {**EVERY, "description": "degraded faces, no teacher"},
    "logit_kd": {**EVERY, "distill": LOGIT},
    "attention_kd": {**EVERY, "distill": ATTENTION},
    "logit_attention_kd": {**EVERY, "distill": {**LOGIT, **ATTENTION}},
}
# How far apart same and different pairs lie, by quality.
SEPARATION = {
    "teacher": (3.6, 3.0, 1.6, 0.6),
    "basicnet": (3.2, 2.5, 1.3, 0.5),
    "degraded_only": (3.1, 3.0, 2.6, 1.7),
    "logit_kd": (3.2, 3.1, 2.7, 1.9),
    "attention_kd": (3.2, 3.1, 2.7, 1.8),
    "logit_attention_kd": (3.3, 3.2, 2.9, 2.2),
}


def write_samples(folder: Path, faces: np.ndarray, generator: np.random.Generator) -> None:
    arrays = {"faces": faces}
    for quality in QUALITIES:
        arrays[f"x{quality}"] = np.stack([degrade(face, quality) for face in faces])
        y, x = np.mgrid[0:1:16j, 0:1:16j]
        centres = generator.uniform(0.25, 0.75, (len(faces), 4, 2, 1, 1))
        widths = np.array([0.02, 0.03, 0.06, 0.1])[None, :, None, None]
        arrays[f"maps_x{quality}"] = np.exp(
            -((y - centres[:, :, 0]) ** 2 + (x - centres[:, :, 1]) ** 2) / widths
        ).astype(np.float32)
    np.savez(folder / "samples.npz", **arrays)


def photos(protocol: int, quality: int, seed: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (N, D) of the photos of a protocol, and who they show (N,): 80 people with three photos each."""
    people = np.repeat(np.arange(80), 3)
    centres = np.random.default_rng([protocol, 1]).normal(size=(80, 8))
    noise = np.random.default_rng([protocol, quality, seed]).normal(size=(len(people), 8))
    return apart / 2 * centres[people] + noise, people


def write_low_rates(folder: Path, seed: int, separation) -> None:
    rates = {}
    for p, protocol in enumerate(PROTOCOLS):
        for quality, apart in zip(QUALITIES, separation, strict=True):
            embeddings, people = photos(p, quality, seed, apart)
            pairs = pd.DataFrame({"protocol": protocol, "a": range(239), "b": range(1, 240)})
            rates |= low_rates.measure(pairs, people, embeddings, np.arange(240), f"x{quality}", [0.1, 0.01, 1e-4])
    low_rates.write(folder / "low_rates.npz", rates)


def write_evaluation(folder: Path, variant: str, seed: int, pairs: int, separation, dataset: str) -> None:
    folder.mkdir(parents=True)
    tidy_rows, score_rows = [], []
    for p, protocol in enumerate(PROTOCOLS):
        for quality, apart in zip(QUALITIES, separation, strict=True):
            rows, scores = judged(p, protocol, f"x{quality}", variant, seed, pairs, apart)
            tidy_rows += rows
            score_rows.append(scores)
    teacher = variant == "teacher"
    tidy_rows.append(("", "", "parameters", 960_000 if teacher else 250_000, 1))
    tidy_rows.append(("", "", "multiply_adds", 151_000_000 if teacher else 38_400_000, 1))
    write_tables(folder, tidy_rows, score_rows, "recognition", dataset, variant, seed)
    write_low_rates(folder, seed, separation)
    (folder / "ranks.csv").write_text("protocol,condition,probe,person,rank,average_precision\n")
    run = {
        "device": "CPU, 2 cores",
        "precision": "bf16",
        "dataset": dataset,
        "rendered": True,
        "versions": {"python": "3.11.2", "torch": "2.9.0"},
        "model": {"name": "resnext_cbam", "depths": [1, 1, 1, 1], "width": 64 if teacher else 32},
    }
    (folder / "run.json").write_text(json.dumps(run))


def write_results(root: Path, variants=VARIANTS, seeds=(0,), pairs=200, separations=SEPARATION, **settings) -> Inputs:
    """Everything that the steps before the report write."""
    dataset = settings.get("dataset", "rendered faces")
    evaluations, losses = root / "reports/recognition/evaluations", root / "reports/recognition/losses"
    generator = np.random.default_rng(0)
    faces = draw_faces(6, 64, generator)
    for variant, own in {"teacher": {}, **variants}.items():
        teacher = variant == "teacher"
        for seed in (0,) if teacher else seeds:
            folder = evaluations / variant / str(seed)
            write_evaluation(folder, variant, seed, pairs, separations.get(variant, (2.0,) * 4), dataset)
            write_samples(folder, faces, generator)
            write_losses(losses / variant / str(seed) / "losses.csv", own, 12, seed)
    write_latency(root / "reports/recognition/efficiency.csv", (1, 64))
    (root / "data/recognition").mkdir(parents=True)
    sheet = figures.tiles([list(draw_faces(10, 64, generator)) for _ in range(4)], 2)
    Image.fromarray(sheet).save(root / "data/recognition/contact_sheet.png")
    return Inputs(
        evaluations=evaluations,
        losses=losses,
        networks=dict.fromkeys(variants, "student"),
        efficiency=root / "reports/recognition/efficiency.csv",
        contact_sheet=root / "data/recognition/contact_sheet.png",
        variants=variants,
        seeds=seeds,
        teacher_seeds=[0],
        qualities=QUALITIES,
        **{"dataset": dataset, "rendered": True, **settings},
    )
