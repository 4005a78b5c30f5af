"""Judge a face network: verification at each quality, cost, and what it looks at."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.data.pixels import QualityArrays
from pipeline.data.faceset import read_notes, read_tables
from pipeline.device import autocast, select_device, select_dtype
from pipeline.errors import InputError
from pipeline.files import atomic_path, write_csv, write_json
from pipeline.metrics import verification
from pipeline.metrics.statistics import bootstrap_interval
from pipeline.models.resnext import freeze
from pipeline.params.evaluation import Evaluation
from pipeline.params.faces import Degradation
from pipeline.provenance import provenance
from pipeline.tasks.recognition import cost, networks

TASK = "recognition"


def evaluate(
    *,
    variant: str,
    seed: int,
    model: Path,
    faces: Path,
    degraded: Path,
    index: Path,
    pairs: Path,
    notes: Path,
    metrics: Path,
    scores: Path,
    samples: Path,
    run: Path,
    degradation: Degradation,
    evaluation: Evaluation,
) -> None:
    """Write the tidy metrics, the scores, the sample pictures and the run's description of one checkpoint."""
    classifier = networks.load(model)
    each = {
        quality: networks.load(model, quality) if classifier.card["one_a_quality"] else classifier
        for quality in degradation.qualities
    }
    device = select_device()
    dtype = select_dtype(device, networks.precision_of(classifier.card, model))
    trained = {quality: freeze(one.network.to(device)) for quality, one in each.items()}
    arrays = QualityArrays(faces, degraded, degradation.qualities, device)
    arrays.check_network(model, classifier.card["image_size"], classifier.card["channels"])
    people, table = read_tables(index, pairs)
    about = read_notes(notes)
    dataset = degradation.named(about.name)
    arrays.check_index(index, len(people))
    if table.empty:
        raise InputError(f"{pairs}: no pairs (expected some to verify)")
    rows: list[dict[str, Any]] = []
    judged: list[pd.DataFrame] = []
    used = torch.tensor(np.unique(table[["a", "b"]].to_numpy()))
    place = np.full(arrays.count, -1)
    place[used.numpy()] = np.arange(len(used))
    for quality in degradation.qualities:
        embeddings = embed(trained[quality], arrays, used, quality, evaluation.batch_size, dtype)
        for protocol, group in table.groupby("protocol", sort=True):
            a, b = place[group["a"].to_numpy()], place[group["b"].to_numpy()]
            folds, same = group["fold"].to_numpy(), group["same"].to_numpy()
            result = verification.verify(verification.fold_scores(embeddings, a, b, folds), same, folds)
            where = {"protocol": protocol, "condition": f"x{quality}"}
            rows += [where | {"metric": k, "value": v, "n": len(group)} for k, v in _measures(result).items()]
            judged.append(
                group[["pair", "fold", "same"]].assign(score=result.scores, correct=result.correct.astype(int), **where)
            )
    shape = (arrays.channels, arrays.size, arrays.size)
    # One a quality: all are stored, one is asked.
    stored = list(trained.values()) if classifier.card["one_a_quality"] else [trained[1]]
    costs = {"parameters": sum(map(cost.parameters, stored)), "multiply_adds": cost.work(trained[1], shape)}
    rows += [{"protocol": "", "condition": "", "metric": k, "value": v, "n": 1} for k, v in costs.items()]
    fixed = {"task": TASK, "dataset": dataset, "variant": variant, "seed": seed}
    tidy = pd.DataFrame([fixed | row for row in rows])
    write_csv(metrics, tidy[["task", "dataset", "variant", "seed", "protocol", "condition", "metric", "value", "n"]])
    columns = ["protocol", "condition", "pair", "fold", "same", "score", "correct"]
    write_csv(scores, pd.concat(judged)[columns].astype({"same": int}))
    _write_samples(samples, trained, arrays, used, degradation.qualities, evaluation.sample_faces, dtype)
    adopted = classifier.card.get("adopted")
    write_json(
        run,
        provenance(device, dtype, trained[1])
        | {
            "dataset": dataset,
            "rendered": about.rendered,
            "model": classifier.card["network"],
            # What was adopted was not trained here: its provenance is that of the adoption.
            "trained_with": {} if adopted else classifier.card["provenance"],
            "adopted": adopted,
        },
    )


@torch.inference_mode()
def embed(
    network: networks.FaceNetwork, arrays: QualityArrays, faces: Tensor, quality: int, batch_size: int, dtype: torch.dtype
) -> np.ndarray:
    """Embeddings of faces (N,) at one quality: of the image and its mirror image, side by side, (N, 2 D) float32."""
    parts = []
    for chunk in faces.split(batch_size):
        halves = []
        for mirrored in (False, True):
            inputs = arrays.batch(chunk, torch.full_like(chunk, quality), torch.full((len(chunk),), mirrored))
            with autocast(arrays.device, dtype):
                halves.append(network(inputs).float())
        parts.append(torch.cat(halves, dim=1).cpu())
    return torch.cat(parts).numpy()


def _measures(result: verification.Verification) -> dict[str, float]:
    low, high = bootstrap_interval(result.correct[None])
    return {
        "accuracy": result.accuracy,
        "accuracy_std_folds": result.accuracy_std,
        "accuracy_low": low,
        "accuracy_high": high,
        "auc": result.auc,
        "eer": result.eer,
        "tar_at_far_1e-2": result.tar_at_far_1e2,
        "tar_at_far_1e-3": result.tar_at_far_1e3,
    }


@torch.inference_mode()
def _write_samples(
    path: Path,
    trained: dict[int, networks.FaceNetwork],
    arrays: QualityArrays,
    used: Tensor,
    qualities: list[int],
    count: int,
    dtype: torch.dtype,
) -> None:
    """A few faces as the network sees them at each quality, and its spatial attention at each stage's end.

    Maps are sigmoid gates, enlarged to the picture and stretched to 0..1 each: they show where, not how much. A
    network without attention has none of them.
    """
    chosen = used[torch.linspace(0, len(used) - 1, count).long()]
    content = {"faces": arrays.pixels(1, chosen).permute(0, 2, 3, 1).cpu().numpy()}
    for quality in qualities:
        inputs = arrays.batch(chosen, torch.full_like(chosen, quality), torch.zeros(len(chosen), dtype=torch.bool))
        pictures = ((inputs + 1) * 127.5).round().clamp(0, 255).byte()
        content[f"x{quality}"] = pictures.permute(0, 2, 3, 1).cpu().numpy()
        with autocast(arrays.device, dtype):
            maps = trained[quality].look_inside(inputs).spatial_maps
        gates = [
            functional.interpolate(maps[end].float().sigmoid()[:, None], arrays.size, mode="bilinear")[:, 0]
            for end in trained[quality].stage_ends
        ]
        nothing = torch.empty(len(chosen), 0, arrays.size, arrays.size)
        stacked = torch.stack(gates, dim=1) if gates else nothing  # (n, L, S, S)
        low, high = stacked.amin((2, 3), keepdim=True), stacked.amax((2, 3), keepdim=True)
        content[f"maps_x{quality}"] = ((stacked - low) / (high - low).clamp(min=1e-6)).cpu().numpy()
    with atomic_path(path) as temporary:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **content)
        temporary.write_bytes(buffer.getvalue())
