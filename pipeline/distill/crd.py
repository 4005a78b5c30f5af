"""Contrastive Representation Distillation (Tian, Krishnan, Isola, ICLR 2020), CRD, on the embeddings.

Both embeddings are mapped to 128 values of length one, g_S and g_T. Each is told from memories of the other
network's: that of the same sample against those of K others, drawn among the samples of other classes (equations 17
to 19)::

    h(g, m) = exp(g . m / tau) / Z,   P = h / (h + K / N)
    L = -mean over the batch of [log P(g_S, m_T) + sum over others of log(1 - P(g_S, other m_T))], and that of g_T,
    m_S

as in RepDistiller: Z is N times the mean of the exponentials in the first step; a memory moves half of the way to the
new value and is made of length one again, after it was read. Negatives are drawn with replacement, in RepDistiller
without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipeline.distill import Knowledge
from pipeline.errors import InputError
from pipeline.params.loading import Settings as Base
from pipeline.params.networks import Fraction, Positive

if TYPE_CHECKING:
    from torch import Tensor, nn

NEEDS = ("embedding", "labels", "rows")
FROM_ALL = False
TINY = 1e-7  # as the authors' code


class Settings(Base):
    """The authors' values; their weight on CIFAR-100 is 0.8. ``negatives`` is K, ``momentum`` the old memory's share."""

    weight: Positive
    width: Annotated[int, Field(ge=2, le=8192)] = 128
    negatives: Annotated[int, Field(ge=1, le=1_000_000)] = 16384
    temperature: Positive = 0.07
    momentum: Fraction = 0.5


def contrast(scores: Tensor, samples: int) -> Tensor:
    """Scores h (B, 1 + K), the true pair's first, of N ``samples`` -> scalar, batch mean."""
    noise = (scores.shape[1] - 1) / samples
    true = (scores[:, 0] / (scores[:, 0] + noise + TINY)).log()
    others = (noise / (scores[:, 1:] + noise + TINY)).log()
    return -(true.sum() + others.sum()) / len(scores)


def build(settings: Settings, student: Knowledge, teacher: Knowledge, labels: Tensor) -> nn.Module:
    """The linear maps, which are learned, and the memories. Raises InputError where all samples are of the same class."""
    from pipeline.models.contrastive_memory import ContrastiveMemory

    if len(labels.unique()) < 2:
        raise InputError("distill.crd: all samples are of the same class, expected several classes")
    widths = student.embedding.shape[1], teacher.embedding.shape[1]
    return ContrastiveMemory(widths, labels, **settings.model_dump(exclude={"weight"}))


def loss(student: Knowledge, teacher: Knowledge, settings: Settings, memory: nn.Module) -> Tensor:
    """See contrast."""
    scores = memory(student.embedding.float(), teacher.embedding.float(), student.labels, student.rows)
    return sum(contrast(each, len(memory.by_class)) for each in scores)
