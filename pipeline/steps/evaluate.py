"""Judge one network: verification and identification at each quality, its cost, and pictures of what it sees and where it looks."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.evaluation import Evaluation
from pipeline.params.faces import Degradation

SLICES = {
    "degradation": ("recognition.degradation", Degradation),
    "evaluation": ("recognition.evaluation", Evaluation),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--variant", required=True, help="the name in the tables")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--model", type=Path, required=True, help="weights, .safetensors")
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--degraded", type=Path, required=True, help="the folder with the degraded ones")
    parser.add_argument("--index", type=Path, required=True, help="the index of the faces, .csv")
    parser.add_argument("--pairs", type=Path, required=True, help="the pairs to verify, .csv")
    parser.add_argument("--searches", type=Path, required=True, help="the probes and galleries to search, .csv")
    parser.add_argument("--notes", type=Path, required=True, help="what tables call the faces, .json")
    parser.add_argument("--metrics", type=Path, required=True, help="to write: the tidy table, .csv")
    parser.add_argument("--scores", type=Path, required=True, help="to write: a row a pair and quality, .csv")
    parser.add_argument("--ranks", type=Path, required=True, help="to write: a row a probe and quality, .csv")
    parser.add_argument("--samples", type=Path, required=True, help="to write: pictures and maps, .npz")
    parser.add_argument("--run", type=Path, required=True, help="to write: device, versions, architecture, .json")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Evaluate the last epoch."""
    from pipeline.tasks.recognition.evaluation import evaluate

    paths = {name: value for name, value in vars(options).items() if name not in ("params", "variant", "seed")}
    evaluate(variant=options.variant, seed=options.seed, **paths, **settings)
