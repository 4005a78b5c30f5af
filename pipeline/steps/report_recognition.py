"""The recognition section of the report: findings, tables and figures from what the other steps wrote."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.params.faces import Degradation
from pipeline.params.networks import Network, Seed
from pipeline.params.teachers import OwnNetwork, TeacherNetwork
from pipeline.params.variants import Entry

SLICES = {
    "degradation": ("recognition.degradation", Degradation),
    "teacher_seeds": ("recognition.teacher.seeds", list[Seed]),
    "teacher": ("recognition.teacher.network", TeacherNetwork),
    "seeds": ("seeds", list[Seed]),
    "networks": ("recognition.networks", dict[str, Network]),
    "baselines": ("recognition.baselines", dict[str, Entry]),
    "students": ("recognition.students", dict[str, Entry]),
}


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--evaluations", type=Path, required=True, help="VARIANT/SEED/ folders of evaluate")
    parser.add_argument("--losses", type=Path, required=True, help="VARIANT/SEED/losses.csv of the trainings")
    parser.add_argument("--efficiency", type=Path, required=True, help="the table of times, .csv")
    parser.add_argument("--notes", type=Path, required=True, help="what tables call the faces, .json")
    parser.add_argument("--contact-sheet", type=Path, required=True, help="the faces, .png")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the section, to write")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Write section.json, figures/, metrics.csv and accuracy.csv."""
    from pipeline.data.faceset import read_notes
    from pipeline.report import recognition

    variants, teacher = settings["baselines"] | settings["students"], settings["teacher"]
    notes = read_notes(options.notes)
    inputs = recognition.Inputs(
        evaluations=options.evaluations,
        losses=options.losses,
        efficiency=options.efficiency,
        contact_sheet=options.contact_sheet,
        variants={name: variant.model_dump() for name, variant in variants.items()},
        seeds=settings["seeds"],
        own_teacher=teacher.file if isinstance(teacher, OwnNetwork) else None,
        teacher_seeds=settings["teacher_seeds"],
        qualities=settings["degradation"].qualities,
        dataset=settings["degradation"].named(notes.name),
        rendered=notes.rendered,
        networks={name: _network(variant, settings["networks"]) for name, variant in variants.items()},
    )
    recognition.write(inputs, options.out)


def _network(variant: Entry, networks: dict[str, Network]) -> str:
    """The name under which the variant's network was timed."""
    return next((name for name, network in networks.items() if network == variant.network), "student")
