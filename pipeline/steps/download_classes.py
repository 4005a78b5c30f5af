"""Fetch the archive of a set of labelled images, or take one dropped in by hand; verify its checksum."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.data.class_sources import ImageClasses

SLICES = {"data": ("classification.sets.{set}", ImageClasses)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml")
    parser.add_argument("--cache", type=Path, required=True, help="where downloads are kept, finished or not")
    parser.add_argument("--drop-in", type=Path, required=True, help="where files got by hand are put")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the file")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Fill the folder; a download that broke off goes on where it stopped."""
    from pipeline.data.class_sources import remote_files
    from pipeline.data.fetch_folder import fetch_folder

    fetch_folder(remote_files(settings["data"]), options.out, options.cache, options.drop_in)
