"""Make pictures small: patches to learn from, whole pairs to judge by."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.superresolution import Scale

SLICES = {
    "scale": ("superresolution.scales.{scale}", Scale),
    "train": ("superresolution.train", str),
    "test": ("superresolution.test", list[str]),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--scale", required=True, help="the entry in params.yaml")
    parser.add_argument("--pictures", type=Path, required=True, help="the folder with a folder a set")
    parser.add_argument("--patches", type=Path, required=True, help="to write: lr.npy and hr.npy")
    parser.add_argument("--pairs", type=Path, required=True, help="to write: a folder a test set, with lr/ and hr/")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Cut the patches, shrink the test pictures."""
    from pipeline.data.patches import cut, write_pairs
    from pipeline.data.pictures import Pictures
    from pipeline.files import atomic_directory

    scale: Scale = settings["scale"]
    learned = Pictures(options.pictures / settings["train"])
    cut(learned, scale.factor, scale.patch, scale.per_picture, scale.seed, options.patches)
    with atomic_directory(options.pairs) as folder:
        for name in settings["test"]:
            write_pairs(Pictures(options.pictures / name), scale.factor, folder / name)
