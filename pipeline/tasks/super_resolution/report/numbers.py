"""The numbers of the super-resolution report, computed once: means with intervals, and paired comparisons."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.report import comparing
from pipeline.tasks.super_resolution.report.data import MEASURES, Data
from pipeline.tasks.super_resolution.report.recognition import DIRECT, THROUGH, Reader


@dataclass(frozen=True)
class Numbers:
    """Four tables.

    ``quality``: set, measure, variant, mean, low, high, spread (NaN with one seed), seeds; dB for psnr.
    ``gains``: set, control, variant, and comparing.COLUMNS, in dB of PSNR; a family of tests is a set.
    ``accuracy``: protocol, how, name, mean, low, high, spread, seeds, in percent.
    ``readings``: protocol, control (how, name), reader (how, name), and comparing.COLUMNS in points; a family is a
    protocol.
    """

    quality: pd.DataFrame
    gains: pd.DataFrame
    accuracy: pd.DataFrame
    readings: pd.DataFrame

    def at(self, name: str, variant: str, measure: str = "psnr") -> pd.Series:
        """One row of ``quality``."""
        rows = self.quality
        return rows[(rows["set"] == name) & (rows["variant"] == variant) & (rows["measure"] == measure)].iloc[0]

    def against(self, control: str, name: str) -> pd.DataFrame:
        """The comparisons with one control on one set; empty where that control was not trained."""
        return self.gains[(self.gains["control"] == control) & (self.gains["set"] == name)]

    def read_by(self, protocol: str, reader: Reader) -> pd.Series:
        """One row of ``accuracy``."""
        rows = self.accuracy
        return rows[(rows["protocol"] == protocol) & (rows["how"] == reader[0]) & (rows["name"] == reader[1])].iloc[0]

    def best(self, protocol: str, readers: list[Reader]) -> Reader:
        """The most accurate of ``readers``; of equals the first."""
        return max(readers, key=lambda reader: self.read_by(protocol, reader)["mean"])

    def reading_against(self, protocol: str, control: Reader) -> pd.DataFrame:
        """The comparisons with one reader on one protocol, by (how, name)."""
        rows = self.readings
        return rows[(rows["protocol"] == protocol) & (rows["control"] == control)].set_index("reader")


def compute(data: Data) -> Numbers:
    """All numbers of the report."""
    return Numbers(_quality(data), _gains(data), _accuracy(data), _readings(data))


def controls(data: Data) -> list[str]:
    """What students are compared with: no network, no teacher, the teacher's output alone; each if it is there."""
    inputs = data.inputs
    return [inputs.floor, *(name for name in (inputs.control, inputs.output) if name in inputs.variants)]


def best_reader(data: Data, protocol: str) -> Reader | None:
    """The student of recognition that reads small faces best, None where there is none."""
    verification = data.verification
    direct = verification.of(DIRECT) if verification else []
    return max(direct, key=lambda reader: verification.judged[protocol, reader].accuracies.mean(), default=None)


def faces_set(data: Data) -> str:
    """The set whose pictures are faces as those verified, else the first one."""
    about = data.verification
    alike = (name for name, one in data.sets.items() if about and one.label == about.dataset)
    return next(alike, next(iter(data.sets)))


def agreement(data: Data, numbers: Numbers, protocol: str) -> tuple[int, int]:
    """How many pairs of enlargements PSNR and accuracy put in the same order, and in opposite ones; ties in neither."""
    name = faces_set(data)
    points = [
        (numbers.at(name, variant)["mean"], numbers.read_by(protocol, (THROUGH, variant))["mean"])
        for variant in data.inputs.all
    ]
    signs = [np.sign((a[0] - b[0]) * (a[1] - b[1])) for a, b in itertools.combinations(points, 2)]
    return sum(sign > 0 for sign in signs), sum(sign < 0 for sign in signs)


def _quality(data: Data) -> pd.DataFrame:
    rows = []
    for name, one in data.sets.items():
        for variant, measure in itertools.product(data.inputs.all, MEASURES):
            values = one.values[measure, variant]
            where = {"set": name, "measure": measure, "variant": variant}
            rows.append(where | comparing.estimate(values.mean(axis=1), values))
    return pd.DataFrame(rows)


def _gains(data: Data) -> pd.DataFrame:
    families = []
    order = controls(data)
    for name, one in data.sets.items():
        pairs = {}
        for place, control in enumerate(order):
            # One control is compared with those before it, not the other way round as well.
            for variant in (variant for variant in data.inputs.variants if variant not in order[: place + 1]):
                pairs[control, variant] = one.values["psnr", variant], one.values["psnr", control]
        families.append(comparing.family(pairs, ("control", "variant")).assign(set=name))
    return pd.concat(families, ignore_index=True)


def _accuracy(data: Data) -> pd.DataFrame:
    rows = []
    judged = data.verification.judged if data.verification else {}
    for (protocol, (how, name)), one in judged.items():
        where = {"protocol": protocol, "how": how, "name": name}
        rows.append(where | comparing.estimate(one.accuracies, one.correct, scale=100))
    return pd.DataFrame(rows)


def _readings(data: Data) -> pd.DataFrame:
    verification = data.verification
    families = []
    for protocol in verification.pairs if verification else ():
        judged = {reader: verification.judged[protocol, reader].correct for reader in verification.readers}
        floor = THROUGH, data.inputs.floor
        pairs = {(floor, reader): (correct, judged[floor]) for reader, correct in judged.items() if reader != floor}
        if best := best_reader(data, protocol):
            others = (reader for reader in judged if reader[0] == THROUGH and reader != floor)
            pairs |= {(best, reader): (judged[reader], judged[best]) for reader in others}
        found = comparing.family(pairs, ("control", "reader"), scale=100)
        families.append(found.assign(protocol=protocol))
    return pd.concat(families, ignore_index=True) if families else pd.DataFrame()
