"""Degradations of faces, one per file: how a sharp face loses pixels, and how it comes back to full size on the
device.

A degradation ``name`` is the file ``name.py`` here, found by its name, with
- ``Settings``: what ``degradation:`` in params.yaml may say, a pipeline.params.faces.Degraded with
  ``method: Literal["name"]``;
- ``smaller(faces, factor, settings, first)``: uint8 (N, H, W, C) and a factor > 1 that divides H and W to uint8
  (N, H/factor, W/factor, C). ``first`` is the number of the first face in the whole set: what is drawn at random
  comes from it, so that the pixels are the same for any way of cutting the set into chunks;
- ``larger(faces, size)``: (B, C, h, w) in [0, 255] on any device to (B, C, size, size), float32 in [0, 255]; what has
  that size already is not changed.

params.yaml is validated from ``Settings`` without torch, whose import costs seconds: ``larger`` imports it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Union

from pydantic import Field

from pipeline import parts

STATES = ("Settings", "smaller", "larger")  # what a file has


def degradation_names() -> list[str]:
    """Every degradation there is, sorted."""
    return parts.names(__path__)


def degradation(name: str) -> ModuleType:
    """The degradation's module."""
    return parts.load(__name__, name, STATES)


Degradation = Annotated[
    Union[tuple(degradation(name).Settings for name in degradation_names())], Field(discriminator="method")
]
