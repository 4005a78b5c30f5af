"""Judge a face network: verification and identification at each quality, cost, and what it looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.data.degradations import Degradation
from pipeline.data.faceset import paired_faces, read_notes, read_searches, read_tables
from pipeline.data.pixels import QualityArrays
from pipeline.device import autocast, select_device, select_dtype
from pipeline.errors import InputError
from pipeline.files import write_csv, write_json, write_npz
from pipeline.metrics.rows import of_cost, write_rows
from pipeline.models.freezing import freeze
from pipeline.provenance import provenance
from pipeline.tasks.recognition import cost, identification, networks
from pipeline.tasks.recognition import low_rates as all_pairs
from pipeline.tasks.recognition.judging import embed, judge_pairs, sharp_to_poor
from pipeline.tasks.recognition.params.evaluation import Evaluation

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
    searches: Path,
    notes: Path,
    metrics: Path,
    scores: Path,
    ranks: Path,
    low_rates: Path,
    samples: Path,
    run: Path,
    degradation: Degradation,
    evaluation: Evaluation,
) -> None:
    """Write the tidy metrics, scores, ranks, rates, sample pictures and the run's description of one checkpoint.

    Both faces of a pair are seen at each quality, and, with ``cross_quality``, the second alone; of a search the
    probes are, in a gallery that stays sharp, as of a watch list. The same network embeds both.
    """
    classifier = networks.load(model)
    each = {
        quality: networks.load(model, quality) if classifier.card["one_a_quality"] else classifier
        for quality in degradation.qualities
    }
    device = select_device()
    dtype = select_dtype(device, networks.precision_of(classifier.card, model))
    trained = {quality: freeze(learned.network.to(device)) for quality, learned in each.items()}
    arrays = QualityArrays(faces, degraded, degradation.qualities, device)
    arrays.check_network(model, classifier.card["image_size"], classifier.card["channels"])
    people, table = read_tables(index, pairs)
    about = read_notes(notes)
    dataset = degradation.named(about.name)
    arrays.check_index(index, len(people))
    search_table = read_searches(searches, people, index)
    if table.empty and search_table.empty:
        raise InputError(f"{pairs} and {searches}: no pairs and no searches (expected some of either)")
    rows: list[dict[str, Any]] = []
    judged: list[pd.DataFrame] = []
    ranked: list[pd.DataFrame] = []
    rates: all_pairs.Rates = {}
    paired = paired_faces(table)
    probes, gallery = identification.faces_of(search_table)
    person = people["person"].to_numpy()
    stay_sharp = np.union1d(gallery, paired) if evaluation.cross_quality else gallery
    for quality in degradation.qualities:
        # With a single network for all, the embeddings at x1 serve the other qualities.
        seen = np.unique(np.concatenate([paired, probes, stay_sharp if quality == 1 else probes]))
        embeddings = embed(trained[quality], arrays, torch.from_numpy(seen), quality, evaluation.batch_size, dtype)
        if quality == 1:
            sharp = embeddings[np.searchsorted(seen, stay_sharp)]
        elif classifier.card["one_a_quality"]:
            sharp = embed(trained[quality], arrays, torch.from_numpy(stay_sharp), 1, evaluation.batch_size, dtype)
        condition = f"x{quality}"
        kinds = [(table, person, embeddings, seen)]
        if evaluation.cross_quality and len(paired):
            first, second = sharp[np.searchsorted(stay_sharp, paired)], embeddings[np.searchsorted(seen, paired)]
            kinds.append(sharp_to_poor(table, person, paired, first, second))
        for kind in kinds:
            verified, scored = judge_pairs(*kind, condition, evaluation.measures)
            rows, judged = rows + verified, [*judged, scored]
        if about.people_known:
            rates |= all_pairs.measure(table, person, embeddings, seen, condition, evaluation.false_match_rates)
        for protocol, group in search_table.groupby("protocol", sort=True):
            face, looked_for = group["face"].to_numpy(), group["role"].to_numpy() == "probe"
            measures, placed = identification.search(
                group, people,
                probes=embeddings[np.searchsorted(seen, face[looked_for])],
                gallery=sharp[np.searchsorted(stay_sharp, face[~looked_for])],
            )  # fmt: skip
            where = {"protocol": protocol, "condition": condition}
            rows += [where | {"metric": k, "value": v, "n": len(placed)} for k, v in measures.items()]
            ranked.append(placed.assign(**where))
    shape = (arrays.channels, arrays.size, arrays.size)
    # With one network per quality all are stored, and one is asked.
    stored = list(trained.values()) if classifier.card["one_a_quality"] else [trained[1]]
    costs = of_cost(sum(map(cost.parameters, stored)), cost.work(trained[1], shape))
    rows += [{"protocol": "", "condition": ""} | row for row in costs]
    write_rows(metrics, rows, task=TASK, dataset=dataset, variant=variant, seed=seed)
    write_csv(scores, pd.concat(judged))
    all_pairs.write(low_rates, rates)
    write_csv(
        ranks, pd.concat(ranked)[identification.COLUMNS] if ranked else pd.DataFrame(columns=identification.COLUMNS)
    )
    used = torch.from_numpy(paired if len(paired) else probes)
    _write_samples(samples, trained, arrays, used, degradation.qualities, evaluation.sample_faces, dtype)
    adopted = classifier.card.get("adopted")
    write_json(
        run,
        provenance(device, dtype, trained[1])
        | {
            "dataset": dataset,
            "rendered": about.rendered,
            "searches": identification.sizes(search_table),
            "model": classifier.card["network"],
            # What was adopted was not trained here: its provenance is that of the adoption.
            "trained_with": {} if adopted else classifier.card["provenance"],
            "adopted": adopted,
        },
    )


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
    write_npz(path, content)
