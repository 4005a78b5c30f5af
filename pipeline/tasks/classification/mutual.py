"""Deep Mutual Learning (Zhang, Xiang, Hospedales, Lu, CVPR 2018), DML: networks that learn from each other."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.data.class_batches import ClassBatches
from pipeline.params.networks import Training
from pipeline.tasks.classification.cost import LEARNED
from pipeline.tasks.classification.online_losses import mutual_learning
from pipeline.tasks.classification.params.learning import Mutual
from pipeline.tasks.classification.supervised import ClassTask, knowledge
from pipeline.training import sgd


class MutualLearning(ClassTask):
    """For each network, ``CE + weight T^2 mean over the others of KL(p_j || p)``.

    All learn from what all said of the batch before any of them changed, as public code has it; the paper's algorithm
    asks again after each change. A pretrained teacher may be one of them.
    """

    def __init__(
        self,
        networks: dict[str, nn.Module],
        batches: ClassBatches,
        options: Mutual,
        settings: Training,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(batches, dtype)
        self.options = options
        self.modules = {name: network.to(batches.device) for name, network in networks.items()}
        self.optimisers = {name: sgd([network], settings) for name, network in networks.items()}
        self.passes = [(network, LEARNED) for network in self.modules.values()]

    def step(self, rows: Tensor, rng: torch.Generator) -> Iterator[tuple[str, dict[str, Tensor]]]:
        pictures, labels = self.batches.batch(rows, rng)
        logits = {name: knowledge(network, pictures, self.dtype).logits for name, network in self.modules.items()}
        for name, student_logits in logits.items():
            others = [of for other, of in logits.items() if other != name]
            yield (
                name,
                {
                    f"{name}_cross_entropy": functional.cross_entropy(student_logits, labels),
                    f"{name}_mutual": self.options.weight
                    * mutual_learning(student_logits, others, self.options.temperature),
                },
            )
