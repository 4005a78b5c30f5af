"""Fetch the archives of photo-sketch pairs, or take those dropped in by hand; verify their checksums."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.sketch_pairs import SketchPairs

SLICES = {"data": ("synthesis.collections.{collection}", SketchPairs)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--collection", required=True, help="the entry in params.yaml")
    parser.add_argument("--cache", type=Path, required=True, help="where downloads are kept, finished or not")
    parser.add_argument("--drop-in", type=Path, required=True, help="where files got by hand are put")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the files")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Fill the folder; a download that broke off goes on where it stopped."""
    from pipeline.data.fetch_folder import fetch_folder
    from pipeline.data.sketch_pairs import remote_files

    fetch_folder(remote_files(settings["data"]), options.out, options.cache, options.drop_in)
