"""What every trained variant has in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from pipeline.params.faces import Quality
from pipeline.params.loading import Settings

# Names become folders and columns: plain words that need no quoting anywhere.
VariantName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Baseline(Settings):
    """A network trained without a teacher."""

    description: Annotated[str, Field(max_length=120)] = ""  # a few words for the report
    train_qualities: Annotated[list[Quality], Field(min_length=1)]  # drawn evenly, one an image and step


class Entry(Baseline):
    """Any variant as the report reads it: the settings of its methods were checked before the run."""

    distill: dict[str, dict[str, Any]] = {}
