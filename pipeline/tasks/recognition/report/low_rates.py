"""FNMR at low FMR in the report: a table for each protocol, only of what enough errors stand behind."""

from __future__ import annotations

import pandas as pd

from pipeline.metrics.all_pairs import ENOUGH, LowRate, low_rates
from pipeline.params.rates import written
from pipeline.report import sentences
from pipeline.report.blocks import Table
from pipeline.report.words import between
from pipeline.tasks.recognition.report.results import Data


def tables(data: Data) -> list[Table]:
    """One per protocol whose photos' people are known and are seen more than once."""
    return [_table(data, protocol) for protocol in dict.fromkeys(protocol for protocol, _, _ in data.low_rates)]


def _table(data: Data, protocol: str) -> Table:
    inputs, rows, impostors = data.inputs, [], 0
    for condition in inputs.conditions:
        for variant in inputs.trained:
            networks = data.low_rates.get((protocol, variant, condition))
            if networks is None:
                continue
            impostors = networks[0].impostors
            row = {"Trained": variant, "Quality": condition}
            rows.append(row | {f"FNMR at FMR {written(rate.fmr)}, %": _cell(rate) for rate in low_rates(networks)})
    genuine = networks[0].genuine if networks else 0
    text = (
        f"False non-match rate (FNMR) where the share of pairs of different people that are matched (FMR) is at most that"
        f" of the column, from all pairs of the photos of {protocol}: {impostors:,} of two people and {genuine:,} of one."
        f" {sentences.spread(inputs.seeds)}below it the 95 % interval over people and seeds, the threshold chosen again in"
        " each draw of people (Fogliato, Patil, Perona 2024). A figure is shown only where at least"
        f" {ENOUGH} errors of either kind stand behind it. No mean is taken off the embeddings: there are no folds."
    )
    variants = len(inputs.trained)
    return Table(pd.DataFrame(rows), data.caption(text), rules=tuple(range(variants, len(rows), variants)))


def _cell(rate: LowRate) -> str | None:
    if not rate.shown:
        return None
    return f"{100 * rate.fnmr:.1f}\n{between(100 * rate.low, 100 * rate.high)}"
