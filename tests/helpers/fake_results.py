"""What the steps before the report write, made up: shared by the tests of the tasks' sections."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFilter

from pipeline.face_measures import measured, validated
from pipeline.metrics import verification
from pipeline.report import blocks, tidy
from pipeline.report.reading import LATENCY_COLUMNS


def draw_faces(count: int, side: int, generator: np.random.Generator) -> np.ndarray:
    """Simple faces, smooth enough to be degraded: (count, side, side, 3) uint8."""
    faces = []
    for _ in range(count):
        skin = np.array([225, 180, 150]) * generator.uniform(0.55, 1.05)
        hair = tuple(int(value) for value in generator.integers(20, 120, 3))
        image = Image.new("RGB", (256, 256), tuple(int(value) for value in generator.integers(90, 200, 3)))
        pen = ImageDraw.Draw(image)
        wide, lift, eye = generator.integers(58, 80), generator.integers(-10, 10), generator.integers(24, 34)
        pen.ellipse((128 - wide - 14, 20, 128 + wide + 14, 190), fill=hair)
        pen.ellipse((128 - wide, 50, 128 + wide, 236), fill=tuple(int(value) for value in np.minimum(skin, 255)))
        for x in (128 - eye, 128 + eye):
            pen.ellipse((x - 14, 112 + lift, x + 14, 128 + lift), fill="white")
            pen.ellipse((x - 6, 113 + lift, x + 6, 127 + lift), fill=hair)
            pen.line((x - 16, 100 + lift, x + 16, 97 + lift), fill=hair, width=6)
        pen.line((128, 125, 122, 165, 132, 166), fill=tuple(int(0.75 * value) for value in skin), width=5)
        pen.ellipse((102, 188, 154, 188 + generator.integers(8, 20)), fill=(170, 70, 75))
        faces.append(image.filter(ImageFilter.GaussianBlur(2)).resize((side, side), Image.Resampling.LANCZOS))
    return np.stack([np.asarray(face) for face in faces])


MEASURES = validated({"auc": {}, "eer": {}, "tar_at_far": {"rates": [0.01, 0.001]}})


def degrade(face: np.ndarray, quality: int) -> np.ndarray:
    small = tuple(max(length // quality, 1) for length in face.shape[1::-1])
    image = Image.fromarray(face).resize(small, Image.Resampling.BICUBIC)
    return np.asarray(image.resize(face.shape[1::-1], Image.Resampling.BICUBIC))


def judged(
    place: int, protocol: str, condition: str, variant: str, seed: int, pairs: int, apart: float
) -> tuple[list[tuple], pd.DataFrame]:
    """Measures (protocol, condition, metric, value, n) and scores of one variant on one protocol, the ``place``-th."""
    # All variants judge the same pairs, which are as hard for one as for another.
    same = np.arange(pairs) % 2 == 0
    fold = np.arange(pairs) * 10 // pairs
    hardness = np.random.default_rng(place).normal(size=pairs)
    own = np.random.default_rng([place, seed, sum(map(ord, variant)), sum(map(ord, condition))])
    noise = 0.8 * hardness + 0.6 * own.normal(size=pairs)
    found = verification.verify(np.tanh(0.25 * (noise + (apart - 0.3 * place) * (same - 0.5))), same, fold)
    values = {
        "accuracy": found.accuracy,
        "accuracy_std_folds": found.accuracy_std,
    } | measured(found.scores, same, MEASURES)
    scores = {"protocol": protocol, "condition": condition, "pair": np.arange(pairs), "fold": fold}
    # Ten people of each fold, each in several pairs.
    first, second = np.arange(pairs) % 7, (np.arange(pairs) * 3 + 1) % 10
    scores |= {"person_a": 10 * fold + first, "person_b": 10 * fold + np.where(same, first, second)}
    scores |= {"same": same.astype(int), "score": found.scores, "correct": found.correct.astype(int)}
    return [(protocol, condition, name, value, pairs) for name, value in values.items()], pd.DataFrame(scores)


def write_tables(
    folder: Path, rows: list[tuple], scores: list[pd.DataFrame], task: str, dataset: str, variant: str, seed: int
) -> None:
    """metrics.csv and scores.csv of one evaluation."""
    table = pd.DataFrame(rows, columns=["protocol", "condition", "metric", "value", "n"])
    table = table.assign(task=task, dataset=dataset, variant=variant, seed=seed)
    table[list(tidy.COLUMNS)].to_csv(folder / "metrics.csv", index=False)
    columns = ["protocol", "condition", "pair", "fold", "person_a", "person_b", "same", "score", "correct"]
    judged_pairs = pd.concat(scores) if scores else pd.DataFrame(columns=columns)
    judged_pairs[columns].to_csv(folder / "scores.csv", index=False)


LOSSES = (("logit", 6.0), ("attention", 1.5))


def write_losses(path: Path, settings: dict, epochs: int, seed: int, task: str = "recognition", terms=LOSSES) -> None:
    path.parent.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    epoch = np.arange(1, epochs + 1)
    falling = np.exp(-epoch / epochs * 3)
    table = pd.DataFrame({"epoch": epoch, "learning_rate": 0.1 * (1 - epoch / epochs)})
    table[task] = 14 * falling * generator.uniform(0.95, 1.05, epochs) + 0.4
    for name, scale in terms:
        if name in settings.get("distill", {}):
            table[name] = scale * falling * generator.uniform(0.95, 1.05, epochs) + 0.2
    table["total"] = table.drop(columns=["epoch", "learning_rate"]).sum(axis=1)
    table.to_csv(path, index=False)


def write_latency(path: Path, batches: tuple[int, int]) -> None:
    """Times of a teacher and a student."""
    rows = []
    for network, batch in itertools.product(("teacher", "student"), batches):
        median = batch**0.8 * (9.3 if network == "teacher" else 3.1)
        rows.append((network, 250_000, 38_400_000, batch, median, median * 0.9, median * 1.2, "CPU, 2 cores"))
    pd.DataFrame(rows, columns=list(LATENCY_COLUMNS)).to_csv(path, index=False)


def of_kind(section: blocks.Section, kind: type) -> list:
    """Every block of a kind, subsections included."""
    return [block for block in section.walk() if isinstance(block, kind)]
