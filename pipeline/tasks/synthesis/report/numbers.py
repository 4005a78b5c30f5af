"""The numbers of the photo-sketch report, computed once, of sound runs only: means, comparisons, recognition curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.metrics import statistics
from pipeline.report import comparing
from pipeline.tasks.synthesis.report.contrasts import Contrast, telling
from pipeline.tasks.synthesis.report.data import Data, Judged
from pipeline.tasks.synthesis.report.reading import DIRECTIONS, MEASURES, NLDA

TESTED = ("ssim", "fsim")
PERCENT = (*NLDA, "accuracy")


@dataclass(frozen=True)
class Numbers:
    """Two tables and the contrasts between variants.

    ``estimates``: direction, variant, measure, mean, low, high, spread, seeds; rates in percent. low and high are NaN
    where nothing can be drawn again: the Frechet distance, the best dimension. ``gains``: direction, measure, control,
    variant, and comparing.COLUMNS; a family of tests is a direction.
    """

    estimates: pd.DataFrame
    gains: pd.DataFrame
    contrasts: list[Contrast]

    def at(self, direction: str, variant: str, measure: str) -> pd.Series | None:
        """One row of ``estimates``, None where no sound run is left or the measure was not taken."""
        rows = self.estimates
        rows = rows[(rows["direction"] == direction) & (rows["variant"] == variant) & (rows["measure"] == measure)]
        return None if rows.empty else rows.iloc[0]

    def gain(self, direction: str, measure: str, control: str, variant: str) -> pd.Series | None:
        """One row of ``gains``, None where one of the two has no sound run."""
        rows = self.gains
        rows = rows[(rows["direction"] == direction) & (rows["measure"] == measure)]
        rows = rows[(rows["control"] == control) & (rows["variant"] == variant)]
        return None if rows.empty else rows.iloc[0]

    def tests(self, direction: str) -> int:
        """How many comparisons the direction's family has."""
        return int((self.gains["direction"] == direction).sum())

    def ranked(self, direction: str, measure: str, variants: list[str]) -> list[str]:
        """Those of ``variants`` that were measured, highest first; of equals the first."""
        means = {variant: self.at(direction, variant, measure) for variant in variants}
        found = [variant for variant, row in means.items() if row is not None]
        return sorted(found, key=lambda variant: -means[variant]["mean"])


def compute(data: Data) -> Numbers:
    """All numbers of the report."""
    found = telling(data.inputs.variants)
    return Numbers(_estimates(data), _gains(data, found), found)


def controls(data: Data) -> list[str]:
    """What every variant is compared with: the picture itself, and learning from the true pictures alone."""
    inputs = data.inputs
    return [inputs.floor, *([inputs.control] if inputs.control is not None else [])]


def curve(judged: Judged) -> pd.Series:
    """Rank-1 by dimension, a mean over splits and sound seeds.

    A split that has fewer dimensions than others keeps the rate of its last.
    """
    tables = [table.assign(seed=place) for place, table in enumerate(judged.dimensions) if judged.sound[place]]
    wide = pd.concat(tables).pivot(index=["seed", "split"], columns="dimension", values="rank1").sort_index(axis=1)
    return wide.ffill(axis=1).drop(columns=0, errors="ignore").mean()


def weakest(data: Data, numbers: Numbers, direction: str) -> float:
    """The least adjusted p that the direction's comparisons can reach, were all to agree on every picture."""
    return min(1.0, statistics.smallest_p_value(data.test) * max(numbers.tests(direction), 1))


def _estimates(data: Data) -> pd.DataFrame:
    rows = []
    for (direction, variant), one in data.judged.items():
        if not one.sound.any():
            continue
        for measure, values in one.overall.items():
            where = {"direction": direction, "variant": variant, "measure": measure}
            rows.append(where | _estimate(measure, values[one.sound], _units(one, measure)))
    return pd.DataFrame(rows)


def _units(one: Judged, measure: str) -> np.ndarray | None:
    """(sound seeds, units): what the bootstrap draws again; None where it cannot."""
    if measure in MEASURES:
        return one.pictures[measure][one.sound]
    if measure == NLDA[0]:
        people = one.pictures["nlda"][one.sound]
        return people[:, ~np.isnan(people).any(axis=0)]
    return one.correct[one.sound] if measure == "accuracy" else None


def _estimate(measure: str, means: np.ndarray, units: np.ndarray | None) -> dict[str, float]:
    scale = 100 if measure in PERCENT else 1
    if units is not None:
        return comparing.estimate(means, units, scale=scale)
    return comparing.estimate(means, means[:, None], scale=scale) | {"low": np.nan, "high": np.nan}


def _gains(data: Data, found: list[Contrast]) -> pd.DataFrame:
    families = []
    order = controls(data)
    wanted = [(one, variant) for one in order for variant in data.inputs.variants if variant != one]
    wanted += [(one.less, one.more) for one in found]
    for direction in DIRECTIONS:
        pairs = {}
        for measure in TESTED:
            for control, variant in dict.fromkeys(wanted):
                both = [data.judged[direction, name] for name in (variant, control)]
                if all(one.sound.any() for one in both):
                    pairs[measure, control, variant] = tuple(one.pictures[measure][one.sound] for one in both)
        names = ("measure", "control", "variant")
        families.append(comparing.family(pairs, names).assign(direction=direction))
    return pd.concat(families, ignore_index=True)
