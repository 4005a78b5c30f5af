"""What the losses of recognition that are a softmax over cosines have in common (pipeline.face_losses)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.params.loading import Settings
from pipeline.params.networks import Positive


class MarginSettings(Settings):
    """Logits are ``scale`` times cosines, that of the right identity lowered by a margin."""

    kind: str
    scale: Positive
    margin: float
    sampled: Annotated[float, Field(gt=0, le=1)] = 1.0  # share of the identities in a step's softmax (Partial FC)
