"""What every trained variant has in common, and the variants without a teacher."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from pipeline.params.faces import Quality
from pipeline.params.loading import Settings
from pipeline.params.losses import Loss
from pipeline.params.networks import Network

# Names become folders and columns: plain words that need no quoting anywhere.
VariantName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Variant(Settings):
    """A network that is trained and judged."""

    description: Annotated[str, Field(max_length=120)] = ""  # a few words for the report
    train_qualities: Annotated[list[Quality], Field(min_length=1)]  # drawn evenly, one an image and step
    one_a_quality: bool = False  # a network for each of train_qualities, instead of one for all
    network: Network | None = None  # null: that of all students


class Baseline(Variant):
    """A network trained without a teacher."""

    loss: Loss | None = None  # null: the margin softmax that all share


class Entry(Variant):
    """Any variant as the report reads it: the settings of its methods were checked before the run."""

    loss: dict[str, Any] | None = None
    distill: dict[str, dict[str, Any]] = {}
    unlabelled: float = 0.0
