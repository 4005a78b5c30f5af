"""The photo-sketch section of the report on one collection: findings, tables, figures from the other steps' results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.params.equivalence import EquivalenceMargin
from pipeline.params.networks import Seed
from pipeline.params.vgg import SynthesisTeacher
from pipeline.tasks.synthesis.params.group import Domain, DomainTeacher
from pipeline.tasks.synthesis.params.variants import SynthesisVariant

SLICES = {
    "baselines": ("synthesis.baselines", dict[str, SynthesisVariant]),
    "students": ("synthesis.students", dict[str, SynthesisVariant]),
    "domains": ("synthesis.teacher.domains", dict[Domain, DomainTeacher]),
    "teacher": ("synthesis.teacher.network", SynthesisTeacher),
    "seeds": ("seeds", list[Seed]),
    "equivalence_margin": ("synthesis.evaluation.equivalence_margin", EquivalenceMargin | None),
}


def run(
    settings: dict[str, Any],
    *,
    collection: str,
    evaluations: Path,
    losses: Path,
    teacher_losses: Path,
    efficiency: Path,
    out: Path,
) -> None:
    """Write section.json, figures/ and metrics.csv.

    Args:
        collection: the entry in params.yaml, for the title
        evaluations: VARIANT/SEED/ folders of the evaluations
        losses: VARIANT/SEED/losses.csv of the trainings
        teacher_losses: DOMAIN/losses.csv of the teachers
        efficiency: the table of times, .csv
        out: the folder of the section, to write
    """
    from pipeline.tasks.synthesis.report import section as synthesis

    variants = settings["baselines"] | settings["students"]
    inputs = synthesis.Inputs(
        evaluations=evaluations,
        losses=losses,
        teacher_losses=teacher_losses,
        efficiency=efficiency,
        collection=collection,
        variants={name: variant.model_dump() for name, variant in variants.items()},
        seeds=settings["seeds"],
        equivalence_margin=settings["equivalence_margin"],
        domains=list(settings["domains"]),
        architecture=settings["teacher"].model_dump(),
    )
    synthesis.write(inputs, out)
