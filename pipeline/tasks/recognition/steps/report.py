"""The recognition section of the report: findings, tables and figures from what the other steps wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.degradations import Degradation
from pipeline.face_networks import Network
from pipeline.params.equivalence import EquivalenceMargin
from pipeline.params.networks import Seed
from pipeline.params.variants import Entry
from pipeline.tasks.recognition.params.teachers import OwnNetwork, TeacherNetwork

SLICES = {
    "degradation": ("recognition.degradation", Degradation),
    "teacher_seeds": ("recognition.teacher.seeds", list[Seed]),
    "teacher": ("recognition.teacher.network", TeacherNetwork),
    "seeds": ("seeds", list[Seed]),
    "networks": ("recognition.networks", dict[str, Network]),
    "baselines": ("recognition.baselines", dict[str, Entry]),
    "students": ("recognition.students", dict[str, Entry]),
    "equivalence_margin": ("recognition.evaluation.equivalence_margin", EquivalenceMargin | None),
}


def run(
    settings: dict[str, Any],
    *,
    evaluations: Path,
    losses: Path,
    out: Path,
    efficiency: Path,
    notes: Path,
    contact_sheet: Path,
) -> None:
    """Write section.json, figures/, metrics.csv and accuracy.csv.

    Args:
        evaluations: VARIANT/SEED/ folders of evaluate
        losses: VARIANT/SEED/losses.csv of the trainings
        out: the folder of the section, to write
        efficiency: the table of times, .csv
        notes: what tables call the faces, .json
        contact_sheet: the faces, .png
    """
    from pipeline.data.faceset import read_notes
    from pipeline.tasks.recognition.report import section as recognition

    variants, teacher = settings["baselines"] | settings["students"], settings["teacher"]
    faces = read_notes(notes)
    inputs = recognition.Inputs(
        evaluations=evaluations,
        losses=losses,
        efficiency=efficiency,
        contact_sheet=contact_sheet,
        variants={name: variant.model_dump() for name, variant in variants.items()},
        seeds=settings["seeds"],
        equivalence_margin=settings["equivalence_margin"],
        own_teacher=teacher.file if isinstance(teacher, OwnNetwork) else None,
        teacher_seeds=settings["teacher_seeds"],
        qualities=settings["degradation"].qualities,
        dataset=settings["degradation"].named(faces.name),
        rendered=faces.rendered,
        people_known=faces.people_known,
        remarks=faces.remarks,
        networks={name: _network(variant, settings["networks"]) for name, variant in variants.items()},
    )
    recognition.write(inputs, out)


def _network(variant: Entry, networks: dict[str, Network]) -> str:
    """The name under which the variant's network was timed."""
    return next((name for name, network in networks.items() if network == variant.network), "student")
