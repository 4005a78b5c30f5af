"""Match photos and sketches by their names, cut and shrink them alike; or render people and draw them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.sketch_pairs import SketchPairs

SLICES = {"data": ("synthesis.collections.{collection}", SketchPairs)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--collection", required=True, help="the entry in params.yaml")
    parser.add_argument("--raw", type=Path, required=True, help="the folder with the files")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write: photos.npy, sketches.npy, index.csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Prepare the pairs of all sets."""
    from pipeline.data.sketch_pairs import prepare_pairs

    prepare_pairs(settings["data"], options.raw, options.out)
