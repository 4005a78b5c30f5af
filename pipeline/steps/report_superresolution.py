"""The super-resolution section of the report at one scale: findings, tables, figures from the other steps' results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.networks import Seed
from pipeline.params.pictures import ArchivePictures
from pipeline.params.superresolution import Baseline, Scale
from pipeline.params.superresolution_networks import SuperResolutionNetwork

SLICES = {
    "scale": ("superresolution.scales.{scale}", Scale),
    "teacher_seed": ("superresolution.teacher.seed", Seed),
    "seeds": ("seeds", list[Seed]),
    "baselines": ("superresolution.baselines", dict[str, Baseline]),
    "students": ("superresolution.students", dict[str, Any]),  # their methods were checked before the run
    "networks": ("superresolution.networks", dict[str, SuperResolutionNetwork]),
    "train": ("superresolution.train", str),
    "test": ("superresolution.test", list[str]),
    "pictures": ("superresolution.pictures", dict[str, ArchivePictures]),
    "recognition_baselines": ("recognition.baselines", dict[str, Any]),
    "recognition_students": ("recognition.students", dict[str, Any]),
    "recognition_seeds": ("recognition.teacher.seeds", list[Seed]),
}


def run(
    settings: dict[str, Any],
    *,
    scale: str,
    evaluations: Path,
    losses: Path,
    efficiency: Path,
    recognition_evaluations: Path,
    out: Path,
    pictures: Path | None = None,
) -> None:
    """Write section.json, figures/ and metrics.csv.

    Args:
        scale: the entry in params.yaml
        evaluations: VARIANT/SEED/ folders of the evaluations
        losses: VARIANT/SEED/losses.csv of the trainings
        efficiency: the table of times, .csv
        recognition_evaluations: VARIANT/SEED/ folders of the recognition task
        out: the folder of the section, to write
        pictures: the folder with one folder per set, for what preparing them came upon; without it that is not said
    """
    from pipeline.data.pictures import read_remarks
    from pipeline.report import superresolution

    baselines = {name: variant.model_dump() for name, variant in settings["baselines"].items()}
    variants = baselines | settings["students"]
    networks = {name: network.model_dump() for name, network in settings["networks"].items()}
    archive = settings["pictures"].get(settings["train"])
    used = [] if pictures is None else [settings["train"], *settings["test"]]
    inputs = superresolution.Inputs(
        evaluations=evaluations,
        losses=losses,
        efficiency=efficiency,
        recognition=recognition_evaluations,
        scale=scale,
        factor=settings["scale"].factor,
        variants=variants,
        seeds=settings["seeds"],
        teacher_seed=settings["teacher_seed"],
        sets=settings["test"],
        train=archive.label if archive else f"{settings['train']}, faces of the recognition task",
        remarks=[one for name in dict.fromkeys(used) for one in read_remarks(pictures / name)],
        readers=[*settings["recognition_baselines"], *settings["recognition_students"]],
        recogniser_seed=settings["recognition_seeds"][0],
        networks={
            name: next((key for key, network in networks.items() if network == variant.get("network")), "student")
            for name, variant in variants.items()
        },
    )
    superresolution.write(inputs, out)
