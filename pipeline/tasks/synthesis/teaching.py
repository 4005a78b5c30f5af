"""How a teacher learns to tell people apart: by their photos, by drawings of these photos, or by both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.data.arrays import open_faces
from pipeline.device import autocast
from pipeline.errors import InputError
from pipeline.face_losses import Margin
from pipeline.models.vgg import repeat_grey
from pipeline.params.networks import Training
from pipeline.params.vgg import VGG
from pipeline.tasks.recognition.faces import training_faces
from pipeline.tasks.synthesis import networks
from pipeline.tasks.synthesis.networks import Taught
from pipeline.tasks.synthesis.pairs import Pictures, draw_places, numbers_of
from pipeline.tasks.synthesis.params.group import Domain
from pipeline.tasks.synthesis.params.variants import Augmentation
from pipeline.trained import Recipe, Run
from pipeline.training import Task, sgd


class FaceIdentities(Task):
    """Margin softmax on the teacher's embeddings, SGD."""

    def __init__(
        self,
        taught: Taught,
        pictures: Pictures,
        labels: np.ndarray,
        settings: Training,
        augmentation: Augmentation,
        dtype: torch.dtype,
        *,
        chosen: Sequence[int] | None = None,
    ) -> None:
        """``pictures`` holds "photos", "drawings" (drawing i of photo i) or both, as the card of the teacher says.

        ``labels``: identities (N,), from 0 on, one a chosen picture; ``chosen`` are the pictures to learn from, by
        number. Raises InputError where these do not fit.
        """
        card = taught.card
        self.domains = ["photos", "drawings"] if card["domain"] == "both" else [card["domain"]]
        for name in self.domains:
            channels = pictures.channels.get(name)
            if channels not in (1, card["channels"]) or pictures.side != card["image_size"]:
                given = "nothing" if channels is None else f"side {pictures.side}, {channels} channels"
                expected = f"side {card['image_size']}, {card['channels']} channels, or grey"
                raise InputError(f"{name}: {given} found, expected {expected}")
        self.numbers = numbers_of(pictures.count, chosen, "faces")
        self.samples = len(self.numbers)
        self.labels = torch.as_tensor(np.asarray(labels), dtype=torch.long)
        if len(self.labels) != self.samples or self.labels.min() < 0 or self.labels.max() >= card["identities"]:
            raise InputError(
                f"labels: {len(self.labels)} from {int(self.labels.min())} to {int(self.labels.max())} found, expected"
                f" {self.samples} from 0 to {card['identities'] - 1}"
            )
        device = pictures.device
        self.network, self.head = taught.network.to(device), taught.head.to(device)
        self.modules = {"network": self.network, "head": self.head}
        self.optimisers = {"sgd": sgd([self.network, self.head], settings)}
        self.pictures, self.augmentation, self.device, self.dtype = pictures, augmentation, device, dtype
        self.channels = card["channels"]

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Of both domains the first half of a batch are photos, the rest drawings."""
        rows_, columns = draw_places(len(rows), self.pictures.side, self.augmentation, rng)
        half = len(rows) // len(self.domains)
        parts = [slice(0, half), slice(half, None)][: len(self.domains)]
        drawn = [
            self.pictures.draw(name, self.numbers[rows[part]], (rows_[part], columns[part]))
            for name, part in zip(self.domains, parts, strict=True)
        ]
        inputs = torch.cat([repeat_grey(pictures, self.channels) for pictures in drawn])
        with autocast(self.device, self.dtype):
            embedding = self.network(inputs)
        yield "sgd", self.head.losses(embedding, self.labels[rows].to(self.device))


@dataclass(kw_only=True)
class TeacherRecipe(Recipe):
    """The training of a teacher on the face identities of the recognition task."""

    domain: Domain
    faces: Path  # sharp, .npy
    drawings: Path  # of each face, .npy; not read for the domain of photos
    index: Path  # of the faces, .csv
    network: VGG
    margin: Margin
    training: Training
    augmentation: Augmentation
    trained: Taught = field(init=False)

    def reads(self) -> list[Path]:
        return [self.faces, self.index, *([] if self.domain == "photos" else [self.drawings])]

    def settings(self) -> dict[str, Any]:
        return {
            "network": self.network.model_dump(),
            "margin": self.margin.model_dump(),
            "training": self.training.model_dump(),
            "augmentation": self.augmentation.model_dump(),
        }

    def runs(self, device: torch.device, dtype: torch.dtype) -> Iterator[Run]:
        people, photos = training_faces(self.index), open_faces(self.faces)
        if len(photos) != people.indexed:
            raise InputError(
                f"{self.index}: {people.indexed} rows, expected {len(photos)}, one per face of {self.faces}"
            )
        arrays = {"photos": photos}
        if self.domain != "photos":
            arrays["drawings"] = open_faces(self.drawings)
        try:
            self.trained = networks.build_teacher(
                self.network, self.margin, domain=self.domain, image_size=photos.shape[1], channels=photos.shape[3],
                identities=len(people.identities), seed=self.seed,
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"synthesis.teacher.network.{error}") from None
        task = FaceIdentities(
            self.trained, Pictures(device, **arrays), people.labels.numpy(), self.training, self.augmentation, dtype,
            chosen=people.faces.numpy(),
        )  # fmt: skip
        yield Run(task, self.training, self.seed)
