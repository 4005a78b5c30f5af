"""The visual recognition section of the report for one set: findings, tables, figures from the other steps' results."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.classification import ClassEvaluation, ClassVariant
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.networks import Seed

SLICES = {
    "teacher_seed": ("classification.teacher.seed", Seed),
    "seeds": ("seeds", list[Seed]),
    "baselines": ("classification.baselines", dict[str, ClassVariant]),
    "students": ("classification.students", dict[str, ClassVariant]),
    "networks": ("classification.networks", dict[str, ClassifierNetwork]),
    "evaluation": ("classification.evaluation", ClassEvaluation),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--set", required=True, help="the entry in params.yaml")
    parser.add_argument("--evaluations", type=Path, required=True, help="VARIANT/SEED/ folders of the evaluations")
    parser.add_argument("--losses", type=Path, required=True, help="VARIANT/SEED/losses.csv of the trainings")
    parser.add_argument("--efficiency", type=Path, required=True, help="the table of times, .csv")
    parser.add_argument("--data", type=Path, required=True, help="the folder with images.npy, for the sample sheet")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the section, to write")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Write section.json, figures/ and metrics.csv."""
    from pipeline.report import classification

    groups = ("baselines", "students")
    variants = {name: one.model_dump() for group in groups for name, one in settings[group].items()}
    networks = {name: network.model_dump() for name, network in settings["networks"].items()}
    inputs = classification.Inputs(
        name=options.set,
        evaluations=options.evaluations,
        losses=options.losses,
        efficiency=options.efficiency,
        data=options.data,
        variants=variants,
        seeds=settings["seeds"],
        teacher_seed=settings["teacher_seed"],
        networks={
            name: next((key for key, network in networks.items() if network == variant["network"]), "student")
            for name, variant in variants.items()
        },
        sample_images=settings["evaluation"].sample_images,
    )
    classification.write(inputs, options.out)
