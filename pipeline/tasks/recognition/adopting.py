"""A user's teacher: used as it is, with a head for the identities of the training faces."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.data.pixels import QualityArrays
from pipeline.device import autocast, select_device, select_dtype
from pipeline.errors import InputError
from pipeline.face_losses import Margin
from pipeline.files import write_text
from pipeline.models.freezing import freeze
from pipeline.models.onnx_process import LARGEST
from pipeline.params.networks import Precision
from pipeline.progress import Progress
from pipeline.provenance import provenance
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.adapting import adapt, program_network
from pipeline.tasks.recognition.faces import TrainingFaces, training_faces
from pipeline.tasks.recognition.params.teachers import OwnNetwork

BATCH_SIZE = 256


def adopt(
    *, seed: int, own: Path, faces: Path, index: Path, model: Path, losses: Path, network: OwnNetwork, loss: Margin
) -> None:
    """Write a checkpoint of the network in the folder ``own``, its card, and a table of losses without an epoch.

    Its head is not learned: an identity's weight is the centre of its faces (see ``centres``), the scale and margin
    are those that all share [ours]. Raises InputError where the file is missing, damaged, or no network from faces to
    embeddings.
    """
    device = select_device()
    people = training_faces(index)
    arrays = QualityArrays(faces, None, [1], device)
    arrays.check_index(index, people.indexed)
    taken = take(network, own, arrays.size, arrays.channels)
    dtype = select_dtype(device, taken.precision)
    freeze(taken.network.to(device))
    weight = centres(taken.network, arrays, people, dtype, network.file)
    head = networks.build_head(loss, weight.shape[1], len(people.identities))
    head.load_state_dict({"weight": weight})
    card = taken.card | {"loss": loss.model_dump(), "identities": people.identities, "seed": seed}
    classifier = networks.FaceClassifier(taken.network, head, card)
    made_with = {"name": "teacher", "training": {"precision": taken.precision}}
    networks.save({None: classifier}, model, provenance(device, dtype, taken.network) | made_with)
    write_text(losses, "epoch,learning_rate,total\n")  # nothing was trained: a table of no epochs


@dataclass(frozen=True)
class Taken:
    """A user's network for the prepared faces, what its card says of it, and the precision that it was made for."""

    network: networks.FaceNetwork
    card: dict[str, Any]
    precision: Precision


def take(settings: OwnNetwork, folder: Path, size: int, channels: int) -> Taken:
    """The network in the file in ``folder``, for prepared faces of ``size`` pixels per side. Raises InputError as adopt."""
    path = folder / settings.file
    try:
        with open(path, "rb") as file:
            # A checkpoint is read later, by what its header says; an ONNX model is at most so large.
            content = b"" if settings.is_checkpoint else file.read(LARGEST)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error} (expected the teacher's file)") from error
    adopted: dict[str, Any] = {"file": settings.file, "sha256": digest}
    ours = {"image_size": size, "channels": channels}
    if not settings.is_checkpoint:
        # Where it was fetched from concerns nobody who reads the card.
        described = settings.model_copy(update={"address": None, "sha256": None}).model_dump(exclude_none=True)
        return Taken(program_network(settings, content), ours | {"network": described, "adopted": adopted}, "float32")
    source = networks.load(path)
    if source.card.get("adopted") is not None:
        raise InputError(f"{path}: was itself adopted from {source.card['adopted']['file']}, expected that file")
    made_for = source.card["image_size"], source.card["channels"]
    adopted |= {"image_size": made_for[0], "channels": made_for[1]}
    network = adapt(source.network, made_for, (size, channels))
    precision = networks.precision_of(source.card, path)
    return Taken(network, ours | {"network": source.card["network"], "adopted": adopted}, precision)


@torch.no_grad()
def centres(
    network: networks.FaceNetwork, arrays: QualityArrays, faces: TrainingFaces, dtype: torch.dtype, name: str
) -> Tensor:
    """(identities, D): the normalised mean of an identity's normalised embeddings, sharp, plain and mirrored."""
    sums: Tensor | None = None
    progress = Progress(f"{name}: centres of the identities", len(faces.faces))
    for rows in torch.arange(len(faces.faces)).split(BATCH_SIZE):
        for mirrored in (False, True):
            numbers = faces.faces[rows]
            inputs = arrays.batch(numbers, torch.ones_like(numbers), torch.full((len(rows),), mirrored))
            with autocast(arrays.device, dtype):
                embedding = network(inputs)
            directions = functional.normalize(embedding.double(), dim=1).cpu()
            if not directions.isfinite().all():
                raise InputError(f"{name}: gives NaN or infinite embeddings, expected finite numbers")
            if sums is None:
                sums = torch.zeros(len(faces.identities), directions.shape[1], dtype=torch.float64)
            sums.index_add_(0, faces.labels[rows], directions)  # on the CPU, where the order of sums is fixed
        progress.advance(len(rows), "sharp faces", {})
    progress.close()
    return functional.normalize(sums, dim=1).float()
