"""ArcFace: Additive Angular Margin Loss for Deep Face Recognition (Deng et al., CVPR 2019). ``s cos(t + m)``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.params.losses import MarginSettings

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.models.margin import MarginHead


class Settings(MarginSettings):
    """The margin is an angle, in radians."""

    kind: Literal["arcface"]
    margin: Annotated[float, Field(ge=0, lt=1.5)]


def moved(cosine: Tensor, margin: float) -> Tensor:
    """``cos(t + m)``, and where t + m would pass pi ``cos t - m sin m``, which goes on falling, as in A-SKD's code.

    docs/differences.md names what InsightFace does there. The slope has no bound towards cos t = 1; there, and where
    rounding has passed 1, it is cos m, finite.
    """
    import torch

    square = 1 - cosine.square()
    # At 0 the root's slope is infinite: the root of 1 is taken there and replaced by 0. A clamp's gradient would depend
    # on its rule for ties.
    sine = torch.where(square > 0, torch.where(square > 0, square, 1.0).sqrt(), 0.0)
    beyond = cosine <= -math.cos(margin)  # t + m > pi: cos(t + m) would rise again
    return torch.where(beyond, cosine - margin * math.sin(margin), cosine * math.cos(margin) - sine * math.sin(margin))


def build(settings: Settings, embedding: int, identities: int) -> MarginHead:
    """The right identity has to win by an angle."""
    from pipeline.models.margin import MarginHead

    shared = {"scale": settings.scale, "sampled": settings.sampled}
    return MarginHead(embedding, identities, lambda cosine: moved(cosine, settings.margin), **shared)
