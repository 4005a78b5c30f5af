"""CBAM, the bottleneck and the margins against plain computations of their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from pipeline.metrics.efficiency import multiply_adds
from pipeline.models.cbam import CBAM
from pipeline.models.freezing import freeze
from pipeline.models.mobilefacenet import MobileFaceNet
from pipeline.models.resnext import Bottleneck, ResNeXtCBAM, parameters_of
from tests.helpers.small_networks import margin_head

SETTINGS = {
    "image_size": 16,
    "channels": 3,
    "stem_width": 4,
    "stem_stride": 1,
    "depths": [1, 2],
    "widths": [8, 12],
    "cardinality": 2,
    "group_widths": [2, 4],
    "reduction": 4,
    "attention_kernel": 3,
    "embedding": 5,
    "dropout": 0.0,
}


def test_cbam_equals_the_formula_value_by_value():
    torch.manual_seed(0)
    module = CBAM(channels=4, reduction=2, kernel=3)
    x = torch.randn(2, 4, 3, 5)
    with torch.no_grad():
        out, channel, spatial = module(x)
    w1, w2 = module.squeeze.weight.tolist(), module.excite.weight.tolist()
    kernel = module.spatial.weight[0].tolist()  # (2, 3, 3)
    for b in range(2):
        plane = x[b].tolist()

        def mlp(v):
            hidden = [max(0.0, sum(w * a for w, a in zip(row, v, strict=True))) for row in w1]
            return [sum(w * a for w, a in zip(row, hidden, strict=True)) for row in w2]

        flat = [[v for row in plane[c] for v in row] for c in range(4)]
        mean, top = mlp([sum(f) / len(f) for f in flat]), mlp([max(f) for f in flat])
        wanted_channel = [m + t for m, t in zip(mean, top, strict=True)]
        assert channel[b].tolist() == pytest.approx(wanted_channel, abs=1e-5)
        gated = [[[v / (1 + math.exp(-wanted_channel[c])) for v in row] for row in plane[c]] for c in range(4)]
        for i in range(3):
            for j in range(5):
                total = 0.0
                for di in (-1, 0, 1):
                    for dj in (-1, 0, 1):
                        if 0 <= i + di < 3 and 0 <= j + dj < 5:
                            column = [gated[c][i + di][j + dj] for c in range(4)]
                            total += kernel[0][di + 1][dj + 1] * sum(column) / 4
                            total += kernel[1][di + 1][dj + 1] * max(column)
                assert spatial[b, i, j].item() == pytest.approx(total, abs=1e-5)
                for c in range(4):
                    assert out[b, c, i, j].item() == pytest.approx(gated[c][i][j] / (1 + math.exp(-total)), abs=1e-5)


def test_cbam_is_the_same_for_channels_last_and_has_true_gradients():
    torch.manual_seed(1)
    module = CBAM(channels=6, reduction=2, kernel=5).double()
    x = torch.randn(2, 6, 3, 2, dtype=torch.double, requires_grad=True)
    last = x.contiguous(memory_format=torch.channels_last)
    for one, other in zip(module(x), module(last), strict=True):
        torch.testing.assert_close(one, other)
    assert torch.autograd.gradcheck(lambda v: module(v), (x,), atol=1e-5)


def test_bottleneck_adds_the_weighted_branch_to_its_shortcut():
    torch.manual_seed(2)
    block = Bottleneck(8, 8, stride=1, cardinality=2, group_width=2, reduction=4, kernel=3).eval()
    x = torch.randn(1, 8, 6, 6)
    out, channel, spatial = block(x)
    plain = block.branch(x)
    gated = plain * torch.sigmoid(channel)[..., None, None] * torch.sigmoid(spatial)[:, None]
    torch.testing.assert_close(out, torch.relu(gated + x))
    assert [m.groups for m in block.branch if isinstance(m, torch.nn.Conv2d)] == [1, 2, 1]


def test_network_shapes_maps_and_stage_ends():
    network = ResNeXtCBAM(**SETTINGS).eval()
    embedding, channels, spatial, features = network.look_inside(torch.zeros(3, 3, 16, 16))
    assert embedding.shape == (3, 5)
    assert [tuple(m.shape) for m in channels] == [(3, 8), (3, 12), (3, 12)]
    assert [tuple(m.shape) for m in spatial] == [(3, 8, 8), (3, 4, 4), (3, 4, 4)]
    assert [tuple(m.shape) for m in features] == [(3, 8, 8, 8), (3, 12, 4, 4)]
    assert network.stage_ends == [0, 2]
    assert parameters_of(freeze(network)) == 0


def test_mobilefacenet_is_as_large_as_published():
    """0.99 million parameters and 221 million multiply-adds at 112 pixels, as the paper says."""
    network = MobileFaceNet(image_size=112, channels=3, stem_stride=2, width=1.0, embedding=128).eval()
    assert round(parameters_of(network) / 1e6, 1) == 1.0
    assert round(multiply_adds(network, (3, 112, 112)) / 1e6) == 221


@pytest.mark.parametrize(("size", "stride", "width"), [(15, 1, 0.125), (28, 2, 0.5), (33, 2, 1.0)])
def test_mobilefacenet_takes_any_size_and_shows_its_stages(size, stride, width):
    network = MobileFaceNet(image_size=size, channels=1, stem_stride=stride, width=width, embedding=6).eval()
    inside = network.look_inside(torch.zeros(2, 1, size, size))
    assert inside.embedding.shape == (2, 6) and len(inside.features) == 5
    assert inside.channel_maps == inside.spatial_maps == [] and network.stage_ends == ()


def test_odd_sizes_and_strides_fit_the_head():
    for size, stride in ((15, 1), (17, 2), (20, 2)):
        network = ResNeXtCBAM(**{**SETTINGS, "image_size": size, "stem_stride": stride}).eval()
        assert network(torch.zeros(1, 3, size, size)).shape == (1, 5)


@pytest.mark.parametrize("kind", ["cosface", "arcface"])
def test_margins_equal_the_formulas(kind):
    torch.manual_seed(3)
    head = margin_head(kind, 4, 3, scale=10.0, margin=0.3)
    embedding, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 2, 1])
    logits = head.logits(head.cosines(embedding), labels)
    for b in range(5):
        e = embedding[b].tolist()
        for k in range(3):
            w = head.weight[k].tolist()
            cosine = sum(x * y for x, y in zip(e, w, strict=True)) / (math.hypot(*e) * math.hypot(*w))
            wanted = 10 * cosine
            if k == labels[b]:
                wanted = 10 * (cosine - 0.3) if kind == "cosface" else 10 * math.cos(math.acos(cosine) + 0.3)
            assert logits[b, k].item() == pytest.approx(wanted, abs=1e-4)


def test_arcface_keeps_falling_beyond_pi():
    head = margin_head("arcface", 2, 2, scale=1.0, margin=0.5)
    cosines = torch.linspace(-1, 1, 2001)[:, None].expand(-1, 2)
    target = head.logits(cosines, torch.zeros(2001, dtype=torch.long))[:, 0]
    assert (target.diff() > 0).all(), "the right identity's logit must grow with its cosine"
    assert (target <= cosines[:, 0] + 1e-6).all(), "the margin must never help"


class ClampPassingTies(torch.autograd.Function):
    """clamp(min=0) whose gradient at 0 is 1, as in torch before 2.12."""

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values.relu()

    @staticmethod
    def backward(ctx, outer):
        return outer * (ctx.saved_tensors[0] >= 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("ties", ["as this torch", "passed on"])
def test_arcface_at_the_ends_of_the_cosine(dtype, ties, monkeypatch):
    """At 1 and, by rounding, beyond: cos m, with a slope of cos m; at -1 what goes on falling, with a slope of 1."""
    if ties == "passed on":
        monkeypatch.setattr(torch.Tensor, "clamp", lambda values, min: ClampPassingTies.apply(values))
    head = margin_head("arcface", 2, 2, scale=2.0, margin=0.5)
    past = 1 + torch.finfo(dtype).eps
    cosines = torch.tensor([[1.0, past, -1.0, -past]], dtype=dtype).T.repeat(1, 2).requires_grad_()
    logits = head.logits(cosines, torch.zeros(4, dtype=torch.long))
    logits[:, 0].sum().backward()
    fallen = -1 - 0.5 * math.sin(0.5)
    near = {"rtol": 0, "atol": 4 * torch.finfo(dtype).eps}
    expected = [2 * math.cos(0.5), 2 * math.cos(0.5), 2 * fallen, 2 * fallen]
    torch.testing.assert_close(logits[:, 0], torch.tensor(expected, dtype=dtype), **near)
    slopes = torch.tensor([2 * math.cos(0.5), 2 * math.cos(0.5), 2.0, 2.0], dtype=dtype)
    torch.testing.assert_close(cosines.grad[:, 0], slopes, **near)
    assert not cosines.grad[:, 1].any()


def test_margin_gradients_are_finite_at_the_ends_and_true_inside():
    for kind in ("cosface", "arcface"):
        head = margin_head(kind, 3, 4, scale=8.0, margin=0.4).double()
        labels = torch.tensor([0, 3])
        x = torch.randn(2, 3, dtype=torch.double, requires_grad=True)

        def value(v, head=head, labels=labels):
            cosines = functional.linear(functional.normalize(v), functional.normalize(head.weight))
            return functional.cross_entropy(head.logits(cosines, labels), labels)

        assert torch.autograd.gradcheck(value, (x,))
        ends = torch.tensor([[1.0, -1.0]], dtype=torch.double, requires_grad=True)
        loss = sum(head.logits(ends, torch.tensor([k])).sum() for k in (0, 1))
        loss.backward()
        assert torch.isfinite(ends.grad).all()
