"""The classification section of the report for one set: findings, tables, figures from the other steps' results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.equivalence import EquivalenceMargin
from pipeline.params.networks import Seed
from pipeline.tasks.classification.params.group import ClassEvaluation, ClassVariant

SLICES = {
    "teacher_seed": ("classification.teacher.seed", Seed),
    "seeds": ("seeds", list[Seed]),
    "baselines": ("classification.baselines", dict[str, ClassVariant]),
    "students": ("classification.students", dict[str, ClassVariant]),
    "networks": ("classification.networks", dict[str, ClassifierNetwork]),
    "evaluation": ("classification.evaluation", ClassEvaluation),
    "equivalence_margin": ("classification.evaluation.equivalence_margin", EquivalenceMargin | None),
}


def run(
    settings: dict[str, Any],
    *,
    set: str,
    evaluations: Path,
    losses: Path,
    efficiency: Path,
    data: Path,
    out: Path,
) -> None:
    """Write section.json, figures/ and metrics.csv.

    Args:
        set: the entry in params.yaml
        evaluations: VARIANT/SEED/ folders of the evaluations
        losses: VARIANT/SEED/losses.csv of the trainings
        efficiency: the table of times, .csv
        data: the folder with images.npy, for the sample sheet
        out: the folder of the section, to write
    """
    from pipeline.tasks.classification.report import section as classification

    groups = ("baselines", "students")
    variants = {name: entry.model_dump() for group in groups for name, entry in settings[group].items()}
    networks = {name: network.model_dump() for name, network in settings["networks"].items()}
    inputs = classification.Inputs(
        name=set,
        evaluations=evaluations,
        losses=losses,
        efficiency=efficiency,
        data=data,
        variants=variants,
        seeds=settings["seeds"],
        equivalence_margin=settings["equivalence_margin"],
        teacher_seed=settings["teacher_seed"],
        networks={
            name: next((key for key, network in networks.items() if network == variant["network"]), "student")
            for name, variant in variants.items()
        },
        sample_images=settings["evaluation"].sample_images,
    )
    classification.write(inputs, out)
