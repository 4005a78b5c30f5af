"""Searches of a gallery as the evaluation runs them: who is searched for, and what comes of it as rows of tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.metrics import identification
from pipeline.metrics.rows import interval

RANKS = (1, 5, 10, 20)
COLUMNS = ["protocol", "condition", "probe", "person", "rank", "average_precision"]  # of the table of ranks


def faces_of(searches: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the probes, and of all that is searched, distractors too; each once, rising."""
    looked_for = searches["role"] == "probe"
    return np.unique(searches.loc[looked_for, "face"]), np.unique(searches.loc[~looked_for, "face"])


def sizes(searches: pd.DataFrame) -> dict[str, dict[str, int]]:
    """How many pictures of each role, by protocol."""
    return {
        protocol: {role: int((listed["role"] == role).sum()) for role in ("probe", "gallery", "distractor")}
        for protocol, listed in searches.groupby("protocol", sort=True)
    }


def search(
    searches: pd.DataFrame, people: pd.DataFrame, probes: np.ndarray, gallery: np.ndarray
) -> tuple[dict[str, float], pd.DataFrame]:
    """What one protocol's rows of ``searches`` come to: rates by name, and rank and precision by probe.

    ``people`` is the index of faces; ``probes`` (P, D) and ``gallery`` (G, D) are embeddings in the order of the rows
    that are probes, and of those that are not.
    """
    looked_for = searches["role"] == "probe"
    identity = people["identity"].to_numpy()[searches["face"]]
    number = np.unique(identity, return_inverse=True)[1]
    number = np.where(searches["role"] == "distractor", identification.DISTRACTOR, number)
    result = identification.identify(probes, gallery, number[looked_for], number[~looked_for])
    measures = {f"rank{rank}": identification.rank_rate(result.ranks, rank) for rank in RANKS}
    faces = searches.loc[looked_for, "face"].to_numpy()
    person = people["person"].to_numpy()[faces]
    measures |= interval("rank1", result.ranks == 1, person, rates=True) | {
        "map": float(result.average_precision.mean())
    }
    return measures, pd.DataFrame(
        {
            "probe": faces,
            "person": person,
            "rank": result.ranks,
            "average_precision": result.average_precision,
        }
    )
