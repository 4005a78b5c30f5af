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
        parts = {part: arrays.get(f"{place}/{part}", np.empty(0)) for part in ("values", "drawn", "pairs")}
        rates, count = arrays.get("rates", np.empty(0)), len(arrays.get("rates", ()))
        fits = (rates.ndim, parts["values"].shape, parts["drawn"].shape[1:], parts["pairs"].shape)
        numbers = all(array.dtype.kind == "f" for array in (rates, *parts.values()))
        if not numbers or fits != (1, (count,), (count,), (3,)) or not np.isfinite(parts["values"]).all():
            raise InputError(f"{path}: {place}: expected rates, values, drawn and pairs that fit together")
        genuine, impostors, effective = parts["pairs"].tolist()
        found[protocol, condition] = Misses(
            rates, parts["values"], parts["drawn"], int(genuine), int(impostors), effective
        )
    return found
