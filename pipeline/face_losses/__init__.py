"""Losses of recognition, one per file: what a face network learns identities by.

A loss ``name`` is the file ``name.py`` here, found by its name, with
- ``Settings``: what an entry with ``kind: name`` in params.yaml may say, ``kind: Literal["name"]`` among it; a
  pipeline.params.losses.MarginSettings where it is a softmax over cosines, whose logits methods can compare: of such
  losses ``margin:`` names one, for the teacher and all students; a baseline's ``loss:`` may be any;
- ``build(settings, embedding, identities) -> pipeline.models.head.Head``: the head with random weights, for
  embeddings (B, embedding); for a margin softmax a pipeline.models.margin.MarginHead.

params.yaml is validated from ``Settings`` without torch, whose import costs seconds: a file imports it in ``build``.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from pipeline import parts
from pipeline.params.losses import MarginSettings

if TYPE_CHECKING:
    from pipeline.models.head import Head


STATES = ("Settings", "build")  # what a file has


def loss_names() -> list[str]:
    """Every loss there is, sorted."""
    return parts.names(__path__)


def loss(name: str) -> ModuleType:
    """The loss's module."""
    return parts.load(__name__, name, STATES)


_ALL = tuple(loss(name).Settings for name in loss_names())
Loss = Annotated[Union[_ALL], Field(discriminator="kind")]
Margin = Annotated[Union[tuple(kind for kind in _ALL if issubclass(kind, MarginSettings))], Field(discriminator="kind")]


def build(settings: Loss, embedding: int, identities: int) -> Head:
    """The head with random weights, for embeddings (B, embedding)."""
    return loss(settings.kind).build(settings, embedding, identities)
