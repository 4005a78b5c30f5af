"""What the steps of photo-sketch synthesis write before the report, made up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from pipeline.data.rendering.sketch_set import render_sketch_pairs
from pipeline.metrics.rows import over_pictures
from pipeline.tasks.synthesis.health import variety
from pipeline.tasks.synthesis.params.variants import SynthesisVariant
from pipeline.tasks.synthesis.report.section import Inputs
from tests.helpers.fake_results import judged, write_latency, write_tables

DIRECTIONS = ("photo_to_sketch", "sketch_to_photo")
TRANSFER = {"reconstruction": 100.0, "transfer": 10.0, "taps": [1, 2]}
SETTINGS = {
    "reconstruction": {"description": "the true pictures alone: the control", "reconstruction": 100.0},
    "pix2pix": {"description": "and a discriminator", "reconstruction": 100.0, "adversarial": 1.0},
    "kt": {**TRANSFER, "teachers": "two", "mutual": 1.0, "description": "two teachers, students teach each other"},
    "kd": {**TRANSFER, "teachers": "one", "mutual": 1.0, "description": "one teacher, students teach each other"},
    "kd_no_mutual": {**TRANSFER, "teachers": "one", "description": "one teacher alone"},
    "kd_plus": {**TRANSFER, "teachers": "one", "mutual": 1.0, "adversarial": 1.0},
}
VARIANTS = {name: SynthesisVariant(**settings).model_dump() for name, settings in SETTINGS.items()}
# How much of the detail that a blurred target lacks is there, and how far apart the recogniser finds people then.
STRENGTH = {
    "copy": (0.0, 0.9),
    "reconstruction": (0.30, 1.8),
    "pix2pix": (0.36, 2.0),
    "kt": (0.45, 2.1),
    "kd": (0.44, 2.2),
    "kd_no_mutual": (0.38, 2.0),
    "kd_plus": (0.52, 2.4),
}
NAME = "rendered faces and drawings"
COLLAPSED = "Pictures made of different inputs are nearly alike (less than 25% counts as collapsed)."


def make(target: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    """A blurred picture (S, S, C) with a share of its detail put back: never a network, but as one looks."""
    image = Image.fromarray(target.squeeze()).filter(ImageFilter.GaussianBlur(1.4))
    blurred = np.asarray(image, float).reshape(target.shape)
    share = np.clip(strength * generator.normal(1, 0.1), 0, 1)
    noisy = blurred + share * (target - blurred) + generator.normal(0, 2, target.shape)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def alike(made: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    """Two figures per picture that grow with likeness; the real ones take seconds to import."""
    first, second = (pictures.reshape(len(pictures), -1).astype(float) for pictures in (made, true))
    correlation = [np.corrcoef(a, b)[0, 1] if a.std() else 0.0 for a, b in zip(first, second, strict=True)]
    return {"ssim": np.array(correlation), "fsim": np.exp(-np.abs(first - second).mean(axis=1) / 40)}


def copied(given: np.ndarray, channels: int) -> np.ndarray:
    grey = given @ np.array([0.299, 0.587, 0.114]) if given.shape[3] == 3 else given[..., 0]
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], channels, axis=3)


def write_evaluation(
    folder: Path, variant: str, seed: int, pairs: dict, strength: tuple, said: Mapping, **data
) -> None:
    """All files of one evaluation; ``said``: direction -> symptoms."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng([seed, *map(ord, variant)])
    count, side = len(pairs["photos"]), pairs["photos"].shape[1]
    train, splits, people_pairs = data.pop("nlda_train", count // 2), 4, data.pop("face_pairs", 40)
    rows, pictures, dimensions, samples, health = [], [], [], {}, {}
    for direction in DIRECTIONS:
        given, true = (pairs[kind] for kind in ("photos", "sketches")[:: 1 if direction == DIRECTIONS[0] else -1])
        symptoms = list(said.get(direction, ()))
        made = np.stack([make(one, strength[0], generator) for one in true])
        if variant == "copy":
            made = copied(given, true.shape[3])
        if symptoms:
            made = np.repeat(made.mean(axis=0, keepdims=True).astype(np.uint8), count, axis=0)
        own = alike(made, true)
        own["difference"] = np.abs(made.astype(float) - true).mean(axis=(1, 2, 3))
        rows += [(direction, "", row["metric"], row["value"], count) for row in over_pictures(own)]
        distance = 0.9 - strength[0] + 0.01 * generator.random()
        rows.append((direction, "", "frechet_recognition_teacher", distance, count))
        own["nlda"] = np.full(count, np.nan)
        if train:
            own["nlda"] = np.clip(generator.normal(0.3 + strength[0], 0.2, count), 0, 1)
            own["nlda"][3] = np.nan  # nobody's draw tested this one
            level = (1 - np.exp(-np.arange(1, train) / 4)) * (0.3 + strength[0])
            tables = [np.clip(level + generator.normal(0, 0.02, train - 1), 0, 1) for _ in range(splits)]
            dimensions += [
                pd.DataFrame({"direction": direction, "split": split, "dimension": np.arange(1, train), "rank1": rank1})
                for split, rank1 in enumerate(tables)
            ]
            for name, pick in (("nlda_best_dimension", np.max), ("nlda_all_dimensions", lambda one: one[-1])):
                rows.append((direction, "", name, np.mean([pick(one) for one in tables]), count - train))
        if variant != "copy":
            rows += [(direction, "", "parameters", 250_000 + 100 * (direction == DIRECTIONS[1]), 1)]
            rows += [(direction, "", "multiply_adds", 41_000_000, 1)]
        where = {"direction": direction, "picture": range(count), "name": [f"drawn/test-{i:06d}" for i in range(count)]}
        pictures.append(pd.DataFrame(where | own))
        for number in (0, count // 3, count - 1):
            parts = {"given": given, "made": made, "true": true}
            samples |= {f"{direction}/{number}/{kind}": array[number] for kind, array in parts.items()}
        health[direction] = {"symptoms": symptoms, "variety": variety(made), "variety_of_true": variety(true)}
    scores = []
    if people_pairs:
        result, table = judged(0, DIRECTIONS[1], "", variant, seed, people_pairs, strength[1])
        rows, scores = rows + result, [table]
    write_tables(folder, rows, scores, "synthesis", NAME, variant, seed)
    pd.concat(pictures).to_csv(folder / "pictures.csv", index=False)
    table = pd.concat(dimensions) if dimensions else pd.DataFrame(columns=["direction", "split", "dimension", "rank1"])
    table.to_csv(folder / "dimensions.csv", index=False)
    np.savez(folder / "samples.npz", **samples)
    run = {
        "device": "CPU, 2 cores",
        "precision": "float32",
        "versions": {"python": "3.11.2", "torch": "2.9.0"},
        "network": None if variant == "copy" else {"architecture": "unet", "levels": 4, "width": 16},
        "image_size": side,
        "data": {
            "name": NAME,
            "rendered": True,
            "train": 200,
            "test": count,
            "sets": {"drawn": {"label": NAME, "rendered": True, "train": 200, "test": count}},
        },
        "health": health,
        "recogniser": {"architecture": "seresnext", "depths": [1, 1, 1, 1]},
        "nlda": {"train": train, "tested": count - train} if train else None,
        "trained_with": None if variant == "copy" else {"device": "NVIDIA", "discriminator": None},
    }
    (folder / "run.json").write_text(json.dumps(run))


def write_losses(path: Path, settings: Mapping[str, Any], seed: int, epochs: int = 10) -> None:
    path.parent.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    epoch = np.arange(1, epochs + 1)
    falling = np.exp(-epoch / epochs * 2)
    table = pd.DataFrame({"epoch": epoch, "learning_rate": 1e-3 * (1 - epoch / epochs)})
    judges = ["real", "made"] if settings["adversarial"] else []
    for direction in DIRECTIONS:
        for place, term in enumerate(("reconstruction", "transfer", "mutual", "adversarial")):
            if settings[term]:
                table[f"{direction}_{term}"] = (9 / 2**place) * falling * generator.uniform(0.95, 1.05, epochs) + 0.1
        for term in judges:
            table[f"{direction}_{term}"] = generator.uniform(0.08, 0.16, epochs)
    table["total"] = table.drop(columns=["epoch", "learning_rate"]).sum(axis=1)
    table.to_csv(path, index=False)


def write_results(
    root: Path, variants=VARIANTS, seeds=(0,), count=12, side=32, strength=STRENGTH, failed=None, **settings
) -> Inputs:
    """Everything that the steps before the report write; ``failed``: (variant, seed) -> direction -> symptoms."""
    evaluations, losses, failed = root / "evaluations", root / "losses", failed or {}
    drawn = render_sketch_pairs(seed=5, image_size=side, train=1, test=count)
    numbers = np.arange(1, count + 1)
    pairs = {"photos": drawn.photos(numbers), "sketches": drawn.sketches(numbers)[..., None]}
    options = {name: settings.pop(name) for name in ("nlda_train", "face_pairs") if name in settings}
    for variant in ("copy", *variants):
        for seed in (0,) if variant == "copy" else seeds:
            said = failed.get((variant, seed), {})
            folder = evaluations / variant / str(seed)
            write_evaluation(folder, variant, seed, pairs, strength[variant], said, **options)
            if variant != "copy":
                write_losses(losses / variant / str(seed) / "losses.csv", variants[variant], seed)
    for place, domain in enumerate(("photos", "drawings", "both")):
        (root / "teacher_losses" / domain).mkdir(parents=True)
        epoch = np.arange(1, 6)
        table = pd.DataFrame({"epoch": epoch, "learning_rate": 0.1 / epoch, "margin": 9 / epoch + place})
        table.assign(total=table["margin"]).to_csv(root / "teacher_losses" / domain / "losses.csv", index=False)
    write_latency(root / "efficiency.csv", (1, 16))
    asked = {
        "evaluations": evaluations,
        "losses": losses,
        "teacher_losses": root / "teacher_losses",
        "efficiency": root / "efficiency.csv",
        "collection": "rendered",
        "variants": variants,
        "seeds": seeds,
        "domains": ["photos", "drawings", "both"],
        "architecture": {"architecture": "vgg", "widths": [8, 16], "depths": [1, 1]},
    }
    return Inputs(**{**asked, **settings})
