"""Distillation methods, one per file: what a student takes over from a teacher, as a loss.

A method ``name`` is the file ``name.py`` here, found by its name. It states
- ``Settings``: its parameters with their ranges, ``weight`` among them; an entry ``distill: {name: {...}}`` in
  params.yaml is validated against it;
- ``NEEDS``: the fields of Knowledge that it compares;
- ``loss(student: Knowledge, teacher: Knowledge, settings) -> Tensor``: a scalar, before the weight;

and, where it differs from what Method below has, any of these:
- ``SAME_NETWORK``: whether what it compares only pairs up between networks of equal settings;
- ``SAME_CHANNELS``: whether it compares features channel by channel, so that they must be equally wide;
- ``SAME_EMBEDDING``: whether it compares embeddings value by value, so that they must be equally wide;
- ``EACH_STAGE``: whether it compares the features of every stage, of which both networks then need as many;
- ``FROM_ALL``: whether, where there are several teachers, it learns from all, the mean of the losses; else from the
  first, because channels and axes of separately trained networks do not correspond;
- ``WHOLE_BATCH``: whether the pictures of a batch are compared with one another, so that several processes must see
  more than their share of it;
- ``check(settings, student, teacher)``: raises ValueError where its settings do not fit the settings of both networks
  (pipeline.params.networks, pipeline.tasks.recognition.params.teachers), before any job runs;
- ``weight_at(settings, epoch) -> float``: a factor of the weight at a time, in epochs from 0;
- ``build(settings, student: Knowledge, teacher: Knowledge, labels) -> nn.Module``, if it learns or remembers
  something itself: its parts, given what both networks know of a probe, for the shapes, and the labels (N,) of all
  samples. ``loss`` gets them as a fourth argument. They learn with the student and are saved to resume, never in a
  checkpoint. Only pipeline.tasks.classification builds parts: there, SAME_NETWORK does not hold for such a method.

What a student learns by the methods of its entry is pipeline.distilling. params.yaml is validated from ``Settings``
without torch, whose import costs seconds: a method imports it where it computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pipeline import parts
from pipeline.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Knowledge:
    """What a network knows of a batch of B pictures; the methods compare a student's with its teacher's.

    A task fills in what its networks have; a method names in NEEDS what it compares. embedding (B, D): not
    normalised. logits (B, identities): margin logits, the scale included; plain_logits: the same without the margin.
    labels (B,): the true identities. channel_maps, spatial_maps: one map per block, (B, C_l) and (B, H_l, W_l),
    before the sigmoid. features: the output of every stage, or of every tap, (B, C_s, H_s, W_s). output (B, C, H, W):
    a picture that the network made, in grey levels of 0..255, as all losses on pictures are. rows (B,): the numbers
    of the samples, by which a method remembers them.
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


def _always_fits(settings: Any, student: Any, teacher: Any) -> None:
    pass


def _constant(settings: Any, epoch: float) -> float:
    return 1.0


@dataclass(frozen=True)
class Method:
    """A method's file as an object, with the names explained above; these are the defaults of what the file leaves out."""

    Settings: type
    NEEDS: tuple[str, ...]
    loss: Callable[..., Tensor]
    SAME_NETWORK: bool = False
    SAME_CHANNELS: bool = False
    SAME_EMBEDDING: bool = False
    EACH_STAGE: bool = False
    FROM_ALL: bool = True
    WHOLE_BATCH: bool = False
    check: Callable[[Any, Any, Any], None] = _always_fits
    weight_at: Callable[[Any, float], float] = _constant
    build: Callable[[Any, Knowledge, Knowledge, Tensor], nn.Module] | None = None

    def weight(self, settings: Any, epoch: float) -> float:
        """The weight of the loss at a time, in epochs from 0, fractions included."""
        return settings.weight * self.weight_at(settings, epoch)


def method_names() -> list[str]:
    """Every method there is, sorted."""
    return parts.names(__path__)


def method(name: str) -> Method:
    """The method as its file states it.

    Raises InputError where no method has that name, listing all methods, or where its file lacks what it must state.
    """
    if name not in method_names():
        raise InputError(f"distill: {name!r} is not a method (there are: {', '.join(method_names())})")
    stated = vars(parts.load(__name__, name, ("Settings", "NEEDS", "loss")))
    return Method(**{field.name: stated[field.name] for field in fields(Method) if field.name in stated})
