"""Fetch the archive of a set of pictures, or take one dropped in by hand; verify its checksum."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.pictures import ArchivePictures

SLICES = {"set": ("superresolution.pictures.{set}", ArchivePictures)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml")
    parser.add_argument("--cache", type=Path, required=True, help="where downloads are kept, finished or not")
    parser.add_argument("--drop-in", type=Path, required=True, help="where files got by hand are put")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the archive")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Fill the folder."""
    from pipeline.data.fetch_folder import fetch_folder
    from pipeline.data.picture_sources import remote_files

    fetch_folder(remote_files([settings["set"]]), options.out, options.cache, options.drop_in)
