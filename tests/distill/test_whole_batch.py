"""Which losses need a whole batch where several processes share it: found by computing, whatever a method says.

A loss that is a mean over faces is, of a whole batch, the mean of the losses of equal shares: each process can take its
own. One that compares the faces of a batch with one another is not.
"""

from __future__ import annotations

import copy
import types

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from pipeline import together
from pipeline.distill import Knowledge, method, method_names
from pipeline.face_losses import arcface, center, cosface, loss_names, triplet
from pipeline.face_networks.resnext_cbam import Settings as ResNeXt
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.faces import Batch
from pipeline.tasks.recognition.learning import Identities

BATCH, CLASSES = 8, 5
REQUIRED = {"weight": 1.0, "temperature": 4.0}  # what any method may ask for without a default


def known(seed: int) -> Knowledge:
    """All that a network may know of a batch, at random."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(BATCH, *shape, generator=generator)  # noqa: E731
    logits = 3 * draw(CLASSES)
    return Knowledge(
        embedding=draw(6),
        logits=logits - torch.eye(CLASSES)[torch.arange(BATCH) % CLASSES],
        plain_logits=logits,
        labels=torch.arange(BATCH) % CLASSES,
        channel_maps=[draw(4), draw(6)],
        spatial_maps=[draw(4, 4), draw(2, 2)],
        features=[draw(3, 4, 4), draw(5, 4, 4), draw(4, 2, 2)],
        output=100 * draw(3, 4, 4),
        rows=torch.arange(BATCH),
    )


def some(knowledge: Knowledge, rows: slice) -> Knowledge:
    """What is known of some of the batch."""
    cut = lambda value: [each[rows] for each in value] if isinstance(value, list) else value[rows]  # noqa: E731
    return Knowledge(**{name: value if value is None else cut(value) for name, value in vars(knowledge).items()})


def shares(count: int) -> list[slice]:
    size = BATCH // count
    return [slice(first, first + size) for first in range(0, BATCH, size)]


def needs_the_whole(of_rows) -> bool:
    """Whether ``of_rows``, the losses of given rows, differ between the batch and the mean over its shares."""
    whole = of_rows(shares(1))
    apart = [((of_rows(shares(count)) - whole).abs() / whole.abs().clamp(min=1e-12)).max().item() for count in (2, 4)]
    assert all(d < 1e-5 for d in apart) or all(d > 1e-3 for d in apart), f"neither equal nor clearly different: {apart}"
    return apart[0] > 1e-3


@pytest.mark.parametrize("name", method_names())
@pytest.mark.parametrize("with_parts", [False, True])
def test_a_method_says_whether_it_compares_faces_of_a_batch(name, with_parts):
    """Its parts are as they are before a step; batch statistics are no concern of the method (synchronised.py)."""
    module = method(name)
    if with_parts and module.build is None:
        pytest.skip("has no parts")
    if not with_parts and name == "crd":
        pytest.skip("is nothing without its memory")
    asked = {field: REQUIRED[field] for field, about in module.Settings.model_fields.items() if about.is_required()}
    settings = module.Settings(**asked)
    student, teacher = known(0), known(1)
    parts = []
    if with_parts:
        torch.manual_seed(0)
        parts.append(module.build(settings, some(student, slice(1)), some(teacher, slice(1)), student.labels))
        module.loss(student, teacher, settings, *parts)  # what the first step finds out once for all is found out
        for layer in parts[0].modules():
            if isinstance(layer, _BatchNorm):
                layer.eval()

    def of_rows(runs):
        torch.manual_seed(1)  # what is drawn for a batch is drawn share by share
        values = [
            module.loss(some(student, rows), some(teacher, rows), settings, *copy.deepcopy(parts)).detach()
            for rows in runs
        ]
        return torch.stack(values).mean()

    assert needs_the_whole(of_rows) == module.WHOLE_BATCH


LOSSES = {
    "cosface": cosface.Settings(kind="cosface", scale=8.0, margin=0.2),
    "arcface": arcface.Settings(kind="arcface", scale=8.0, margin=0.2),
    "softmax over a share of the identities": arcface.Settings(kind="arcface", scale=8.0, margin=0.2, sampled=0.5),
    "center": center.Settings(kind="center", weight=1.0),
    "triplet": triplet.Settings(kind="triplet", images=2),
}


def test_every_loss_is_tried():
    assert set(loss_names()) == {loss.kind for loss in LOSSES.values()}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_identities_is_given_the_whole_batch_where_it_needs_it(name, monkeypatch):
    """Needs it: for its value, or for what the head remembers of the batch."""
    settings = ResNeXt(
        architecture="resnext_cbam", stem_width=4, stem_stride=1, depths=[1], widths=[8], cardinality=2,
        group_widths=[2], reduction=4, attention_kernel=3, embedding=6, dropout=0.0,
    )  # fmt: skip
    built = networks.build(settings, LOSSES[name], image_size=16, channels=3, identities=list("abcde"), seed=0)
    embedding, labels = known(0).embedding, torch.tensor([0, 1, 0, 1, 2, 0, 2, 1])
    classes = None
    if getattr(built.head, "sampled", 1) < 1:
        classes, labels = built.head.sample(labels, torch.Generator().manual_seed(0))

    def learn(head, rows):
        head.train()
        task = types.SimpleNamespace(head=head)
        batch = Batch(rows=labels[rows], flips=labels[rows], inputs=labels[rows], labels=labels[rows], classes=classes)
        losses = Identities.losses(task, batch, types.SimpleNamespace(embedding=embedding[rows]))
        return torch.cat([torch.stack([*losses.values()]).detach(), *(b.flatten() for b in head.buffers())])

    needed = needs_the_whole(
        lambda runs: torch.stack([learn(copy.deepcopy(built.head), rows) for rows in runs]).mean(dim=0)
    )
    asked = []
    monkeypatch.setattr(together, "whole_batch", lambda values: asked.append(values) or values)
    learn(built.head, slice(None))
    assert bool(asked) == needed
    given = {values.data_ptr() for values in asked}
    assert not needed or {embedding.data_ptr(), labels.data_ptr()} <= given
