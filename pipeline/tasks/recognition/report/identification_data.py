"""What the recognition steps wrote of searches, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError
from pipeline.report import tidy

if TYPE_CHECKING:
    from pipeline.tasks.recognition.report.data import Inputs

RANK_COLUMNS = ("protocol", "condition", "probe", "rank", "average_precision")
ROLES = ("probe", "gallery", "distractor")


@dataclass(frozen=True)
class Searches:
    """The searches of all networks; none where the set of faces has none."""

    protocols: list[str]
    sizes: dict[str, dict[str, int]]  # protocol -> pictures by role
    ranks: dict[tuple[str, str, str], np.ndarray]  # protocol, variant, condition -> (seeds, probes), from 1


def read(inputs: Inputs, runs: Mapping[str, list[dict[str, Any]]]) -> Searches:
    """Read the ranks; ``runs`` are the run.json that stand beside them.

    Raises InputError naming the file that is missing, damaged or of other probes than the others.
    """
    sizes: dict[str, dict[str, int]] | None = None
    probes: dict[str, np.ndarray] = {}
    ranks: dict[tuple[str, str, str], np.ndarray] = {}
    for variant, seeds in inputs.models_and_seeds.items():
        per_seed: dict[tuple[str, str], list[np.ndarray]] = {}
        for seed, run in zip(seeds, runs[variant], strict=True):
            folder = inputs.evaluations / variant / str(seed)
            table = tidy.read(folder / "ranks.csv", RANK_COLUMNS, text=("protocol", "condition"), empty=True)
            own = _sizes(folder / "run.json", run)
            sizes = own if sizes is None else sizes
            if own != sizes:
                raise InputError(f"{folder / 'run.json'}: searches {own}, expected {sizes}, as the other files have")
            groups = dict(list(table.groupby(["protocol", "condition"], sort=False)))
            for protocol in sizes:
                for condition in inputs.conditions:
                    where = f"{folder / 'ranks.csv'}: {protocol} at {condition}"
                    rows = groups.get((protocol, condition))
                    if rows is None or len(rows) != sizes[protocol]["probe"]:
                        count = 0 if rows is None else len(rows)
                        raise InputError(f"{where}: {count} probes, expected {sizes[protocol]['probe']}")
                    rows = rows.sort_values("probe", kind="stable")
                    rank = rows["rank"].to_numpy(float)
                    if not ((rank >= 1) & (rank % 1 == 0)).all():
                        raise InputError(f"{where}: a rank that is none, expected whole numbers from 1")
                    # Paired tests need the very same probes in every file.
                    if not np.array_equal(rows["probe"], probes.setdefault(protocol, rows["probe"].to_numpy())):
                        raise InputError(f"{where}: the probes are not those of the other files")
                    per_seed.setdefault((protocol, condition), []).append(rank.astype(np.int64))
        ranks |= {(protocol, variant, condition): np.stack(found) for (protocol, condition), found in per_seed.items()}
    return Searches(list(sizes or {}), sizes or {}, ranks)


def _sizes(path: Path, run: dict[str, Any]) -> dict[str, dict[str, int]]:
    """What run.json says of the searches; nothing where it says nothing."""
    found = run.get("searches", {})
    whole = isinstance(found, dict) and all(
        isinstance(size, dict) and set(size) == set(ROLES) and all(isinstance(count, int) for count in size.values())
        for size in found.values()
    )
    if not whole:
        raise InputError(f"{path}: searches {str(found)[:60]}, expected numbers of {', '.join(ROLES)} by protocol")
    return found
