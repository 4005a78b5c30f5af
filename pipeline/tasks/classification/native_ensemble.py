"""Knowledge Distillation by On-the-Fly Native Ensemble (Lan, Zhu, Gong, NeurIPS 2018), ONE: branches learn together."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.data.class_batches import ClassBatches
from pipeline.device import autocast
from pipeline.models.branched import Branched
from pipeline.params.networks import Training
from pipeline.tasks.classification.cost import LEARNED
from pipeline.tasks.classification.online_losses import native_ensemble, sigmoid_ramp
from pipeline.tasks.classification.params.learning import NativeEnsemble
from pipeline.tasks.classification.supervised import ClassTask
from pipeline.training import sgd


class Branches(ClassTask):
    """``sum_i CE_i + CE_e + weight ramp T^2 sum_i KL(p_e || p_i)`` (equation 8)."""

    def __init__(
        self, network: Branched, batches: ClassBatches, options: NativeEnsemble, settings: Training, dtype: torch.dtype
    ) -> None:
        super().__init__(batches, dtype)
        self.network, self.options = network.to(batches.device), options
        self.modules = {"network": self.network}
        self.optimisers = {"sgd": sgd([self.network], settings)}
        self.passes.append((self.network, LEARNED))

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        pictures, labels = self.batches.batch(rows, rng)
        with autocast(pictures.device, self.dtype):
            logits, ensemble = self.network.answers(pictures)
        logits, ensemble = logits.float(), ensemble.float()
        weight = self.options.weight * sigmoid_ramp(self.epoch, self.options.ramp_epochs)
        yield (
            "sgd",
            {
                "branches": sum(functional.cross_entropy(branch, labels) for branch in logits),
                "ensemble": functional.cross_entropy(ensemble, labels),
                "distillation": weight * native_ensemble(logits, ensemble, self.options.temperature),
            },
        )
