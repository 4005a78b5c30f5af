"""Faces rendered by the project, labelled by their expression or by sex and age: a stand-in that needs no download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pipeline.data.class_set import ClassSet
from pipeline.params.classes import LabelledImages

NAMES = {"expression": "rendered expressions", "group": "rendered faces by sex and age"}


class Settings(LabelledImages):
    """What to tell apart, and of how many people; those to test are not those to learn from."""

    source: Literal["rendered"]
    labels: Literal["expression", "group"] = "expression"
    image_size: Annotated[int, Field(ge=32, le=256)]  # what the renderer can draw
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    train_people: Annotated[int, Field(ge=2, le=100_000)]
    test_people: Annotated[int, Field(ge=2, le=100_000)]
    images: Annotated[int, Field(ge=1, le=100)] = 1  # of each person in each class


def archive(settings: Settings) -> None:
    """Nothing to fetch."""


def load(settings: Settings, raw: Path) -> ClassSet:
    """Plan the faces; they are drawn when they are asked for."""
    from pipeline.data.rendering.expressions import render_classes

    drawn = render_classes(**settings.model_dump(exclude={"source", "channels", "per_class"}))
    return ClassSet(NAMES[settings.labels], list(drawn.names), drawn.index, drawn.pictures, rendered=True)
