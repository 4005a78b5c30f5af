"""Ask the teacher once what it knows of every training face, plain and mirrored; students read the answers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

SLICES = {"keep_maps": ("recognition.teacher_outputs.keep_maps", bool)}
BATCH_SIZE = 256


def arguments(parser: ArgumentParser) -> None:
    """Options of the command line."""
    parser.add_argument("--teacher", type=Path, required=True, help="the teacher's weights, .safetensors")
    parser.add_argument("--faces", type=Path, required=True, help="sharp faces, .npy")
    parser.add_argument("--index", type=Path, required=True, help="the index of the faces, .csv")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the answers")


def run(options: Namespace, settings: dict[str, Any]) -> None:
    """Write embeddings, and the attention maps where params.yaml keeps them."""
    from pipeline.data.pixels import QualityArrays
    from pipeline.device import select_device, select_dtype
    from pipeline.tasks.recognition import knowledge, networks
    from pipeline.tasks.recognition.faces import training_faces

    device = select_device()
    teacher, people = networks.load(options.teacher), training_faces(options.index)
    arrays = QualityArrays(options.faces, None, [1], device)
    arrays.check_index(options.index, people.indexed)
    arrays.check_network(options.teacher, teacher.card["image_size"], teacher.card["channels"])
    knowledge.store(
        teacher,
        arrays,
        people,
        options.out,
        keep_maps=settings["keep_maps"],
        batch_size=BATCH_SIZE,
        dtype=select_dtype(device, networks.precision_of(teacher.card, options.teacher)),
    )
