"""The last step: everything in reports/ from what the other steps wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.report import page, recognition, tidy


def build(folder: Path, inputs: recognition.Inputs, provenance: Mapping[str, str] | None = None) -> None:
    """Write metrics.csv, metrics.json, accuracy.csv, report.md, index.html and figures/ into ``folder``.

    All bytes but those of report.md and index.html, which show latencies, depend on the results alone.
    """
    data, numbers = recognition.measure(inputs)
    section = recognition.section(data, numbers)
    tidy.write(recognition.rows(data), recognition.accuracy(numbers), folder)
    page.write([section], folder, provenance or {})
