"""What every loss of recognition shares: the head over a face network, thrown away after training."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Head(nn.Module, ABC):
    """Embeddings and identities to losses, with the parts that learn with the network. Defaults suit most losses."""

    images: int | None = None
    """Faces of each person that a batch has to hold, for losses that compare faces; None where any batch will do."""

    whole_batch = False
    """Whether the loss compares the faces of a batch with one another, or keeps a memory of them: several processes
    then gather the whole batch, in place of averaging the losses of equal shares."""

    def sample(self, labels: Tensor, rng: torch.Generator) -> tuple[Tensor | None, Tensor]:
        """Labels (B,) of a whole batch, on the CPU -> the identities (C,) that the loss is over, and the labels in them.

        None stands for all identities, and the labels are as they were.
        """
        return None, labels

    @abstractmethod
    def losses(self, embedding: Tensor, labels: Tensor, classes: Tensor | None = None) -> dict[str, Tensor]:
        """Embeddings (B, D), not of unit length, labels (B,) -> weighted losses by name, scalars.

        ``classes`` (C,) and labels among them are as ``sample`` gives them.
        """
