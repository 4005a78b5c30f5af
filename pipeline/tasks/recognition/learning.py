"""Learning identities from faces at given qualities: what the teacher, baselines and students share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline import together
from pipeline.data.pixels import QualityArrays
from pipeline.device import autocast
from pipeline.models.margin import MarginHead
from pipeline.models.resnext import Inside
from pipeline.models.triplet import TripletHead
from pipeline.params.networks import Training
from pipeline.tasks.recognition.faces import TrainingFaces
from pipeline.tasks.recognition.networks import FaceClassifier
from pipeline.tasks.recognition.sampling import SeveralOfEach
from pipeline.training import sgd


@dataclass(frozen=True)
class Batch:
    """A drawn batch: rows (B,) of the faces, mirrored or not (B,), input (B, C, S, S), labels (B,).

    With unlabelled faces, which come last, there are fewer labels. ``classes`` (C,) are the identities of the softmax
    where these are not all; labels are places among them (see MarginHead.sample).
    """

    rows: Tensor
    flips: Tensor
    inputs: Tensor
    labels: Tensor
    classes: Tensor | None = None


class Identities:
    """A task for pipeline.training: telling people apart by the loss of the classifier's head."""

    def __init__(
        self,
        classifier: FaceClassifier,
        arrays: QualityArrays,
        faces: TrainingFaces,
        qualities: Sequence[int],
        settings: Training,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.classifier = classifier
        self.network, self.head = classifier.network.to(device), classifier.head.to(device)
        self.modules: dict[str, nn.Module] = {"network": self.network, "head": self.head}
        self.optimisers: dict[str, Optimizer] = {"sgd": sgd([self.network, self.head], settings)}
        self.arrays, self.faces, self.device, self.dtype = arrays, faces, device, dtype
        self.qualities = torch.tensor(list(qualities))
        self.samples, self.numbers = len(faces.faces), faces.everything
        self.sampler = SeveralOfEach(faces.labels, self.head.images) if isinstance(self.head, TripletHead) else None

    def draw(self, rows: Tensor, rng: torch.Generator) -> Batch:
        """Each face at a quality drawn evenly from the variant's, mirrored with probability one half."""
        rows = self.sampler.draw(rows, rng) if self.sampler else rows
        return self.show(rows, self.faces.labels[rows], rng)

    def show(self, rows: Tensor, labels: Tensor, rng: torch.Generator) -> Batch:
        """This process's share of the faces as the network gets them; all are drawn for, so that draws are the same."""
        qualities = self.qualities[torch.randint(len(self.qualities), (len(rows),), generator=rng)]
        flips = torch.rand(len(rows), generator=rng) < 0.5
        classes = None
        if isinstance(self.head, MarginHead):
            classes, labels = self.head.sample(labels, rng)
        # A batch of a triplet loss may have any number of people, but its loss is of the whole batch.
        parts = [count for count in (len(labels), len(rows) - len(labels)) if count]
        own = together.share(*parts, even=isinstance(self.head, MarginHead))
        labels, rows, qualities, flips = labels[own[own < len(labels)]], rows[own], qualities[own], flips[own]
        inputs = self.arrays.batch(self.numbers[rows], qualities, flips)
        return Batch(rows, flips, inputs, labels.to(self.device), None if classes is None else classes.to(self.device))

    def answer(self, batch: Batch) -> Inside:
        """What the network makes of a batch."""
        with autocast(self.device, self.dtype):
            return self.network.look_inside(batch.inputs)

    def losses(self, batch: Batch, inside: Inside) -> dict[str, Tensor]:
        """The weighted losses by name."""
        if isinstance(self.head, MarginHead):
            return self.head.losses(inside.embedding, batch.labels, batch.classes)
        # Triplets are found in the whole batch, and a centre is moved by all faces of its identity in it.
        return self.head.losses(together.whole_batch(inside.embedding), together.whole_batch(batch.labels))

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """See pipeline.training.Task."""
        batch = self.draw(rows, rng)
        yield "sgd", self.losses(batch, self.answer(batch))
