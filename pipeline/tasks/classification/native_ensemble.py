"""Knowledge Distillation by On-the-Fly Native Ensemble (Lan, Zhu, Gong, NeurIPS 2018), ONE: branches learn together."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from pipeline.data.class_batches import ClassBatches
from pipeline.device import autocast
from pipeline.models.branched import Branched
from pipeline.params.networks import Training
from pipeline.tasks.classification.cost import LEARNED
from pipeline.tasks.classification.learning import work
from pipeline.tasks.classification.online_losses import native_ensemble, sigmoid_ramp
from pipeline.tasks.classification.params.learning import NativeEnsemble
from pipeline.training import sgd


class Branches:
    """A task for pipeline.training: ``sum_i CE_i + CE_e + weight ramp T^2 sum_i KL(p_e || p_i)`` (equation 8)."""

    def __init__(
        self, network: Branched, batches: ClassBatches, options: NativeEnsemble, settings: Training, dtype: torch.dtype
    ) -> None:
        self.network = network.to(batches.device)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self.optimisers: dict[str, Optimizer] = {"sgd": sgd([self.network], settings)}
        self.batches, self.samples, self.options, self.dtype, self.epoch = batches, batches.count, options, dtype, 0.0
        self.passes = [(self.network, LEARNED)]

    def forwards_backwards(self, batch: int) -> int:
        """Multiply-adds of a step with ``batch`` pictures."""
        return work(self.passes, self.batches, batch)

    def at(self, epoch: float) -> None:
        """See pipeline.training.Task."""
        self.epoch = epoch

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """See pipeline.training.Task."""
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
