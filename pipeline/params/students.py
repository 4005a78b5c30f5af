"""Students, which have a teacher: each an entry in params.yaml."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from pipeline.distill import method
from pipeline.params.loading import Settings
from pipeline.params.methods import by_method
from pipeline.params.variants import Variant

# What a network of recognition knows (fields of pipeline.distill.Knowledge); a method that needs more is refused.
KNOWN = ("embedding", "logits", "plain_logits", "labels", "channel_maps", "spatial_maps", "features")


class Student(Variant):
    """A variant that also learns from the teacher, by one method or several."""

    distill: Annotated[dict[str, SerializeAsAny[Settings]], Field(min_length=1)]
    # Faces without a label in a batch, for each labelled one: the methods run on them too, recognition does not.
    unlabelled: Annotated[float, Field(ge=0, le=16)] = 0.0

    @field_validator("distill", mode="before")
    @classmethod
    def _by_method(cls, methods: Any) -> Any:
        return by_method(methods, KNOWN, "recognition")

    @model_validator(mode="after")
    def _labels_are_there(self) -> Student:
        picky = [name for name in self.distill if "labels" in method(name).NEEDS]
        if self.unlabelled and picky:
            raise ValueError(f"distill.{picky[0]} needs labels, expected unlabelled = 0, not {self.unlabelled}")
        return self
