"""False non-match rates at low false match rates: all pairs of the photos that a protocol names, not its pairs alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.arrays import read_arrays
from pipeline.data.faceset import paired_faces
from pipeline.errors import InputError
from pipeline.files import write_npz
from pipeline.metrics.all_pairs import Misses, misses, score_all_pairs

DRAWS = 200  # of people: the spread of a rate over them is then known to 5 %
PARTS = ("values", "drawn", "pairs")  # arrays of each protocol and condition
Rates = dict[tuple[str, str], Misses]  # by protocol and condition


def measure(
    table: pd.DataFrame,
    person: np.ndarray,
    embeddings: np.ndarray,
    seen: np.ndarray,
    condition: str,
    rates: Sequence[float],
) -> Rates:
    """Every photo of each protocol of ``table`` with every other, by embeddings (N, D) of the faces ``seen`` (N,), rising.

    ``person`` (all faces,) says who each shows. Embeddings are compared as they are: there are no folds to take a mean
    from. Nothing of a protocol in which nobody has two photos, or which shows one person alone.
    """
    found: Rates = {}
    for protocol, group in table.groupby("protocol", sort=True) if rates else ():
        faces = paired_faces(group)
        people = person[faces]
        counts = np.unique(people, return_counts=True)[1]
        if len(counts) < 2 or counts.max() < 2:
            continue
        pairs = score_all_pairs(embeddings[np.searchsorted(seen, faces)], people, largest_rate=max(rates))
        found[str(protocol), condition] = misses(pairs, rates, draws=DRAWS)
    return found


def write(path: Path, found: Mapping[tuple[str, str], Misses]) -> None:
    """Arrays rates (R,) and, by PROTOCOL/CONDITION/, values (R,), drawn (DRAWS, R), pairs (3,): see Misses."""
    arrays = {}
    for (protocol, condition), rates in found.items():
        place = f"{protocol}/{condition}"
        arrays |= {"rates": rates.rates, f"{place}/values": rates.values, f"{place}/drawn": rates.drawn}
        arrays[f"{place}/pairs"] = np.array([rates.genuine, rates.impostors, rates.effective])
    write_npz(path, arrays or {"rates": np.empty(0)})


def read(path: Path, conditions: Sequence[str]) -> Rates:
    """What ``write`` wrote, of ``conditions``. Raises InputError naming the file and what does not fit."""
    arrays = read_arrays(path)
    found: Rates = {}
    for name in arrays:
        place, _, kind = name.rpartition("/")
        protocol, _, condition = place.rpartition("/")
        if kind != "values" or condition not in conditions:
            continue
        parts = [arrays.get(key, np.empty(0)) for key in ("rates", *(f"{place}/{part}" for part in PARTS))]
        if not _fit(*parts):
            raise InputError(f"{path}: {place}: expected rates, values, drawn and pairs that fit together")
        genuine, impostors, effective = parts[3].tolist()
        found[protocol, condition] = Misses(*parts[:3], int(genuine), int(impostors), effective)
    return found


def _fit(rates: np.ndarray, values: np.ndarray, drawn: np.ndarray, pairs: np.ndarray) -> bool:
    """Whether these are numbers of the shapes and in the ranges that Misses has."""
    if any(array.dtype.kind != "f" for array in (rates, values, drawn, pairs)) or rates.ndim != 1:
        return False
    if values.shape != rates.shape or drawn.shape[1:] != rates.shape or drawn.ndim != 2 or pairs.shape != (3,):
        return False
    shares = np.concatenate([rates, values, drawn[~np.isnan(drawn)]])  # a draw of people may have no genuine pair
    counts = pairs[:2] % 1 == 0  # not where they are not finite
    return bool(
        counts.all() and (pairs > 0).all() and np.isfinite(pairs).all() and (shares >= 0).all() and (shares <= 1).all()
    )
