"""Judge both directions of one variant: likeness to the true pictures, and recognition of the people in them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.synthesis import SynthesisEvaluation

SLICES = {"evaluation": ("synthesis.evaluation", SynthesisEvaluation)}
FLOOR = "copy"


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--collection", required=True, help="the entry in params.yaml, for the log")
    parser.add_argument("--variant", required=True, help=f"the name in the tables; {FLOOR}: no network, the floor")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--model", type=Path, help=f"weights, .safetensors; not with {FLOOR}")
    parser.add_argument("--training-losses", type=Path, help=f"losses of its training, .csv; not with {FLOOR}")
    parser.add_argument("--photo-sketch-pairs", type=Path, required=True, help="the folder with photos.npy and sketches.npy")
    parser.add_argument("--recogniser", type=Path, required=True, help="a face network, .safetensors")
    parser.add_argument("--metrics", type=Path, required=True, help="to write: the tidy table, .csv")
    parser.add_argument("--pictures", type=Path, required=True, help="to write: a row a test picture, .csv")
    parser.add_argument("--dimensions", type=Path, required=True, help="to write: rank-1 by split and dimension, .csv")
    parser.add_argument("--scores", type=Path, required=True, help="to write: a row a pair of faces, .csv")
    parser.add_argument("--samples", type=Path, required=True, help="to write: pictures, .npz")
    parser.add_argument("--run", type=Path, required=True, help="to write: device, versions, health, .json")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Evaluate the last epoch."""
    from pipeline.errors import InputError
    from pipeline.tasks.synthesis.evaluation import Outputs, evaluate

    for name, given in (("model", options.model), ("training-losses", options.training_losses)):
        if (given is None) != (options.variant == FLOOR):
            raise InputError(f"--{name} {given} with --variant {options.variant}: expected one but for {FLOOR}")
    written = ("metrics", "pictures", "dimensions", "scores", "samples", "run")
    evaluate(
        variant=options.variant,
        seed=options.seed,
        model=options.model,
        losses=options.training_losses,
        pairs=options.photo_sketch_pairs,
        recogniser=options.recogniser,
        settings=settings["evaluation"],
        outputs=Outputs(**{name: getattr(options, name) for name in written}),
    )
