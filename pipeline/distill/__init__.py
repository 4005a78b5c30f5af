"""Distillation methods, one a file: what a student takes over from a teacher, as a loss.

A method ``name`` is the file ``name.py`` here, found by its name, with
- ``Settings``: its parameters with their ranges, ``weight`` among them; an entry
  ``distill: {name: {...}}`` in params.yaml is validated against it;
- ``NEEDS``: the fields of Knowledge that it compares;
- ``SAME_NETWORK``: whether what it compares only pairs up between networks of one kind;
- ``FROM_ALL``: whether, where there are several teachers, it learns from all, the mean of the losses; else from the
  first, because channels and axes of separately trained networks do not correspond;
- ``WHOLE_BATCH``, True where the pictures of a batch are compared with one another, so that several processes must
  see more than their share of it; may be left out;
- ``check(settings, student, teacher)``, if need be: raises ValueError where the student's network does not do, or not
  with the teacher's (pipeline.params.networks, pipeline.tasks.recognition.params.teachers), before any job runs;
- ``weight_at(settings, epoch) -> float``, if need be: a factor of the weight at a time, in epochs from 0;
- ``loss(student: Knowledge, teacher: Knowledge, settings) -> Tensor``: a scalar, before the weight;
- ``build(settings, student: Knowledge, teacher: Knowledge, labels) -> nn.Module``, if it learns or remembers something
  itself: its parts, given what both networks know of a probe, for the shapes, and the labels (N,) of all samples.
  ``loss`` gets them as a fourth argument. They learn with the student and are saved to resume, never in a checkpoint.
  Only pipeline.tasks.classification builds parts: there, SAME_NETWORK does not hold for such a method.

params.yaml is validated from ``Settings`` without torch, whose import costs seconds: a method imports it where
it computes.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Knowledge:
    """What a network knows of a batch of B pictures; the methods compare a student's with its teacher's.

    A task fills in what its networks have; a method names in NEEDS what it compares. embedding (B, D): not normalised.
    logits (B, identities): margin logits, the scale included; plain_logits: the same without the margin.
    labels (B,): the true identities. channel_maps, spatial_maps: one map per block, (B, C_l) and (B, H_l, W_l), before the
    sigmoid. features: the output of every stage, or of every tap, (B, C_s, H_s, W_s).
    output (B, C, H, W): a picture that the network made, in grey levels of 0..255, as all losses on pictures are.
    rows (B,): the numbers of the samples, by which a method remembers them.
    """

    embedding: Tensor | None = None
    logits: Tensor | None = None
    plain_logits: Tensor | None = None
    labels: Tensor | None = None
    channel_maps: list[Tensor] | None = None
    spatial_maps: list[Tensor] | None = None
    features: list[Tensor] | None = None
    output: Tensor | None = None
    rows: Tensor | None = None


def method_names() -> list[str]:
    """Every method there is, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def method(name: str) -> ModuleType:
    """The method's module. Raises InputError naming the methods there are."""
    if name not in method_names():
        raise InputError(f"distill: {name!r} is not a method (there are: {', '.join(method_names())})")
    return importlib.import_module(f"{__name__}.{name}")


def weight(module: ModuleType, settings: Any, epoch: float) -> float:
    """The weight of a method at a time, in epochs from 0."""
    return settings.weight * getattr(module, "weight_at", lambda *_: 1.0)(settings, epoch)
