"""What every trained variant has in common, and the variants without a teacher."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from pipeline.face_losses import Loss
from pipeline.face_networks import Network
from pipeline.params.faces import Quality
from pipeline.params.loading import Settings

# Names become folders and columns: plain words that need no quoting anywhere.
VariantName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


def check_names(
    baselines: Mapping[str, Any],
    students: Mapping[str, Any],
    networks: Mapping[str, Any] | None = None,
    taken: Collection[str] = ("teacher",),
) -> None:
    """Raise ValueError where a variant's name is one of ``taken`` or has two entries, or names a network not in
    ``networks``; None where all variants have the same network."""
    if clashes := set(taken) & {*baselines, *students}:
        raise ValueError(f"a variant is named {min(clashes)}, expected another name: this name is taken")
    if both := set(baselines) & set(students):
        raise ValueError(f"students.{min(both)} is also a baseline, expected different names")
    if networks is None:
        return
    if clashes := {"teacher", "student"} & set(networks):
        raise ValueError(f"networks.{min(clashes)}: expected another name, this name is taken")
    for group, variants in (("baselines", baselines), ("students", students)):
        for name, variant in variants.items():
            if variant.network not in (None, *networks.values()):
                raise ValueError(
                    f"{group}.{name}.network is none of networks, expected same_as: the key of one of them"
                )


class Variant(Settings):
    """A network that is trained and judged."""

    description: Annotated[str, Field(max_length=120)] = ""  # a few words for the report
    train_qualities: Annotated[list[Quality], Field(min_length=1)]  # drawn evenly, one per image and step
    one_a_quality: bool = False  # a network for each of train_qualities, instead of a single network for all
    network: Network | None = None  # null: that of all students


class Baseline(Variant):
    """A network trained without a teacher."""

    loss: Loss | None = None  # null: the margin softmax that all share


class Entry(Variant):
    """Any variant as the report reads it: the settings of its methods were checked before the run."""

    loss: dict[str, Any] | None = None
    distill: dict[str, dict[str, Any]] = {}
    unlabelled: float = 0.0
