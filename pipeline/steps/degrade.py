"""Store the faces at each lower quality, at their own size: x2.npy, x4.npy, ..."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.faces import Degradation

SLICES = {"degradation": ("recognition.degradation", Degradation)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the degraded ones")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """One array a quality; x1 is the sharp array itself and is not stored again."""
    from pipeline.data.degradation import degrade_folder
    from pipeline.files import atomic_directory

    degradation: Degradation = settings["degradation"]
    with atomic_directory(options.out) as folder:
        degrade_folder(options.faces, folder, degradation.qualities, degradation.method, degradation.seed)
