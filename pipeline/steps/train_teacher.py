"""Train the teacher: identities from sharp faces; or adopt one of the user's own, with a head for our identities."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.params.losses import Margin
from pipeline.params.networks import Training
from pipeline.params.teachers import OwnNetwork, TeacherNetwork
from pipeline.processes import is_first

SLICES = {
    "network": ("recognition.teacher.network", TeacherNetwork),
    "training": ("recognition.teacher.training", Training | None),
    "loss": ("recognition.margin", Margin),
}
SHARED = True  # by several processes, if they are asked for: pipeline.processes


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--own", type=Path, required=True, help="the folder with the file of the user's own teacher")
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--index", type=Path, required=True, help="the index of the faces, .csv")
    parser.add_argument("--model", type=Path, required=True, help="to write: weights, .safetensors, and .json")
    parser.add_argument("--losses", type=Path, required=True, help="to write: losses by epoch, .csv")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Train to the last epoch; one of the user's own is taken as it is."""
    network, training = settings["network"], settings.pop("training")
    paths = {name: getattr(options, name) for name in ("faces", "index", "model", "losses")}
    if isinstance(network, OwnNetwork):
        if not is_first():
            return
        from pipeline.tasks.recognition.adopting import adopt

        adopt(seed=options.seed, own=options.own, **paths, **settings)
        return
    from pipeline.tasks.recognition.run import train_identities

    if training is None:
        raise InputError("recognition.teacher.training is null, expected how the teacher is trained")
    train_identities(
        name="teacher", seed=options.seed, qualities=[1], degraded=None, training=training, **paths, **settings
    )
