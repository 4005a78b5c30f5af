"""Files that the steps of several tasks write alike, read and checked: scores, losses, times, pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.arrays import read_arrays
from pipeline.errors import InputError
from pipeline.files import read_json
from pipeline.report import tidy
from pipeline.report.numbers import Place, chosen
from pipeline.report.words import listed

PEOPLE = ["person_a", "person_b"]
SCORE_COLUMNS = ("protocol", "condition", "pair", "fold", *PEOPLE, "same", "score", "correct")
LATENCY_COLUMNS = (
    "network",
    "parameters",
    "multiply_adds",
    "batch",
    "median_ms",
    "p10_ms",
    "p90_ms",
    "device",
)


def metrics(path: Path, variant: str, seed: int, **others: str) -> pd.DataFrame:
    """The tidy table of one evaluation. Raises InputError where it is of another variant, seed or other column."""
    table = tidy.read_tidy(path)
    for column, expected in {**others, "variant": variant, "seed": seed}.items():
        found = [value for value in table[column].unique() if value != expected]
        if found:
            raise InputError(f"{path}: {column} is {found[0]} (expected {expected})")
    return table


def value(path: Path, table: pd.DataFrame, place: Place, n: int | None = None, *, finite: bool = True) -> float:
    """The one value of a place in the tidy table. Raises InputError where it has another number of rows or ``n``."""
    rows = chosen(table, **place._asdict())
    where = said_place(place.protocol, place.condition)
    if len(rows) != 1 or (finite and not np.isfinite(rows["value"]).all()):
        said = f" for {where}" if where else ""
        raise InputError(f"{path}: {len(rows)} rows of {place.metric}{said} (expected 1, a number)")
    if n is not None and (found := int(rows["n"].iloc[0])) != n:
        raise InputError(f"{path}: n of {place.metric} for {where} is {found} (expected {n}, as in run.json)")
    return float(rows["value"].iloc[0])


class Alike:
    """What the first file said, and all others must say as well."""

    def __init__(self) -> None:
        self._first: dict[str, Any] = {}

    def __getitem__(self, what: str) -> Any:
        return self._first[what]

    def first(self, what: str, found: Any) -> Any:
        """What the first file said; ``found`` where this is the first."""
        return self._first.setdefault(what, found)

    def check(self, path: Path, what: str, found: Any) -> None:
        """Raise InputError where ``found``, a plain value or an array, is not what the first file had."""
        expected = self.first(what, found)
        if isinstance(found, np.ndarray):
            if not np.array_equal(found, expected):
                raise InputError(f"{path}: {what} are not those of the other files")
        elif found != expected:
            raise InputError(f"{path}: {what} is {found} (expected {expected}, as in the other files)")


def require(path: Path, what: str, found: Any, keys: Sequence[str], otherwise: str = "") -> None:
    """Raise InputError where ``found`` is not a mapping with all ``keys``; ``otherwise`` says what else is allowed."""
    if not isinstance(found, dict) or not set(keys) <= set(found):
        raise InputError(f"{path}: {what} is {found} (expected {listed(keys)}{otherwise})")


def per_item(
    path: Path,
    alike: Alike,
    groups: Mapping[str, int | None],
    *,
    by: str,
    item: str,
    measures: Sequence[str],
    others: Sequence[str] = (),
    names: Sequence[str] = (),
) -> dict[str, pd.DataFrame]:
    """The rows of each group, a value of the column ``by``, in the order of the numbers in the column ``item``.

    Args:
        alike: remembers which items the first file has. groups: and how many items each has, None where not known.
        measures: columns of finite numbers. others: columns that must be there. names: columns that say, with ``item``,
            which item it is.
    """
    table = tidy.read(path, (by, item, *measures, *others), text=(by, "name"))
    found = {}
    for group, count in groups.items():
        rows = table[table[by] == group].sort_values(item, kind="stable", ignore_index=True)
        whole = np.isfinite(rows[item]).all() and not rows[item].duplicated().any()
        if not whole or rows.empty or count not in (None, len(rows)):
            wanted = "some" if count is None else count
            raise InputError(f"{path}: {len(rows)} {item}s of {group} (expected {wanted}, each once)")
        for measure in measures:
            bad = rows[~np.isfinite(rows[measure])]
            if not bad.empty:
                where = f"{measure} of {item} {bad[item].iloc[0]:g} of {group}"
                raise InputError(f"{path}: {where} is {bad[measure].iloc[0]} (expected a number)")
        # Paired tests need the very same items in every file.
        kinds = " and ".join(f"{name}s" for name in (item, *names) if name != "name")
        alike.check(path, f"the {kinds} of {group}", rows[[item, *names]].to_numpy(str))
        found[group] = rows
    return found


def same_mean(path: Path, what: str, mean: float, stated: float) -> None:
    """Raise InputError where a table's mean is not the stated one: one of the two is older than the other."""
    if not abs(mean - stated) < 1e-6:
        raise InputError(f"{path}: {what} is {mean:.6f} (expected {stated:.6f}, as in metrics.csv)")


