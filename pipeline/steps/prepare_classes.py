"""Read a set of labelled images, cut and shrink them alike; or render faces of known classes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.data.class_sources import ImageClasses

SLICES = {"data": ("classification.sets.{set}", ImageClasses)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml")
    parser.add_argument("--raw", type=Path, required=True, help="the folder with the file")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write: images.npy and tables")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Prepare both parts of the set."""
    from pipeline.data.classes import prepare_classes

    prepare_classes(settings["data"], options.raw, options.out)
