"""The last step: everything in reports/ from the sections that the tasks wrote."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.errors import InputError
from pipeline.files import write_csv, write_json
from pipeline.report import overview, page, sections, tidy

ORDER = ("recognition", "super_resolution", "synthesis", "classification")  # then by name


def build(folder: Path, parts: Path) -> None:
    """Write metrics.csv, metrics.json, accuracy.csv, report.md, index.html and figures/ into ``folder``.

    ``parts`` has one folder per section. Raises InputError naming what is missing or damaged there.
    """
    found = sorted(path for path in Path(parts).glob("*") if path.is_dir() and not path.name.startswith("."))
    if not found:
        raise InputError(f"{parts}: no sections, expected a folder for each task")
    found.sort(key=lambda path: next((n for n, task in enumerate(ORDER) if path.name.startswith(task)), len(ORDER)))
    contents = [sections.read(path) for path in found]
    rows = tidy.ordered([tidy.read_tidy(path / "metrics.csv") for path in found])
    accuracy = [tidy.read_accuracy(path / "accuracy.csv") for path in found if (path / "accuracy.csv").exists()]
    write_csv(Path(folder) / "metrics.csv", rows)
    write_json(Path(folder) / "metrics.json", tidy.summary(rows))
    write_csv(Path(folder) / "accuracy.csv", pd.concat(accuracy or [pd.DataFrame(columns=list(tidy.ACCURACY_COLUMNS))]))
    first = overview.section(overview.joined([overview.read(path / overview.FILE) for path in found]))
    page.write([*([first] if first else []), *contents], Path(folder))
