"""Read a set of labelled images, cut and shrink them alike; or render faces of known classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.class_sources import ImageClasses

SLICES = {"data": ("classification.sets.{set}", ImageClasses)}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    raw: Path,
    out: Path,
) -> None:
    """Prepare both parts of the set.

    Args:
        set: the entry in params.yaml
        raw: the folder with the file
        out: the folder to write: images.npy and tables
    """
    from pipeline.data.classes import classification_prepare

    classification_prepare(settings["data"], raw, out)
