"""The super-resolution section of the report at one scale: findings, tables, figures from the other steps' results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.equivalence import EquivalenceMargin
from pipeline.params.networks import Seed
from pipeline.params.pictures import ArchivePictures
from pipeline.params.super_resolution_networks import SuperResolutionNetwork
from pipeline.tasks.super_resolution.params.group import Baseline, Scale

SLICES = {
    "scale": ("super_resolution.scales.{scale}", Scale),
    "teacher_seed": ("super_resolution.teacher.seed", Seed),
    "seeds": ("seeds", list[Seed]),
    "baselines": ("super_resolution.baselines", dict[str, Baseline]),
    "students": ("super_resolution.students", dict[str, Any]),  # their methods were checked before the run
    "networks": ("super_resolution.networks", dict[str, SuperResolutionNetwork]),
    "train": ("super_resolution.train", str),
    "test": ("super_resolution.test", list[str]),
    "pictures": ("super_resolution.pictures", dict[str, ArchivePictures]),
    "recognition_baselines": ("recognition.baselines", dict[str, Any]),
    "recognition_students": ("recognition.students", dict[str, Any]),
    "recognition_seeds": ("recognition.teacher.seeds", list[Seed]),
    "equivalence_margin": ("super_resolution.evaluation.equivalence_margin", EquivalenceMargin | None),
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
    from pipeline.tasks.super_resolution.report import section as super_resolution

    baselines = {name: variant.model_dump() for name, variant in settings["baselines"].items()}
    variants = baselines | settings["students"]
    networks = {name: network.model_dump() for name, network in settings["networks"].items()}
    archive = settings["pictures"].get(settings["train"])
    used = [] if pictures is None else [settings["train"], *settings["test"]]
    inputs = super_resolution.Inputs(
        evaluations=evaluations,
        losses=losses,
        efficiency=efficiency,
        recognition=recognition_evaluations,
        scale=scale,
        factor=settings["scale"].factor,
        variants=variants,
        seeds=settings["seeds"],
        equivalence_margin=settings["equivalence_margin"],
        teacher_seed=settings["teacher_seed"],
        sets=settings["test"],
        train=archive.label if archive else f"{settings['train']}, faces of the recognition task",
        remarks=[remark for name in dict.fromkeys(used) for remark in read_remarks(pictures / name)],
        readers=[*settings["recognition_baselines"], *settings["recognition_students"]],
        recogniser_seed=settings["recognition_seeds"][0],
        networks={
            name: next((key for key, network in networks.items() if network == variant.get("network")), "student")
            for name, variant in variants.items()
        },
    )
    super_resolution.write(inputs, out)
