"""How trained networks are judged."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializeAsAny, field_validator

from pipeline.face_measures import validated
from pipeline.params.loading import Settings
from pipeline.params.networks import Count


class Evaluation(Settings):
    """How a trained network is judged."""

    batch_size: Count
    sample_faces: Annotated[int, Field(ge=1, le=16)]  # faces in the report's pictures
    measures: dict[str, SerializeAsAny[Settings]]  # of verification, beside the accuracy: pipeline.face_measures

    @field_validator("measures", mode="before")
    @classmethod
    def _measures(cls, entries: Any) -> Any:
        return validated(entries)
