"""The numbers of the recognition report, computed once: accuracies with intervals, and paired comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.metrics import statistics
from pipeline.report import comparing
from pipeline.tasks.recognition.report.data import Data, Inputs


@dataclass(frozen=True)
class Numbers:
    """Tables in percent and percentage points.

    ``accuracy``: protocol, variant, condition, downsampling, accuracy, low, high, spread (NaN with one
    seed), seeds, pairs. ``comparisons``: protocol, control, variant, condition, difference, low, high,
    p_value, adjusted, verdict; one family of tests is one control in one protocol. ``identification``: likewise, of
    rank-1 hits.
    """

    accuracy: pd.DataFrame
    comparisons: pd.DataFrame
    identification: pd.DataFrame

    def at(self, protocol: str, variant: str, condition: str) -> pd.Series:
        """One row of ``accuracy``."""
        rows = self.accuracy
        chosen = (rows["protocol"] == protocol) & (rows["variant"] == variant) & (rows["condition"] == condition)
        return rows[chosen].iloc[0]

    def against(self, control: str, protocol: str) -> pd.DataFrame:
        """The comparisons with one control in one protocol; empty when that control was not trained."""
        rows = self.comparisons
        return rows[(rows["control"] == control) & (rows["protocol"] == protocol)]


def compute(data: Data) -> Numbers:
    """All numbers of the report."""
    hits = {key: ranks == 1 for key, ranks in data.searches.ranks.items()}
    return Numbers(
        _accuracy(data),
        _comparisons(data.inputs, data.protocols, data.correct),
        _comparisons(data.inputs, data.searches.protocols, hits),
    )


def _accuracy(data: Data) -> pd.DataFrame:
    inputs = data.inputs
    rows = []
    for protocol in data.protocols:
        for variant in inputs.models_and_seeds:
            for quality, condition in zip(inputs.qualities, inputs.conditions, strict=True):
                correct = data.correct[protocol, variant, condition]
                low, high = _interval(data, protocol, variant, condition)
                mean, spread = statistics.seed_spread(data.values("accuracy", protocol, variant, condition))
                rows.append(
                    {
                        "protocol": protocol,
                        "variant": variant,
                        "condition": condition,
                        "downsampling": quality,
                        "accuracy": 100 * mean,
                        "low": 100 * low,
                        "high": 100 * high,
                        "spread": float("nan") if spread is None else 100 * spread,
                        "seeds": correct.shape[0],
                        "pairs": correct.shape[1],
                    }
                )
    columns = [
        "protocol",
        "variant",
        "condition",
        "downsampling",
        "accuracy",
        "low",
        "high",
        "spread",
        "seeds",
        "pairs",
    ]
    return pd.DataFrame(rows, columns=columns)


def _interval(data: Data, protocol: str, variant: str, condition: str) -> tuple[float, float]:
    """The evaluation's own interval where there is one seed, else that of the mean over seeds."""
    correct = data.correct[protocol, variant, condition]
    if len(correct) == 1:
        ends = [data.values(f"accuracy_{end}", protocol, variant, condition) for end in ("low", "high")]
        if all(len(end) == 1 and np.isfinite(end[0]) for end in ends):
            return float(ends[0][0]), float(ends[1][0])
    return statistics.bootstrap_interval(correct)


def _comparisons(
    inputs: Inputs, protocols: Sequence[str], outcomes: Mapping[tuple[str, str, str], np.ndarray]
) -> pd.DataFrame:
    """Every variant against its controls, paired; as in ``Numbers``.

    ``outcomes`` maps protocol, variant and condition to (seeds, items): right or wrong on the same pairs or probes.
    """
    families = []
    for protocol in protocols:
        for control, others in inputs.controls.items():
            pairs = {
                (variant, condition): (
                    outcomes[protocol, variant, condition],
                    outcomes[protocol, control, condition],
                )
                for variant in others
                for condition in inputs.conditions
            }
            found = comparing.family(pairs, ("variant", "condition"), scale=100)
            families.append(found.assign(protocol=protocol, control=control))
    columns = ["protocol", "control", "variant", "condition", *comparing.COLUMNS]
    return pd.concat(families, ignore_index=True)[columns] if families else pd.DataFrame(columns=columns)
