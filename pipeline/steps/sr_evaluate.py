"""Judge one network of super-resolution: picture quality, and recognition of the faces that it enlarged."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.evaluation import Evaluation
from pipeline.params.faces import Degradation
from pipeline.params.pictures import ArchivePictures, FacePictures
from pipeline.params.superresolution import PictureEvaluation, Scale

SLICES = {
    "scale": ("superresolution.scales.{scale}", Scale),
    "test": ("superresolution.test", list[str]),
    "pictures": ("superresolution.pictures", dict[str, ArchivePictures]),
    "face_pictures": ("superresolution.faces", dict[str, FacePictures]),
    "evaluation": ("superresolution.evaluation", PictureEvaluation),
    "degradation": ("recognition.degradation", Degradation),
    "recognition": ("recognition.evaluation", Evaluation),
}
FLOOR = "bicubic"


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--variant", required=True, help=f"the name in the tables; {FLOOR}: no network, the floor")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--scale", required=True, help="the entry in params.yaml")
    parser.add_argument("--model", type=Path, help=f"weights, .safetensors; not with {FLOOR}")
    parser.add_argument("--small-and-large", type=Path, required=True, help="the folder with a folder a test set")
    parser.add_argument("--recogniser", type=Path, required=True, help="a face network, .safetensors")
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--degraded", type=Path, required=True, help="the folder with the degraded ones")
    parser.add_argument("--index", type=Path, required=True, help="the index of the faces, .csv")
    parser.add_argument("--pairs", type=Path, required=True, help="the pairs to verify, .csv")
    parser.add_argument("--notes", type=Path, required=True, help="what tables call the faces, .json")
    parser.add_argument("--metrics", type=Path, required=True, help="to write: the tidy table, .csv")
    parser.add_argument("--pictures", type=Path, required=True, help="to write: a row a test picture, .csv")
    parser.add_argument("--scores", type=Path, required=True, help="to write: a row a pair of faces, .csv")
    parser.add_argument("--samples", type=Path, required=True, help="to write: pictures, .npz")
    parser.add_argument("--run", type=Path, required=True, help="to write: device, versions, architecture, .json")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Evaluate the last epoch."""
    from pipeline.errors import InputError
    from pipeline.tasks.superresolution.evaluation import Outputs, evaluate
    from pipeline.tasks.superresolution.recognising import Recognition

    if (options.model is None) != (options.variant == FLOOR):
        raise InputError(f"--model {options.model} with --variant {options.variant}: expected one but for {FLOOR}")
    sets = settings["pictures"] | settings["face_pictures"]
    evaluate(
        variant=options.variant,
        seed=options.seed,
        scale=options.scale,
        factor=settings["scale"].factor,
        model=options.model,
        pairs=options.small_and_large,
        sets={name: sets[name] for name in settings["test"]},
        samples=settings["evaluation"].sample_pictures,
        recognition=Recognition(
            recogniser=options.recogniser,
            faces=options.faces,
            degraded=options.degraded,
            index=options.index,
            pairs=options.pairs,
            notes=options.notes,
            degradation=settings["degradation"],
            evaluation=settings["recognition"],
        ),
        outputs=Outputs(
            **{name: getattr(options, name) for name in ("metrics", "pictures", "scores", "samples", "run")}
        ),
    )
