"""Make pictures small: patches to learn from, whole pairs to judge by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.tasks.super_resolution.params.group import Scale

SLICES = {
    "scale": ("super_resolution.scales.{scale}", Scale),
    "train": ("super_resolution.train", str),
    "test": ("super_resolution.test", list[str]),
}


def run(
    settings: dict[str, Any],
    *,
    scale: str,
    pictures: Path,
    patches: Path,
    pairs: Path,
) -> None:
    """Cut the patches, shrink the test pictures.

    Args:
        scale: the entry in params.yaml
        pictures: the folder with one folder per set
        patches: to write: lr.npy and hr.npy
        pairs: to write: one folder per test set, with lr/ and hr/
    """
    from pipeline.data.patches import cut, write_pairs
    from pipeline.data.pictures import Pictures
    from pipeline.files import atomic_directory

    small: Scale = settings["scale"]
    learned = Pictures(pictures / settings["train"])
    cut(learned, small.factor, small.patch, small.per_picture, small.seed, patches)
    with atomic_directory(pairs) as folder:
        for name in settings["test"]:
            write_pairs(Pictures(pictures / name), small.factor, folder / name)
