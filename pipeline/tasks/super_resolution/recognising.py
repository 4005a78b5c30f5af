"""Recognition through super-resolution: poor faces are enlarged by a network, then verified by a recogniser.

The recogniser is the teacher of the recognition task, which saw sharp faces only: what an enlarger gives back of a face
it can use, and nothing else. No paper of those that this project follows reports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline.data.degradations import Degradation
from pipeline.data.faceset import paired_faces, read_tables
from pipeline.data.pixels import QualityArrays
from pipeline.device import select_dtype
from pipeline.models.freezing import freeze
from pipeline.models.super_resolution import Upscaler
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.judging import SCORE_COLUMNS, embed, judge_pairs
from pipeline.tasks.recognition.params.evaluation import Evaluation
from pipeline.tasks.super_resolution.enlarging import enlarge


@dataclass(frozen=True)
class Recognition:
    """The recogniser, the faces, and how the faces were degraded."""

    recogniser: Path
    faces: Path
    degraded: Path
    index: Path
    pairs: Path
    notes: Path
    degradation: Degradation
    evaluation: Evaluation


def recognise(
    given: Recognition, network: Upscaler | None, factor: int, condition: str, device: torch.device
) -> tuple[list[dict[str, Any]], pd.DataFrame, dict[str, Any] | None]:
    """Verify the faces that were shrunk ``factor`` times, enlarged by ``network`` (None: bicubic).

    Returns tidy rows, one row per pair, and the settings of the recogniser's network. Nothing of it all where the recognition task has no
    faces of that quality, or no pairs.
    """
    if factor not in given.degradation.qualities:
        return [], pd.DataFrame(columns=SCORE_COLUMNS), None
    classifier = networks.load(given.recogniser)
    dtype = select_dtype(device, networks.precision_of(classifier.card, given.recogniser))
    arrays = QualityArrays(given.faces, given.degraded, [1, factor], device)
    arrays.check_network(given.recogniser, classifier.card["image_size"], classifier.card["channels"])
    people, table = read_tables(given.index, given.pairs)
    arrays.check_index(given.index, len(people))
    if network is not None:
        arrays.upsample = lambda faces, size: faces.float() if faces.shape[-1] == size else enlarge(network, faces)
    if table.empty:
        return [], pd.DataFrame(columns=SCORE_COLUMNS), None
    used = paired_faces(table)
    recogniser = freeze(classifier.network.to(device))
    embeddings = embed(recogniser, arrays, torch.from_numpy(used), factor, given.evaluation.batch_size, dtype)
    measures = given.evaluation.measures
    rows, scores = judge_pairs(table, people["person"].to_numpy(), embeddings, used, condition, measures)
    return rows, scores, classifier.card["network"]
