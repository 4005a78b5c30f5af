"""The losses on features of photo-sketch synthesis: by loops, by finite differences, and who gets a gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.tasks.synthesis.losses import direction, distance, knowledge_transfer, match_sides, mutual_transfer
from tests.helpers.synthesis import features, plain_distance


def test_the_distance_is_that_of_directions():
    ours, theirs = features(2, 5, 3, 4), features(2, 5, 3, 4, seed=2)
    assert distance(ours, direction(theirs)).item() == pytest.approx(plain_distance(ours, theirs), rel=1e-5)
    assert distance(ours, direction(7 * ours)).item() == pytest.approx(0, abs=1e-5)
    assert distance(ours, direction(-ours)).item() == pytest.approx(4, rel=1e-5)
    assert distance(ours.bfloat16(), direction(theirs)).dtype == torch.float32


def test_the_distance_has_true_gradients_and_none_that_is_not_finite():
    target = direction(features(1, 3, 2, 2, seed=2)).double()
    own = features(1, 3, 2, 2).double()
    own[0, :, 0, 0] = 0.02
    own.requires_grad_()  # what follows is float32 inside, against differences in doubles
    distance(own, target).backward()
    plain, step = own.detach().clone(), 1e-3
    for index in np.ndindex(*own.shape):
        sides = []
        for sign in (1, -1):
            moved = plain.clone()
            moved[index] += sign * step
            unit = moved / (moved.square().sum(1, keepdim=True) + 1e-6).sqrt()
            sides.append((unit - target).square().sum(1).mean().item())
        assert own.grad[index].item() == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=2e-2, abs=2e-3)
    dark = torch.zeros(1, 3, 2, 2, requires_grad=True)
    distance(dark, direction(torch.zeros(1, 3, 2, 2))).backward()
    assert torch.isfinite(dark.grad).all()


def test_sides_are_matched_by_means_or_between_places():
    x = features(1, 2, 4, 6)
    assert match_sides(x, (4, 6)) is x
    result = match_sides(x, (2, 3))
    for y in range(2):
        for column in range(3):
            expected = x[:, :, 2 * y : 2 * y + 2, 2 * column : 2 * column + 2].mean((2, 3))
            torch.testing.assert_close(result[:, :, y, column], expected)
    line = torch.tensor([[[[0.0, 1.0]]]])
    assert match_sides(line, (1, 4)).flatten().tolist() == [0, 0.25, 0.75, 1]


def test_knowledge_transfer_sums_over_taps_after_adapting():
    student = {1: features(2, 3, 4, 4), 3: features(2, 5, 2, 2, seed=2)}
    teacher = {1: features(2, 6, 2, 2, seed=3), 3: features(2, 4, 2, 2, seed=4)}
    weights = {1: features(6, 3, seed=5), 3: features(4, 5, seed=6)}

    def adapt(tap, maps):
        return torch.einsum("oc,bchw->bohw", weights[tap], maps)

    loss = knowledge_transfer(student, {tap: direction(phi) for tap, phi in teacher.items()}, adapt)
    pooled = student[1].view(2, 3, 2, 2, 2, 2).mean((3, 5))
    expected = plain_distance(adapt(1, pooled), teacher[1]) + plain_distance(adapt(3, student[3]), teacher[3])
    assert loss.ndim == 0 and loss.item() == pytest.approx(expected, rel=1e-5)


def test_mutual_transfer_teaches_the_decoder_and_not_its_source():
    decoded = {2: features(2, 3, 4, 4).requires_grad_(), 3: features(2, 5, 2, 2, seed=2).requires_grad_()}
    encoded = {2: features(2, 3, 4, 4, seed=3).requires_grad_(), 3: features(2, 5, 2, 2, seed=4).requires_grad_()}
    loss = mutual_transfer(decoded, encoded)
    expected = sum(plain_distance(decoded[tap].detach(), encoded[tap].detach()) for tap in (2, 3))
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert all(source.grad is None for source in encoded.values())
    assert all(own.grad.abs().max() > 0 for own in decoded.values())
