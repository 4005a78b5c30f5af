"""Measures of verification beside the accuracy, one per file: numbers from the scores of pairs.

A measure ``name`` is the file ``name.py`` here, found by its name, with
- ``Settings``: what an entry ``measures: {name: {...}}`` of the evaluation in params.yaml may say;
- ``measure(scores, same, settings) -> dict[str, float]``: scores (P,) of the pairs, each in its own fold, and whether
  a pair shows one person (P,) bool, to values in [0, 1] by the names that they have in ``metrics.csv``, which begin
  with ``name``;
- ``title(metric) -> str``: the head of the column for such a name; ``explain(metrics, same, different) -> str``: a
  sentence for the caption, for those of the table and the numbers of pairs of one person and of two.

A new measure makes evaluations and the report run again, and no training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, SerializeAsAny

from pipeline import parts
from pipeline.errors import InputError
from pipeline.params.loading import Settings, validate
from pipeline.params.short import shown

STATES = ("Settings", "measure", "title", "explain")  # what a file has


def measure_names() -> list[str]:
    """Every measure there is, sorted."""
    return parts.names(__path__)


def measure(name: str) -> ModuleType:
    """The measure's module."""
    return parts.load(__name__, name, STATES)


def validated(entries: Any) -> dict[str, Settings]:
    """Entries of params.yaml as settings, by name. Raises ValueError naming what is no measure, or a bad setting."""
    if not isinstance(entries, dict):
        raise ValueError(f"found {shown(entries)}, expected a mapping of measures")
    settings = {}
    for name, entry in entries.items():
        if name not in measure_names():
            raise ValueError(f"{shown(name)} is no measure, expected some of {', '.join(measure_names())}")
        kind = measure(name).Settings  # outside the try: an error of the file names the file
        try:
            settings[name] = validate(kind, entry, f"@{name}")
        except InputError as error:
            raise ValueError(str(error).partition("@")[2]) from None
    return settings


Measures = Annotated[dict[str, SerializeAsAny[Settings]], BeforeValidator(validated)]  # in a group of params.yaml


def measured(scores: np.ndarray, same: np.ndarray, measures: Mapping[str, Settings]) -> dict[str, float]:
    """Scores (P,) of pairs, ``same`` (P,) bool -> the value of each metric, in the order of the settings."""
    return {
        k: v for name, settings in measures.items() for k, v in measure(name).measure(scores, same, settings).items()
    }


def named(metrics: Sequence[str]) -> dict[str, list[str]]:
    """Measure -> those of ``metrics`` that it computes; names that no measure computes are left out."""
    by_measure = {
        name: [metric for metric in metrics if metric == name or metric.startswith(f"{name}_")]
        for name in measure_names()
    }
    return {name: columns for name, columns in by_measure.items() if columns}