def scores(
    path: Path, conditions: Sequence[str], alike: Alike, *, empty: bool = False
) -> dict[tuple[str, str], pd.DataFrame]:
    """Protocol and condition -> its rows in the order of the pairs: pair, PEOPLE, same (bool), score, correct (bool).

    All files have the protocols and pairs of the first; where ``empty``, none of them need have any. Raises InputError
    naming the file where it is missing or damaged or has other pairs.
    """
    table = tidy.read(path, SCORE_COLUMNS, text=("protocol", "condition", "pair", "same", "correct"), empty=empty)
    protocols = list(dict.fromkeys(table["protocol"]))
    expected = alike.first("protocols of scores", protocols)
    if bool(protocols) != bool(expected):
        raise InputError(f"{path}: {'has' if protocols else 'no'} pairs, unlike the other files")
    for column in ("same", "correct"):
        known = table[column].str.lower().map({"true": True, "1": True, "false": False, "0": False})
        if known.isna().any():
            raise InputError(f"{path}: column {column} holds something other than 0 and 1, True and False")
        table[column] = known.astype(bool)
    groups = dict(list(table.groupby(["protocol", "condition"], sort=False)))
    found = {}
    for protocol in expected:
        for condition in conditions:
            where = said_place(protocol, condition)
            if (protocol, condition) not in groups:
                raise InputError(f"{path}: no scores for {where}")
            rows = groups[protocol, condition]
            number = pd.to_numeric(rows["pair"], errors="coerce")
            rows = rows.iloc[np.argsort(number if number.notna().all() else rows["pair"], kind="stable")]
            # Paired tests need the very same pairs in every file, and at every condition.
            known = alike.first(f"pairs of {protocol}", rows[["pair", "same"]].to_numpy(str))
            if not np.array_equal(known, rows[["pair", "same"]].to_numpy(str)):
                raise InputError(f"{path}: the pairs of {where} are not those of the other files")
            whole_numbers(path, rows, PEOPLE, where)
            if not np.array_equal(
                alike.first(f"people of {protocol}", rows[PEOPLE].to_numpy()), rows[PEOPLE].to_numpy()
            ):
                raise InputError(f"{path}: the people of {where} are not those of the other files")
            if rows["score"].isna().any():
                raise InputError(f"{path}: a score of {where} is missing")
            found[protocol, condition] = rows.reset_index(drop=True).astype(dict.fromkeys(PEOPLE, np.int64))
    return found


