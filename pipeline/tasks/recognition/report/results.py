"""What the recognition steps wrote, read and checked: only the variants and seeds that the settings name."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.data.remarks import Remark
from pipeline.errors import InputError
from pipeline.metrics.all_pairs import Misses
from pipeline.report import reading, results, tidy
from pipeline.report.numbers import Place, chosen
from pipeline.report.results import Evaluation
from pipeline.report.words import named
from pipeline.tasks.recognition import low_rates

RUN = ("device", "precision", "dataset", "versions", "model")
RANKS = ("protocol", "condition", "probe", "person", "rank", "average_precision")
ROLES = ("probe", "gallery", "distractor")


@dataclass(frozen=True, kw_only=True)
class Inputs(results.Inputs):
    """Where the recognition results are and what was asked for.

    Settings of ``variants``: ``description``, ``train_qualities``, ``distill``; all optional. ``plain`` and ``control``
    name the two controls.
    """

    contact_sheet: Path
    teacher_seeds: Sequence[int]
    qualities: Sequence[int]  # downsampling factors, 1 is sharp
    dataset: str
    rendered: bool
    plain: str = "basicnet"  # sharp faces, no teacher
    control: str = "degraded_only"  # degraded faces, no teacher
    own_teacher: str | None = None  # the file of a teacher of the user's own, which was not trained here
    people_known: bool = True  # False: people stand for pictures that are identical, or not
    remarks: Sequence[Remark] = ()  # on the data

    slug = "recognition"

    @property
    def trained(self) -> dict[str, list[int]]:
        """The teacher, then the students, each with the seeds it was trained with."""
        return {self.teacher: list(self.teacher_seeds), **self.students}

    @property
    def conditions(self) -> list[str]:
        """The qualities as the tables name them."""
        return [f"x{quality}" for quality in self.qualities]

    @property
    def worst(self) -> str:
        """The lowest quality."""
        return f"x{max(self.qualities)}"

    @property
    def distilled(self) -> list[str]:
        """The students that a teacher teaches."""
        return [name for name, settings in self.variants.items() if settings.get("distill")]

    def taught(self, variant: str) -> str:
        """What a network saw and was taught, in a few words."""
        if variant == self.teacher:
            return "sharp faces" if self.own_teacher is None else f"own teacher {self.own_teacher}"
        settings = self.variants[variant]
        if settings.get("description"):
            return str(settings["description"])
        qualities = [f"x{quality}" for quality in settings.get("train_qualities", [])]
        seen = "sharp faces only" if qualities == ["x1"] else " ".join(qualities)
        return f"{seen}, {self.composed(settings)}" if seen else self.composed(settings)


@dataclass(frozen=True)
class Samples:
    """Some faces at each quality as a network sees them, and where it looks."""

    pictures: dict[str, np.ndarray]  # condition -> (n, H, W, 3) uint8
    maps: dict[str, np.ndarray]  # condition -> (n, stages, h, w) float32 in 0..1


@dataclass(frozen=True, kw_only=True)
class Data(results.Data):
    """Everything that was read."""

    protocols: list[str]  # of pairs
    same: dict[str, np.ndarray]  # protocol -> (pairs,) bool
    scores: dict[tuple[str, str, str], np.ndarray]  # protocol, variant, condition -> (seeds, pairs)
    searches: dict[str, dict[str, int]]  # protocol -> pictures by role; none where the set of faces has none
    ranks: dict[tuple[str, str, str], np.ndarray]  # protocol, variant, condition -> (seeds, probes), from 1
    low_rates: dict[tuple[str, str, str], list[Misses]]  # protocol, variant, condition -> one per seed
    samples: dict[str, Samples]  # of the first seed
    contact_sheet: bytes

    @property
    def dataset(self) -> str:
        """What tables call the faces."""
        return named(self.inputs.dataset, self.inputs.rendered)

    def caption(self, text: str, *about: str) -> str:
        """The text, and what the data are."""
        return f"{text} Data: {self.dataset}."

    def chance(self, protocol: str) -> float:
        """Percent that always giving the commoner answer reaches."""
        same = self.same[protocol].mean()
        return 100 * float(max(same, 1 - same))


def read(inputs: Inputs) -> Data:
    """Read all files. Raises InputError naming the first file that is missing or damaged."""
    alike = reading.Alike()
    found = results.evaluations(inputs, lambda *which: _evaluation(inputs, alike, *which))
    pairs = {
        place: rows
        for place, rows in found[inputs.teacher][0].extra["scores"].items()
        if place[1] == inputs.conditions[0]
    }
    trained_here = [name for name in inputs.trained if name != inputs.teacher or inputs.own_teacher is None]

    def stacked(kind: str, column: str) -> dict[tuple[str, str, str], np.ndarray]:
        return {
            (protocol, variant, condition): np.stack([seed.extra[kind][protocol, condition][column] for seed in each])
            for variant, each in found.items()
            for protocol, condition in each[0].extra[kind]
        }

    return Data(
        **results.common(inputs, found, trained_here=trained_here),
        remarks=inputs.remarks,
        protocols=[protocol for protocol, _ in pairs],
        same={protocol: rows["same"].to_numpy() for (protocol, _), rows in pairs.items()},
        scores=stacked("scores", "score"),
        searches=alike["searches"],
        ranks=stacked("ranks", "rank"),
        low_rates={
            (protocol, variant, condition): [seed.extra["low_rates"][protocol, condition] for seed in each]
            for variant, each in found.items()
            for protocol, condition in each[0].extra["low_rates"]
        },
        samples={
            variant: _samples(inputs.evaluations / variant / str(seeds[0]) / "samples.npz", inputs)
            for variant, seeds in inputs.trained.items()
        },
        contact_sheet=_picture(inputs.contact_sheet),
    )


def _evaluation(inputs: Inputs, alike: reading.Alike, folder: Path, variant: str, seed: int) -> Evaluation:
    path = folder / "metrics.csv"
    table = reading.metrics(path, variant, seed, dataset=inputs.dataset)
    # A quality that the settings no longer name is as stale as a variant that they no longer name.
    table = table[table["condition"].isin(["", *inputs.conditions])]
    for metric in ("parameters", "multiply_adds"):
        reading.value(path, table, Place(metric), finite=False)  # an ONNX model's work is not known
    scores = reading.scores(folder / "scores.csv", inputs.conditions, alike, empty=True)
    run = reading.run(folder / "run.json", RUN)
    ranks = _ranks(folder, inputs, alike, run)
    rates = _low_rates(folder, inputs, alike)
    scored, figures, people = {}, {}, {}
    for (protocol, condition), rows in scores.items():
        place = Place("accuracy", protocol, condition)
        scored[place] = pd.Series(rows["correct"].to_numpy(), index=rows["pair"])
        figures[place] = reading.value(path, table, place)
        people[place] = rows[reading.PEOPLE].to_numpy()
    for (protocol, condition), rows in ranks.items():
        hits = pd.Series(rows["rank"].to_numpy() == 1, index=rows["probe"])
        place = Place("rank1", protocol, condition)
        scored[place], people[place] = hits, rows["person"].to_numpy()
    return Evaluation(run, table, scored, figures, people, {"scores": scores, "ranks": ranks, "low_rates": rates})


def _low_rates(folder: Path, inputs: Inputs, alike: reading.Alike) -> low_rates.Rates:
    """Rates of all pairs: of the same pairs in every evaluation, or InputError."""
    path = folder / "low_rates.npz"
    rates = low_rates.read(path, inputs.conditions)
    pairs = {place: (one.genuine, one.impostors, one.rates.tolist()) for place, one in rates.items()}
    if alike.first("all pairs", pairs) != pairs:
        raise InputError(f"{path}: other protocols, pairs or rates than those of the other evaluations")
    return rates


def _ranks(
    folder: Path, inputs: Inputs, alike: reading.Alike, run: dict[str, Any]
) -> dict[tuple[str, str], pd.DataFrame]:
    """Protocol and condition -> its rows in the order of the probes: probe and rank, a whole number from 1."""
    sizes = run.get("searches", {})
    whole = isinstance(sizes, dict) and all(
        isinstance(size, dict) and set(size) == set(ROLES) and all(isinstance(number, int) for number in size.values())
        for size in sizes.values()
    )
    if not whole:
        expected = f"numbers of {', '.join(ROLES)} by protocol"
        raise InputError(f"{folder / 'run.json'}: searches {str(sizes)[:60]}, expected {expected}")
    alike.check(folder / "run.json", "searches", sizes)
    table = tidy.read(folder / "ranks.csv", RANKS, text=("protocol", "condition"), empty=True)
    found = {}
    for protocol in sizes:
        for condition in inputs.conditions:
            where = f"{folder / 'ranks.csv'}: {protocol} at {condition}"
            rows = chosen(table, protocol=protocol, condition=condition).sort_values("probe", kind="stable")
            if len(rows) != sizes[protocol]["probe"]:
                raise InputError(f"{where}: {len(rows)} probes, expected {sizes[protocol]['probe']}")
            if not ((rows["rank"] >= 1) & (rows["rank"] % 1 == 0)).all():
                raise InputError(f"{where}: a rank below 1 or no whole number, expected whole numbers from 1")
            # Paired tests need the very same probes in every file.
            if not np.array_equal(rows["probe"], alike.first(f"probes of {protocol}", rows["probe"].to_numpy())):
                raise InputError(f"{where}: the probes are not those of the other files")
            reading.whole_numbers(folder / "ranks.csv", rows, ["person"], f"{protocol} at {condition}")
            found[protocol, condition] = rows.astype({"rank": int, "person": np.int64})
    return found


def _samples(path: Path, inputs: Inputs) -> Samples:
    stored = reading.arrays(path, [*inputs.conditions, *(f"maps_{name}" for name in inputs.conditions)])
    pictures = {name: reading.rgb(path, name, stored[name]) for name in inputs.conditions}
    maps = {name: stored[f"maps_{name}"].astype(np.float32) for name in inputs.conditions}
    counts = {len(array) for array in (*pictures.values(), *maps.values())}
    if len(counts) != 1 or 0 in counts or any(array.ndim != 4 for array in (*pictures.values(), *maps.values())):
        raise InputError(f"{path}: expected as many faces as maps at every quality, found {sorted(counts)}")
    return Samples(pictures, maps)


def _picture(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            kind = image.format
            image.load()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a picture ({error})") from error
    if kind != "PNG":
        raise InputError(f"{path}: a {kind} picture (expected PNG)")
    return data
