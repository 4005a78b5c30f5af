"""Ask the teacher once what it knows of every training face, plain and mirrored; students read the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SLICES = {"keep_maps": ("recognition.teacher_outputs.keep_maps", bool)}
BATCH_SIZE = 256


def run(
    settings: dict[str, Any],
    *,
    teacher: Path,
    faces: Path,
    index: Path,
    out: Path,
) -> None:
    """Write embeddings, and the attention maps where params.yaml keeps them.

    Args:
        teacher: the teacher's weights, .safetensors
        faces: sharp faces, .npy
        index: the index of the faces, .csv
        out: the folder for the answers
    """
    from pipeline.data.pixels import QualityArrays
    from pipeline.device import select_device, select_dtype
    from pipeline.tasks.recognition import knowledge, networks
    from pipeline.tasks.recognition.faces import training_faces

    device = select_device()
    network, people = networks.load(teacher), training_faces(index)
    arrays = QualityArrays(faces, None, [1], device)
    arrays.check_index(index, people.indexed)
    arrays.check_network(teacher, network.card["image_size"], network.card["channels"])
    knowledge.store(
        network,
        arrays,
        people,
        out,
        keep_maps=settings["keep_maps"],
        batch_size=BATCH_SIZE,
        dtype=select_dtype(device, networks.precision_of(network.card, teacher)),
    )
