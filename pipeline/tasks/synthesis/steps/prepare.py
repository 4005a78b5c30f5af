"""Match photos and sketches by their names, cut and shrink them alike; or render people and draw them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.sketch_pairs import SketchPairs

SLICES = {"data": ("synthesis.collections.{collection}", SketchPairs)}


def run(
    settings: dict[str, Any],
    *,
    collection: str,
    raw: Path,
    out: Path,
) -> None:
    """Prepare the pairs of all sets.

    Args:
        collection: the entry in params.yaml
        raw: the folder with the files
        out: the folder to write: photos.npy, sketches.npy, index.csv
    """
    from pipeline.data.sketch_pairs import prepare_pairs

    prepare_pairs(settings["data"], raw, out)
