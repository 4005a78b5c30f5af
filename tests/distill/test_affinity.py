"""FAKD's terms against plain loops and gradients by finite differences; the affinities never whole in memory."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pipeline import affinity, distill
from pipeline.affinity import mean_affinity_difference
from pipeline.distill.channel_affinity import channel_affinity
from pipeline.distill.fitnet import hint_distance
from pipeline.distill.instance_affinity import instance_affinity
from pipeline.distill.output import output_distillation
from pipeline.distill.spatial_affinity import spatial_affinity
from pipeline.errors import InputError

# Batch, channels of the student, channels of the teacher, height, width.
SHAPES = [(2, 3, 5, 4, 3), (3, 4, 4, 1, 5), (1, 2, 7, 3, 3), (2, 1, 2, 1, 1)]


def features(shape, dtype=torch.double):
    batch, narrow, wide, height, width = shape
    rng = torch.Generator().manual_seed(3)
    return [torch.randn(batch, channels, height, width, generator=rng, dtype=dtype) for channels in (narrow, wide)]


def plain_spatial(student, teacher):
    """Loops over pictures and pairs of positions, cosines by math."""
    total, count = 0.0, 0
    for s, t in zip(student.numpy(), teacher.numpy(), strict=True):
        places = [(y, x) for y in range(s.shape[1]) for x in range(s.shape[2])]
        for a in places:
            for b in places:
                pairs = [(f[:, *a], f[:, *b]) for f in (s, t)]
                cosines = [
                    sum(p * q for p, q in zip(*u, strict=True)) / math.prod(math.hypot(*v) for v in u) for u in pairs
                ]
                total, count = total + abs(cosines[0] - cosines[1]), count + 1
    return total / count


@pytest.mark.parametrize("shape", SHAPES)
def test_spatial_affinity_is_the_mean_difference_of_cosines(shape):
    student, teacher = features(shape)
    expected = plain_spatial(student, teacher)
    for rows in (None, 1, 2, 5):
        assert spatial_affinity([student], [teacher], rows=rows).item() == pytest.approx(expected, abs=1e-12)
    both = spatial_affinity([student, 3 * teacher], [teacher, student])
    assert both.item() == pytest.approx(2 * expected, abs=1e-12), "a sum over taps, in which length does not matter"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows", [1, 2, 4, None])
def test_the_gradient_in_strips_is_that_of_the_formula(shape, rows):
    student, teacher = features(shape)
    student.requires_grad_()
    f, g = student.flatten(2), teacher.flatten(2)
    naive = (f.transpose(1, 2) @ f - g.transpose(1, 2) @ g).abs().mean()
    loss = mean_affinity_difference(f, g, rows, 1 if rows == 2 else None)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=0)
    (expected,) = torch.autograd.grad(7 * naive, student)
    (gradient,) = torch.autograd.grad(7 * loss, student)
    torch.testing.assert_close(gradient, expected, rtol=1e-11, atol=1e-13)
    assert torch.autograd.gradcheck(lambda v: mean_affinity_difference(v.flatten(2), g, rows), (student,))
    assert torch.autograd.gradcheck(lambda v: spatial_affinity([v], [teacher], rows=rows), (student,))


def test_float32_agrees_with_the_naive_formula_whatever_the_strips():
    student, teacher = features((2, 16, 24, 9, 11), torch.float32)
    student.requires_grad_()
    unit = [f.flatten(2) / f.flatten(2).norm(dim=1, keepdim=True) for f in (student, teacher)]
    s, t = (f.transpose(1, 2) @ f for f in unit)
    (expected,) = torch.autograd.grad((s - t).abs().mean(), student)
    unit = [f.detach() for f in unit]
    for rows, pictures in ((1, 2), (99, 1), (4, 1), (None, 1), (None, 2)):
        difference = mean_affinity_difference(*unit, rows, pictures)
        torch.testing.assert_close(difference, (s - t).abs().mean(), rtol=1e-6, atol=0)
    for rows in (1, 7, 50, 99, None):
        loss = spatial_affinity([student], [teacher], rows=rows)
        torch.testing.assert_close(loss, (s - t).abs().mean(), rtol=1e-6, atol=0)
        (gradient,) = torch.autograd.grad(loss, student)
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-8)


class Largest(TorchDispatchMode):
    """The number of values of the largest tensor that any operation gives, views included."""

    values = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        self.values = max([self.values, *sizes])
        return result


def test_the_whole_matrices_are_never_made(monkeypatch):
    student, teacher = features((2, 4, 6, 12, 12), torch.float32)
    student.requires_grad_()
    monkeypatch.setitem(affinity.BUFFERS, "cpu", 2**20)
    with Largest() as whole:
        spatial_affinity([student], [teacher]).backward()
    assert whole.values == 2 * 144 * 144, "all at once where memory allows"
    monkeypatch.setitem(affinity.BUFFERS, "cpu", 2 * (20 * 144 * 4))  # two strips of twenty rows of a picture
    with Largest() as small:
        spatial_affinity([student], [teacher]).backward()
    assert small.values == 20 * 144
    monkeypatch.setitem(affinity.BUFFERS, "cpu", 1)
    with Largest() as smallest:
        spatial_affinity([student], [teacher]).backward()
    assert smallest.values <= 2 * 6 * 144, "a row at the least: the features themselves are larger"


def test_equal_features_differ_by_nothing_and_teach_nothing():
    student, _ = features((2, 8, 8, 5, 5), torch.float32)
    teacher = student.clone()
    student.requires_grad_()
    for function in (spatial_affinity, channel_affinity, instance_affinity):
        loss = function([student], [teacher])
        (gradient,) = torch.autograd.grad(loss, student)
        assert loss.item() == 0 and not gradient.any()


def test_a_place_without_features_has_finite_gradients():
    student, teacher = features((2, 3, 5, 4, 3), torch.float32)
    student[:, :, 0, 0] = 0
    student[:, 1] = 0
    for function in (spatial_affinity, channel_affinity, instance_affinity):
        result = student.clone().requires_grad_()
        function([result], [teacher[:, :3]]).backward()
        assert torch.isfinite(result.grad).all()


@pytest.mark.parametrize("function", [spatial_affinity, channel_affinity, instance_affinity])
def test_autocast_changes_nothing_and_no_gradient_goes_to_the_teacher(function):
    student, teacher = features((2, 6, 6, 4, 4), torch.float32)
    student.requires_grad_()
    plain = function([student], [teacher])
    with torch.autocast("cpu", torch.bfloat16):
        loss = function([student], [teacher])
        half = function([student.bfloat16()], [teacher.bfloat16()])
    assert loss.dtype == half.dtype == torch.float32
    assert loss.item() == plain.item() and half.item() == pytest.approx(plain.item(), rel=0.02)
    loss.backward()
    assert student.grad.abs().max() > 0
    with torch.no_grad():
        assert function([student], [teacher]).item() == plain.item()


def plain_matrix(rows):
    """Dot products of all pairs of rows, nested lists."""
    return [[sum(p * q for p, q in zip(a, b, strict=True)) for b in rows] for a in rows]


def unit(row):
    return [value / math.hypot(*row) for value in row]


def mean_difference(matrices):
    pairs = [(a, b) for rows in zip(*matrices, strict=True) for a, b in zip(*rows, strict=True)]
    return sum(abs(a - b) for a, b in pairs) / len(pairs)


def test_channel_affinity_compares_channels_over_positions():
    student, teacher = features((2, 4, 4, 3, 5), torch.float32)
    images = zip(student.flatten(2).tolist(), teacher.flatten(2).tolist(), strict=True)
    expected = sum(mean_difference([plain_matrix(map_units(s)), plain_matrix(map_units(t))]) for s, t in images) / 2
    assert channel_affinity([student], [teacher]).item() == pytest.approx(expected, rel=1e-5)
    twice = channel_affinity([student, teacher], [teacher, student])
    assert twice.item() == pytest.approx(2 * expected, rel=1e-5)


def map_units(rows):
    return [unit(row) for row in rows]


def test_instance_affinity_compares_the_pictures_of_a_batch():
    student, teacher = features((4, 2, 3, 3, 2), torch.float32)
    teacher = teacher[:, :, :2]
    matrices = [map_units(plain_matrix(of.flatten(1).tolist())) for of in (student, teacher)]
    expected = mean_difference(matrices)
    assert instance_affinity([student], [teacher]).item() == pytest.approx(expected, rel=1e-5)
    twice = instance_affinity([student, teacher], [teacher, student])
    assert twice.item() == pytest.approx(2 * expected, rel=1e-5)


@pytest.mark.parametrize("function", [channel_affinity, instance_affinity])
def test_gradients_of_the_small_affinities(function):
    """Central differences at a step that float32 can carry."""
    student, teacher = features((3, 4, 4, 3, 2), torch.float32)
    student.requires_grad_()
    (gradient,) = torch.autograd.grad(function([student], [teacher]), student)
    step = 1e-2
    for place in [(0, 0, 0, 0), (1, 2, 2, 1), (2, 3, 1, 0)]:
        values = []
        for sign in (1, -1):
            moved = student.detach().clone()
            moved[place] += sign * step
            values.append(function([moved], [teacher]).item())
        assert gradient[place].item() == pytest.approx((values[0] - values[1]) / (2 * step), abs=5e-4)


def test_output_is_the_mean_difference_in_grey_levels():
    rng = np.random.default_rng(0)
    student, teacher = (rng.uniform(0, 255, (2, 3, 4, 5)).astype(np.float32) for _ in range(2))
    total = sum(abs(float(a) - float(b)) for a, b in zip(student.flat, teacher.flat, strict=True))
    module = distill.method("output")
    known = [distill.Knowledge(output=torch.from_numpy(of)) for of in (student, teacher)]
    loss = module.loss(*known, module.Settings(weight=0.5))
    assert loss.item() == pytest.approx(total / student.size, rel=1e-5)


@pytest.mark.parametrize(
    ("function", "teacher", "message"),
    [
        (spatial_affinity, [(2, 3, 4, 4), (2, 3, 4, 5)], r"distill.spatial_affinity: .*\(4, 4\)\], the .*\(4, 5\)\]"),
        (spatial_affinity, [(2, 3, 4, 4)], r"distill.spatial_affinity: .* \[\(4, 4\)\] .*as many taps"),
        (channel_affinity, [(2, 3, 4, 4), (2, 5, 4, 4)], r"taps have \[3, 3\] channels, the teacher's \[3, 5\]"),
        (channel_affinity, [(2, 3, 4, 4)], r"distill.channel_affinity: .*\[3, 3\] channels, the teacher's \[3\]"),
        (instance_affinity, [(2, 3, 4, 4)], r"distill.instance_affinity: 2 taps of the student, 1 of the teacher"),
        (lambda s, t: output_distillation(s[0], t[0]), [(2, 3, 8, 8)], r"distill.output: .*\(3, 4, 4\), .*\(3, 8, 8\)"),
        (lambda s, t: hint_distance(s[0], t[0]), [(2, 1, 4, 4)], r"distill.fitnet: .*\(1, 4, 4\)"),
    ],
)
def test_what_cannot_be_compared_is_refused(function, teacher, message):
    student = [torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)]
    with pytest.raises(InputError, match=message):
        function(student, [torch.zeros(shape) for shape in teacher])
