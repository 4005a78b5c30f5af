"""The margin softmax over a share of the identities, against the whole one and a plain computation."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError

from pipeline.face_losses import arcface
from pipeline.models.margin import MarginHead
from pipeline.params.networks import Training
from pipeline.randomness import generator
from pipeline.training import sgd
from tests.helpers.small_networks import margin_head


def head_of(identities: int, sampled: float = 1.0, kind: str = "cosface") -> MarginHead:
    torch.manual_seed(0)
    return margin_head(kind, 4, identities, scale=8.0, margin=0.2, sampled=sampled)


def test_left_out_it_is_the_whole_softmax():
    assert arcface.Settings(kind="arcface", scale=8.0, margin=0.1).sampled == 1
    labels = torch.tensor([3, 1, 3])
    classes, columns = head_of(9).sample(labels, generator("any"))
    assert classes is None and columns is labels
    for wrong in (0.0, -0.1, 1.01, math.nan):
        with pytest.raises(ValidationError):
            arcface.Settings(kind="arcface", scale=8.0, margin=0.1, sampled=wrong)


@pytest.mark.parametrize("kind", ["cosface", "arcface"])
def test_all_identities_give_the_whole_softmax_to_the_last_bit(kind):
    embedding, labels = torch.randn(6, 4, generator=generator("e")), torch.tensor([0, 8, 3, 3, 1, 0])
    results = []
    for sampled in (1.0, 0.999):  # 0.999 of nine is nine: through the sampling, yet all of them
        head, x = head_of(9, sampled, kind), embedding.clone().requires_grad_()
        classes, columns = head.sample(labels, generator("s"))
        assert (classes is None) == (sampled == 1) and (classes is None or classes.tolist() == list(range(9)))
        loss = head.losses(x, columns, classes)["recognition"]
        loss.backward()
        results.append((loss, x.grad, head.weight.grad))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("kind", ["cosface", "arcface"])
def test_a_share_is_the_softmax_over_these_alone(kind):
    head, labels = head_of(20, 0.4, kind), torch.tensor([7, 19, 7])
    x = torch.randn(3, 4, generator=generator("e")).requires_grad_()
    classes, columns = head.sample(labels, generator("s"))
    assert len(classes) == 8 and classes[columns].tolist() == labels.tolist()
    loss = head.losses(x, columns, classes)["recognition"]
    expected = 0.0
    for face, label in zip(x.tolist(), labels.tolist(), strict=True):
        terms = {}
        for identity in classes.tolist():
            row = head.weight[identity].tolist()
            cosine = sum(a * b for a, b in zip(face, row, strict=True)) / (math.hypot(*face) * math.hypot(*row))
            if identity == label:
                cosine = cosine - 0.2 if kind == "cosface" else math.cos(math.acos(cosine) + 0.2)
            terms[identity] = math.exp(8 * cosine)
        expected -= math.log(terms[label] / sum(terms.values())) / 3
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    moved = head.weight.grad.abs().sum(dim=1) > 0
    assert moved.nonzero()[:, 0].tolist() == classes.tolist(), "no other row has a gradient"


def test_gradients_are_those_of_finite_differences():
    head, labels = head_of(12, 0.5), torch.tensor([2, 11])
    classes, columns = head.sample(labels, generator("s"))
    x = torch.randn(2, 4, generator=generator("e"))
    head.losses(x, columns, classes)["recognition"].backward()
    step = 1e-2
    for row, side in ((2, 0), (int(classes[0]), 3), (11, 2)):
        values = []
        for sign in (1, -1):
            moved = head_of(12, 0.5)
            with torch.no_grad():
                moved.weight[row, side] += sign * step
            values.append(moved.losses(x, columns, classes)["recognition"].item())
        assert head.weight.grad[row, side].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-2)


def test_those_of_the_batch_are_always_there_and_the_others_drawn_evenly():
    head, labels = head_of(50, 0.2), torch.tensor([4, 40, 4, 17])
    counts = torch.zeros(50)
    for draw in range(2000):
        classes, columns = head.sample(labels, generator("draw", draw))
        assert classes.tolist() == sorted(set(classes.tolist())) and len(classes) == 10
        assert torch.equal(classes[columns], labels)
        counts[classes] += 1
    assert counts[[4, 40, 17]].tolist() == [2000] * 3
    others = counts[torch.isin(torch.arange(50), labels, invert=True)]
    share = 7 / 47  # each is drawn so often; six standard deviations
    assert (others - 2000 * share).abs().max() < 6 * math.sqrt(2000 * share * (1 - share))
    assert torch.equal(head.sample(labels, generator("one"))[0], head.sample(labels, generator("one"))[0])


def test_a_batch_of_more_people_than_the_share_has_all_of_them():
    classes, columns = head_of(50, 0.02).sample(torch.tensor([9, 3, 30]), generator("s"))
    assert classes.tolist() == [3, 9, 30] and columns.tolist() == [1, 0, 2]


def test_weight_decay_and_momentum_go_on_for_identities_that_were_not_drawn():
    head = head_of(6)
    training = Training(
        epochs=1, batch_size=2, learning_rate=0.1, momentum=0.5, weight_decay=0.01, schedule={"kind": "cosine"},
        gradient_clip=0.0, precision="float32",
    )  # fmt: skip
    optimiser = sgd([head], training)
    x, absent = torch.randn(1, 4, generator=generator("e")), 5
    row, velocity = head.weight[absent].tolist(), [0.0] * 4
    for classes in ([0, absent], [0, 1], [0, 2]):  # drawn in the first step only
        optimiser.zero_grad()
        head.losses(x, torch.tensor([0]), torch.tensor(classes))["recognition"].backward()
        gradient = head.weight.grad[absent].tolist()
        assert any(gradient) == (absent in classes)
        optimiser.step()
        for k in range(4):
            slope = gradient[k] + 0.01 * row[k]
            velocity[k] = 0.5 * velocity[k] + slope
            row[k] -= 0.1 * (slope + 0.5 * velocity[k])
        assert head.weight[absent].tolist() == pytest.approx(row, rel=1e-5)
