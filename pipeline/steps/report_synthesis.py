"""The photo-sketch section of the report on one collection: findings, tables, figures from the other steps' results."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.networks import Seed
from pipeline.params.synthesis import Domain, DomainTeacher
from pipeline.params.synthesis_teachers import SynthesisTeacher
from pipeline.params.synthesis_variants import SynthesisVariant

SLICES = {
    "baselines": ("synthesis.baselines", dict[str, SynthesisVariant]),
    "students": ("synthesis.students", dict[str, SynthesisVariant]),
    "domains": ("synthesis.teacher.domains", dict[Domain, DomainTeacher]),
    "teacher": ("synthesis.teacher.network", SynthesisTeacher),
    "seeds": ("seeds", list[Seed]),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--collection", required=True, help="the entry in params.yaml, for the title")
    parser.add_argument("--evaluations", type=Path, required=True, help="VARIANT/SEED/ folders of the evaluations")
    parser.add_argument("--losses", type=Path, required=True, help="VARIANT/SEED/losses.csv of the trainings")
    parser.add_argument("--teacher-losses", type=Path, required=True, help="DOMAIN/losses.csv of the teachers")
    parser.add_argument("--efficiency", type=Path, required=True, help="the table of times, .csv")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the section, to write")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Write section.json, figures/ and metrics.csv."""
    from pipeline.report import synthesis

    variants = settings["baselines"] | settings["students"]
    inputs = synthesis.Inputs(
        evaluations=options.evaluations,
        losses=options.losses,
        teacher_losses=options.teacher_losses,
        efficiency=options.efficiency,
        collection=options.collection,
        variants={name: variant.model_dump() for name, variant in variants.items()},
        seeds=settings["seeds"],
        domains=list(settings["domains"]),
        teacher=settings["teacher"].model_dump(),
    )
    synthesis.write(inputs, options.out)
