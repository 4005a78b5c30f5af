"""How a network of recognition learns identities from faces at given qualities: the teacher and the baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from pipeline import together
from pipeline.data.pixels import QualityArrays
from pipeline.device import autocast
from pipeline.face_losses import Loss
from pipeline.face_networks import Network
from pipeline.models.resnext import Inside
from pipeline.params.networks import Training
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.faces import Batch, TrainingFaces, training_faces
from pipeline.tasks.recognition.networks import FaceClassifier
from pipeline.tasks.recognition.sampling import SeveralOfEach
from pipeline.trained import Log, Recipe, Run
from pipeline.training import Task, sgd


@dataclass(frozen=True)
class ShownFaces:
    """Training data: faces of people, each shown at a quality that is drawn evenly from ``qualities``."""

    arrays: QualityArrays
    people: TrainingFaces
    qualities: Sequence[int]


class Identities(Task):
    """Telling people apart by the loss of the classifier's head."""

    def __init__(self, classifier: FaceClassifier, shown: ShownFaces, settings: Training, dtype: torch.dtype) -> None:
        arrays, faces, device = shown.arrays, shown.people, shown.arrays.device
        self.network, self.head = classifier.network.to(device), classifier.head.to(device)
        self.modules = {"network": self.network, "head": self.head}
        self.optimisers = {"sgd": sgd([self.network, self.head], settings)}
        self.arrays, self.faces, self.device, self.dtype = arrays, faces, device, dtype
        self.qualities = torch.tensor(list(shown.qualities))
        self.samples, self.numbers = len(faces.faces), faces.everything
        self.sampler = SeveralOfEach(faces.labels, self.head.images) if self.head.images else None

    def draw(self, rows: Tensor, rng: torch.Generator) -> Batch:
        """Each face at a quality drawn evenly from the variant's, mirrored with probability one half."""
        rows = self.sampler.draw(rows, rng) if self.sampler else rows
        return self.show(rows, self.faces.labels[rows], rng)

    def show(self, rows: Tensor, labels: Tensor, rng: torch.Generator) -> Batch:
        """This process's share of the faces, as network input; all processes draw for the whole batch, and so alike."""
        qualities = self.qualities[torch.randint(len(self.qualities), (len(rows),), generator=rng)]
        flips = torch.rand(len(rows), generator=rng) < 0.5
        classes, labels = self.head.sample(labels, rng)
        # A batch with several faces of each person may have any size, but its loss is of the whole batch.
        parts = [count for count in (len(labels), len(rows) - len(labels)) if count]
        share = together.share(*parts, even=not self.head.whole_batch)
        labels, rows, qualities, flips = labels[share[share < len(labels)]], rows[share], qualities[share], flips[share]
        inputs = self.arrays.batch(self.numbers[rows], qualities, flips)
        return Batch(rows, flips, inputs, labels.to(self.device), None if classes is None else classes.to(self.device))

    def answer(self, batch: Batch) -> Inside:
        """The network's output for a batch: embeddings, maps and features."""
        with autocast(self.device, self.dtype):
            return self.network.look_inside(batch.inputs)

    def losses(self, batch: Batch, inside: Inside) -> dict[str, Tensor]:
        """The weighted losses by name."""
        embedding, labels = inside.embedding, batch.labels
        if self.head.whole_batch:
            embedding, labels = together.whole_batch(embedding), together.whole_batch(labels)
        return self.head.losses(embedding, labels, batch.classes)

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        batch = self.draw(rows, rng)
        yield "sgd", self.losses(batch, self.answer(batch))


@dataclass(kw_only=True)
class IdentitiesRecipe(Recipe):
    """The training of a classifier without a teacher; with ``one_a_quality``, of one classifier per quality."""

    faces: Path  # sharp, .npy
    degraded: Path | None  # the folder of the other qualities; None where qualities are sharp alone
    index: Path  # of the faces, .csv
    qualities: Sequence[int]
    one_a_quality: bool = False
    network: Network
    training: Training
    loss: Loss
    classifiers: dict[int | None, FaceClassifier] = field(default_factory=dict, init=False)  # trained, by quality

    def reads(self) -> list[Path]:
        return [self.faces, self.index, *([self.degraded] if self.degraded else [])]

    def settings(self) -> dict[str, Any]:
        return {
            "qualities": list(self.qualities),
            "one_a_quality": self.one_a_quality,
            "network": self.network.model_dump(),
            "training": self.training.model_dump(),
            "loss": self.loss.model_dump(),
            "more": None,
        }

    def runs(self, device: torch.device, dtype: torch.dtype) -> Iterator[Run]:
        """A run for each network."""
        people = training_faces(self.index)
        arrays = QualityArrays(self.faces, self.degraded, self.qualities, device)
        arrays.check_index(self.index, people.indexed)
        for quality in self.qualities if self.one_a_quality else [None]:
            classifier = networks.build(
                self.network, self.loss,
                image_size=arrays.size, channels=arrays.channels, identities=people.identities, seed=self.seed,
            )  # fmt: skip
            shown = ShownFaces(arrays, people, self.qualities if quality is None else [quality])
            task = self.task(classifier, shown, dtype)
            yield Run(task, self.training, self.seed, "" if quality is None else f"x{quality}")
            self.classifiers[quality] = classifier

    def task(self, classifier: FaceClassifier, shown: ShownFaces, dtype: torch.dtype) -> Identities:
        """What the classifier learns in a step."""
        return Identities(classifier, shown, self.training, dtype)

    def log(self, logs: dict[str, Log]) -> pd.DataFrame:
        """The losses by epoch, as means over the networks."""
        return pd.concat(map(pd.DataFrame, logs.values())).groupby("epoch", as_index=False).mean()

    def save(self, provenance: dict[str, Any]) -> None:
        networks.save(self.classifiers, self.model, provenance)
