"""The super-resolution section of the report at one scale: findings, tables, figures from the other steps' results."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.params.networks import Seed

SLICES = {
    "scales": ("superresolution.scales", list[int]),
    "teacher_seed": ("superresolution.teacher.seed", Seed),
    "seeds": ("seeds", list[Seed]),
    "baselines": ("superresolution.baselines", dict[str, Any]),
    "students": ("superresolution.students", dict[str, Any]),
    "networks": ("superresolution.networks", dict[str, Any]),
    "train": ("superresolution.train", Any),
    "test": ("superresolution.test", Any),
    "recognition_baselines": ("recognition.baselines", dict[str, Any]),
    "recognition_students": ("recognition.students", dict[str, Any]),
    "recognition_seeds": ("recognition.teacher.seeds", list[Seed]),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--scale", required=True, help="x2, x3, x4 or x8")
    parser.add_argument("--evaluations", type=Path, required=True, help="VARIANT/SEED/ folders of the evaluations")
    parser.add_argument("--losses", type=Path, required=True, help="VARIANT/SEED/losses.csv of the trainings")
    parser.add_argument("--efficiency", type=Path, required=True, help="the table of times, .csv")
    parser.add_argument(
        "--recognition-evaluations", type=Path, required=True, help="VARIANT/SEED/ folders of the recognition task"
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder of the section, to write")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Write section.json, figures/ and metrics.csv."""
    from pipeline.report import superresolution

    factors = {f"x{factor}": factor for factor in settings["scales"]}
    if options.scale not in factors:
        raise InputError(f"--scale {options.scale}: expected one of superresolution.scales, {', '.join(factors)}")
    variants = settings["baselines"] | settings["students"]
    inputs = superresolution.Inputs(
        evaluations=options.evaluations,
        losses=options.losses,
        efficiency=options.efficiency,
        recognition=options.recognition_evaluations,
        scale=options.scale,
        factor=factors[options.scale],
        variants=variants,
        seeds=settings["seeds"],
        teacher_seed=settings["teacher_seed"],
        sets=list(settings["test"]),
        train=_label(settings["train"]),
        readers=[*settings["recognition_baselines"], *settings["recognition_students"]],
        recogniser_seed=settings["recognition_seeds"][0],
        networks={name: _network(variant, settings["networks"]) for name, variant in variants.items()},
    )
    superresolution.write(inputs, options.out)


def _label(train: Any) -> str:
    """What tables call the training set: its label, or its name where it has none."""
    return str(train.get("label") or train.get("source")) if isinstance(train, dict) else str(train)


def _network(variant: dict[str, Any], networks: dict[str, Any]) -> str:
    """The name under which the variant's network was timed."""
    return next((name for name, network in networks.items() if network == variant.get("network")), "student")
