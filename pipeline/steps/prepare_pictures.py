"""Decode the pictures of an archive once, into one packed array."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.pictures import ArchivePictures

SLICES = {"set": ("superresolution.pictures.{set}", ArchivePictures)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml")
    parser.add_argument("--raw", type=Path, required=True, help="the folder with the archive")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write: pixels.npy and pictures.csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Load, check and pack the pictures."""
    from pipeline.data.picture_sources import load_pictures
    from pipeline.data.pictures import pack

    pack(options.out, load_pictures(settings["set"], options.raw))
