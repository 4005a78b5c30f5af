"""Judge a classifier on the test part: top-1, top-5, calibration, agreement with its teacher, and the teacher after."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.classification import ClassEvaluation

SLICES = {"evaluation": ("classification.evaluation", ClassEvaluation)}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml")
    parser.add_argument("--variant", required=True, help="the name in the tables")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the folder with images.npy")
    parser.add_argument("--model", type=Path, required=True, help="weights, .safetensors")
    parser.add_argument("--teacher", type=Path, help="weights, .safetensors; not for the teacher itself")
    parser.add_argument("--others", type=Path, help="the folder with what else its training left, if any")
    parser.add_argument("--metrics", type=Path, required=True, help="to write: the tidy table, .csv")
    parser.add_argument("--pictures", type=Path, required=True, help="to write: a row a test image, .csv")
    parser.add_argument("--reliability", type=Path, required=True, help="to write: accuracy by confidence, .csv")
    parser.add_argument("--run", type=Path, required=True, help="to write: device, versions, work, .json")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Evaluate the last epoch."""
    from pipeline.tasks.classification.evaluation import Outputs, evaluate

    evaluate(
        name=options.set,
        variant=options.variant,
        seed=options.seed,
        data=options.data,
        model=options.model,
        teacher=options.teacher,
        others=options.others,
        settings=settings["evaluation"],
        outputs=Outputs(**{name: getattr(options, name) for name in ("metrics", "pictures", "reliability", "run")}),
    )
