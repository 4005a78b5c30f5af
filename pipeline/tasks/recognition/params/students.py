"""Students, which have a teacher: each an entry in params.yaml."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from pipeline.distill import method
from pipeline.distill_entries import by_method
from pipeline.face_networks import Network
from pipeline.params.loading import Settings
from pipeline.params.variants import Variant
from pipeline.tasks.recognition.params.teachers import OwnNetwork, TeacherNetwork

# What a network of recognition knows (fields of pipeline.distill.Knowledge); a method that needs more is refused.
KNOWN = ("embedding", "logits", "plain_logits", "labels", "channel_maps", "spatial_maps", "features")


class Student(Variant):
    """A variant that also learns from the teacher, by one or several methods."""

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


INSIDE = {"channel_maps", "spatial_maps", "features"}  # what an ONNX model does not show


def check_methods(methods: dict[str, Settings], student: Network, teacher: TeacherNetwork) -> None:
    """Raise ValueError, beginning with the method, at the first that cannot compare these two networks.

    What a user's checkpoint shows is not known before the file is there: it passes here, and its card is checked
    later.
    """
    is_own = isinstance(teacher, OwnNetwork)
    if is_own and teacher.is_checkpoint:
        return
    aside = {"dropout", "embedding"}
    for name, settings in methods.items():
        module = method(name)
        if is_own and INSIDE & set(module.NEEDS):
            raise ValueError(
                f"{name} compares what is inside the networks: expected a method that compares embeddings or logits,"
                f" all that {teacher.file} gives"
            )
        if module.SAME_NETWORK and teacher.model_dump(exclude=aside) != student.model_dump(exclude=aside):
            raise ValueError(
                f"{name} compares maps block by block: expected its network to be the same as teacher.network"
            )
        if module.SAME_EMBEDDING and student.embedding != teacher.embedding:
            raise ValueError(
                f"{name}.weight = {settings.weight}: embeddings of {student.embedding} values against the teacher's"
                f" {teacher.embedding}, expected as many: set embedding: {teacher.embedding} in its network"
            )
        try:
            module.check(settings, student, teacher)
        except ValueError as error:
            raise ValueError(f"{name}.{error}") from None