def whole_numbers(path: Path, rows: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    """Raise InputError where one of ``columns`` holds something other than whole numbers."""
    for column in columns:
        bad = rows[column][~(np.isfinite(rows[column]) & (rows[column] % 1 == 0))]
        if not bad.empty:
            raise InputError(f"{path}: {column} of {where} is {bad.iloc[0]} (expected whole numbers)")


def run(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """The description of an evaluation, which must have ``keys``. Raises InputError naming the file."""
    found = read_json(path)
    missing = [key for key in keys if not isinstance(found, dict) or key not in found]
    if missing:
        raise InputError(f"{path}: no {', '.join(missing)}")
    return found


def losses(path: Path, *, empty: bool = False) -> pd.DataFrame:
    """A training's losses by epoch; no rows, where that is allowed, if it was not trained here."""
    table = tidy.read(path, ("epoch", "learning_rate", "total"), empty=empty)
    return table.sort_values("epoch", kind="stable", ignore_index=True)


def latency(path: Path, networks: Mapping[str, str]) -> pd.DataFrame:
    """One row per variant and batch size: variants that share an architecture share its times.

    ``networks`` maps each variant to its network's name in the file. Raises InputError naming the file.
    """
    table = tidy.read(path, LATENCY_COLUMNS, text=("network", "device"))
    rows = []
    for variant, network in networks.items():
        if network not in set(table["network"]):
            raise InputError(f"{path}: no row for {network}")
        rows.append(table[table["network"] == network].assign(variant=variant))
    return pd.concat(rows, ignore_index=True)


def arrays(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays ``names`` of an .npz file, all of them by default. Raises InputError naming the file."""
    return read_arrays(path, names)


def rgb(path: Path, name: str, pictures: np.ndarray) -> np.ndarray:
    """uint8 (..., H, W, 1 or 3) as (..., H, W, 3). Raises InputError naming file and array for anything else."""
    if pictures.ndim < 3 or pictures.shape[-1] not in (1, 3) or pictures.dtype != np.uint8 or not pictures.size:
        found = f"{pictures.dtype} {pictures.shape}"
        raise InputError(f"{path}: {name}: expected uint8 pictures (H, W, 1 or 3), found {found}")
    return np.broadcast_to(pictures, (*pictures.shape[:-1], 3))


def said_place(protocol: str, condition: str) -> str:
    """cross-age at x4; a task that has no conditions leaves them empty."""
    return f"{protocol} at {condition}" if condition else protocol


@dataclass(frozen=True)
class Sample:
    """One test item as pictures, uint8 (H, W, 3): those that all files ``share``, and what each variant ``made``."""

    number: int
    shared: dict[str, np.ndarray]
    made: dict[str, np.ndarray]


def samples(
    path: Path,
    variant: str,
    found: dict[str, list[Sample]],
    groups: Sequence[str],
    *,
    shared: Sequence[str],
    made: str,
    size: Callable[[str, tuple[int, int]], tuple[int, int]],
) -> None:
    """Add the variant's pictures to ``found``, group by group: filled by the first file, compared with by all others.

    Arrays are named GROUP/NUMBER/KIND, kinds being ``shared`` and ``made``. ``size`` gives the height and width that a
    picture of a kind must have beside those of the first kind. Raises InputError naming file and array.
    """
    stored = arrays(path)
    parts = [name.split("/") for name in stored]
    if odd := [each for each in parts if len(each) != 3 or not each[1].isdecimal()]:
        raise InputError(f"{path}: an array is named {'/'.join(odd[0])} (expected a name such as {groups[0]}/0/{made})")
    for group in groups:
        numbers = sorted({int(number) for of, number, _ in parts if of == group})
        first = group not in found
        if not first and numbers != [sample.number for sample in found[group]]:
            raise InputError(f"{path}: the samples of {group} are not those of the other files")
        for place, number in enumerate(numbers):
            pictures = {}
            for kind in (*shared, made):
                name = f"{group}/{number}/{kind}"
                if name not in stored:
                    raise InputError(f"{path}: an array is missing ({name})")
                pictures[kind] = rgb(path, name, stored[name])
                expected = size(kind, pictures[shared[0]].shape[:2])
                if pictures[kind].ndim != 3 or pictures[kind].shape[:2] != expected:
                    raise InputError(f"{path}: {name} is {pictures[kind].shape[:2]} (expected {expected})")
            if first:
                found.setdefault(group, []).append(Sample(number, {kind: pictures[kind] for kind in shared}, {}))
            sample = found[group][place]
            for kind in shared:
                if not np.array_equal(pictures[kind], sample.shared[kind]):
                    raise InputError(f"{path}: {group}/{number}/{kind} is not that of the other files")
            sample.made[variant] = pictures[made]
        found.setdefault(group, [])
