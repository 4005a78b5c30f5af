"""Networks from faces to embeddings, one per file: its settings, and how it is built from them.

A network ``name`` is the file ``name.py`` here, found by its name, with
- ``Settings``: what an entry with ``architecture: name`` in params.yaml may say; ``architecture: Literal["name"]``
  and ``embedding``, the number of values it gives, among it; a property ``stages`` says how many features it shows;
- ``build(settings, image_size, channels) -> nn.Module``: the network with random weights, from faces
  (B, channels, image_size, image_size) in [-1, 1] to embeddings (B, embedding), not of unit length.

The module's ``look_inside(faces)`` gives all that methods of distillation compare (pipeline.models.resnext.Inside;
empty lists for what it has not), and ``stage_ends`` names the last attention map of each stage, () where there are
none.

params.yaml is validated from ``Settings`` without torch, whose import costs seconds: a file imports it in ``build``.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from pipeline import parts

if TYPE_CHECKING:
    from torch import nn


STATES = ("Settings", "build")  # what a file has


def architecture_names() -> list[str]:
    """Every architecture there is, sorted."""
    return parts.names(__path__)


def architecture(name: str) -> ModuleType:
    """The architecture's module."""
    return parts.load(__name__, name, STATES)


Network = Annotated[
    Union[tuple(architecture(name).Settings for name in architecture_names())],
    Field(discriminator="architecture"),
]


def build(settings: Network, image_size: int, channels: int) -> nn.Module:
    """The network with random weights; faces are (B, channels, image_size, image_size)."""
    return architecture(settings.architecture).build(settings, image_size, channels)
