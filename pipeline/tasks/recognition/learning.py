"""Learning identities from faces at given qualities: what the teacher, baselines and students share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from pipeline.data.pixels import QualityArrays
from pipeline.device import autocast
from pipeline.models.resnext import Inside
from pipeline.params.networks import Training
from pipeline.tasks.recognition.faces import TrainingFaces
from pipeline.tasks.recognition.networks import FaceClassifier
from pipeline.training import sgd


@dataclass(frozen=True)
class Batch:
    """A drawn batch: places (B,) in the training faces, mirrored or not (B,), input (B, C, S, S), labels (B,)."""

    rows: Tensor
    flips: Tensor
    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Answer:
    """What the network said of a batch: embedding, maps and features, cosines and margin logits (B, identities)."""

    inside: Inside
    cosines: Tensor
    logits: Tensor


class Identities:
    """A task for pipeline.training: margin softmax over the training identities."""

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
        self.samples = len(faces.faces)

    def draw(self, rows: Tensor, rng: torch.Generator) -> Batch:
        """Each face at a quality drawn evenly from the variant's, mirrored with probability one half."""
        qualities = self.qualities[torch.randint(len(self.qualities), (len(rows),), generator=rng)]
        flips = torch.rand(len(rows), generator=rng) < 0.5
        inputs = self.arrays.batch(self.faces.faces[rows], qualities, flips)
        return Batch(rows, flips, inputs, self.faces.labels[rows].to(self.device))

    def answer(self, batch: Batch) -> Answer:
        """The network's embedding, logits and attention maps of a batch."""
        with autocast(self.device, self.dtype):
            inside = self.network.look_inside(batch.inputs)
        cosines = self.head.cosines(inside.embedding)
        return Answer(inside, cosines, self.head.logits(cosines, batch.labels))

    def losses(self, batch: Batch, answer: Answer) -> dict[str, Tensor]:
        """The weighted losses by name."""
        return {"recognition": functional.cross_entropy(answer.logits, batch.labels)}

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """See pipeline.training.Task."""
        batch = self.draw(rows, rng)
        yield "sgd", self.losses(batch, self.answer(batch))
