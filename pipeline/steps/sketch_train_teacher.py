"""Train a teacher of photo-sketch synthesis on face identities, in photos, drawings or both; or take over VGG-19."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.losses import Margin
from pipeline.params.networks import Training
from pipeline.params.synthesis import DomainTeacher
from pipeline.params.synthesis_teachers import SynthesisTeacher
from pipeline.params.synthesis_variants import Augmentation

SLICES = {
    "own": ("synthesis.teacher.domains.{domain}", DomainTeacher),
    "network": ("synthesis.teacher.network", SynthesisTeacher),
    "margin": ("synthesis.teacher.margin", Margin),
    "training": ("synthesis.teacher.training", Training),
    "augmentation": ("synthesis.teacher.augmentation", Augmentation),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--domain", required=True, choices=["photos", "drawings", "both"], help="what it learns to know")
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--drawings", type=Path, required=True, help="a drawing of each, .npy")
    parser.add_argument("--index", type=Path, required=True, help="the index of the faces, .csv")
    parser.add_argument("--cache", type=Path, required=True, help="where downloads are kept, finished or not")
    parser.add_argument("--drop-in", type=Path, required=True, help="where files got by hand are put")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch."""
    if settings["network"].architecture == "vgg19":
        _adopt(options, settings)
        return
    from pipeline.tasks.synthesis.run import train_teacher

    own: DomainTeacher = settings.pop("own")
    train_teacher(
        domain=options.domain,
        seed=own.seed,
        faces=options.faces,
        drawings=options.drawings,
        index=options.index,
        model=options.model,
        losses=options.losses,
        **settings,
    )


def _adopt(options: Namespace, settings: dict[str, Any]) -> None:
    import pandas as pd

    from pipeline.device import select_device, select_dtype
    from pipeline.files import write_csv
    from pipeline.provenance import provenance
    from pipeline.tasks.synthesis.adopting import adopt

    device = select_device()
    made_with = provenance(device, select_dtype(device, settings["training"].precision))
    adopt(settings["network"], options.cache, options.drop_in, options.model, made_with)
    write_csv(options.losses, pd.DataFrame(columns=["epoch", "learning_rate", "total"]))  # nothing was learned here
