"""RCAN, EDSR and SAN: published sizes, formulas by plain computation, taps, precision, what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from pipeline import distill
from pipeline.errors import InputError
from pipeline.metrics.efficiency import count_parameters
from pipeline.models import edsr, rcan, san
from pipeline.models.second_order import NOISE, covariance, second_order_statistics, square_root
from pipeline.models.super_resolution import build
from pipeline.models.upscaling import shuffle_up
from pipeline.params.loading import validate
from pipeline.params.super_resolution_networks import SuperResolutionNetwork, check_taps

SMALL = {
    "rcan": {"architecture": "rcan", "groups": 3, "blocks": 2, "width": 8, "reduction": 4, "skip": "none"},
    "edsr": {"architecture": "edsr", "blocks": 3, "width": 8, "residual_scale": 0.5, "skip": "none"},
    "san": {"architecture": "san", "groups": 3, "blocks": 1, "width": 8, "reduction": 4, "skip": "none"},
}
FAMILIES = sorted(SMALL)


def settings(family, **changes):
    return validate(SuperResolutionNetwork, SMALL[family] | changes, "network")


def network(family, scale=2, channels=3, *, stir=False, **changes):
    """With ``stir``, no parameter keeps a special value such as zero, at which parts of a network are switched off."""
    torch.manual_seed(4)
    made = build(settings(family, **changes), scale, channels)
    if stir:
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def pictures(*shape):
    return 255 * torch.rand(*shape, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("skip", ["none", "bicubic"])
def test_every_scale_and_colour_comes_out_in_size(family, scale, skip):
    for channels, sides in ((1, (5, 7)), (3, (6, 4)), (3, (1, 1))):
        made = network(family, scale, channels, skip=skip)
        output = made(pictures(2, channels, *sides))
        assert output.shape == (2, channels, scale * sides[0], scale * sides[1]) and output.dtype == torch.float32
        assert torch.isfinite(output).all()


@pytest.mark.parametrize(
    ("changes", "scale", "millions"),
    [
        ({"architecture": "rcan", "groups": 10, "blocks": 20, "reduction": 16}, 4, 15.59),  # FAKD's teacher
        ({"architecture": "rcan", "groups": 10, "blocks": 6, "reduction": 16}, 4, 5.17),  # and student
        ({"architecture": "edsr", "blocks": 16, "residual_scale": 1.0}, 2, 1.37),  # EDSR's "baseline"
        ({"architecture": "edsr", "blocks": 16, "residual_scale": 1.0}, 4, 1.52),
        ({"architecture": "edsr", "blocks": 32, "width": 256, "residual_scale": 0.1}, 4, 43.09),
        ({"architecture": "san", "groups": 20, "blocks": 10, "reduction": 16}, 4, 15.82),  # published 15.86: below
        ({"architecture": "san", "groups": 6, "blocks": 10, "reduction": 16}, 4, 4.96),  # published 5.0
    ],
)
def test_networks_are_as_large_as_published(changes, scale, millions):
    with torch.device("meta"):
        made = build(validate(SuperResolutionNetwork, {"width": 64, "skip": "none"} | changes, ""), scale, 3)
    count = count_parameters(made)
    assert round(count / 1e6, 2) == millions
    if changes["architecture"] == "san":
        # What the authors' code has beside: a convolution, an attention with reduction 8, a factor per group, two fixed
        # colour shifts.
        groups, unused = changes["groups"], (64 * 9 + 1) * 64 + (64 + 1) * 8 + (8 + 1) * 64
        assert round((count + unused + groups + 2 * 12) / 1e6, 2) == {20: 15.86, 6: 5.0}[groups]


def plain_convolution(image, layer):
    """(C, H, W) -> (C', H, W), one value after another, zeros beyond the border."""
    weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    reach = weight.shape[2] // 2
    padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)))
    out = np.empty((len(weight), *image.shape[1:]))
    for o in range(len(weight)):
        for y in range(image.shape[1]):
            for x in range(image.shape[2]):
                window = padded[:, y : y + weight.shape[2], x : x + weight.shape[3]]
                out[o, y, x] = (window * weight[o]).sum() + bias[o]
    return out


def plain_gate(values, gate):
    """A number per channel (C,) -> its gate in 0..1 (C,): two small layers, relu between, a sigmoid."""
    w1, b1, w2, b2 = (p.detach().double().numpy().squeeze() for p in gate.parameters())
    return 1 / (1 + np.exp(-(w2 @ np.maximum(w1 @ values + b1, 0) + b2)))


def maps(channels=8, height=4, width=5):
    return torch.randn(2, channels, height, width, generator=torch.Generator().manual_seed(6))


def plain_branch(image, branch):
    return plain_convolution(np.maximum(plain_convolution(image, branch[0]), 0), branch[2])


def test_rcans_block_is_the_formula():
    torch.manual_seed(0)
    block, x = rcan.Block(8, 4), maps()
    for image, found in zip(x.double().numpy(), block(x).detach().numpy(), strict=True):
        inner = plain_branch(image, block.branch)
        gates = plain_gate(inner.mean(axis=(1, 2)), block.branch[3].gate)
        np.testing.assert_allclose(found, image + inner * gates[:, None, None], atol=1e-5)


def test_edsrs_block_is_the_formula():
    torch.manual_seed(0)
    block, x = edsr.Block(8, 0.3), maps()
    for image, found in zip(x.double().numpy(), block(x).detach().numpy(), strict=True):
        np.testing.assert_allclose(found, image + 0.3 * plain_branch(image, block.branch), atol=1e-5)


def plain_square_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T


def plain_newton(matrix, iterations):
    """The iteration on each eigenvalue alone, which numpy finds."""
    values, vectors = np.linalg.eigh(matrix)
    root, inverse = values / values.sum(), np.ones(len(values))
    for _ in range(iterations):
        factor = (3 - inverse * root) / 2
        root, inverse = root * factor, factor * inverse
    return vectors @ np.diag(root * np.sqrt(values.sum())) @ vectors.T


def test_newton_and_schulz_find_the_square_root():
    x = maps(6, 7, 8).double()
    for image, matrix in zip(x.numpy(), covariance(x), strict=True):
        expected = np.cov(image.reshape(6, -1), bias=True)
        np.testing.assert_allclose(matrix, expected, atol=1e-12)
        for iterations in (1, 2, 5, 30):
            found = square_root(matrix[None], iterations)[0]
            np.testing.assert_allclose(found, plain_newton(expected, iterations), atol=1e-9)
        np.testing.assert_allclose(found, plain_square_root(expected), atol=1e-9)
        five = square_root(matrix[None], 5)[0].numpy()
        assert 1e-4 < np.abs(five - plain_square_root(expected)).max() < 0.2, "near, as the network uses it"


def test_second_order_attention_is_the_formula():
    torch.manual_seed(0)
    attention, x = san.SecondOrderAttention(8, 4), maps()
    for image, found in zip(x.double().numpy(), attention(x).detach().numpy(), strict=True):
        spread = np.cov(image.reshape(8, -1), bias=True) + NOISE * np.eye(8)
        gates = plain_gate(plain_newton(spread, 5).mean(axis=0), attention.gate)
        np.testing.assert_allclose(found, image * gates[:, None, None], atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0, 300.0])
def test_second_order_attention_is_finite_where_nothing_varies(value):
    for x in (torch.full((2, 16, 6, 6), value), torch.full((1, 16, 1, 1), value)):
        x.requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            found = second_order_statistics(x)
        assert found.dtype == torch.float32 and torch.isfinite(found).all()
        (gradient,) = torch.autograd.grad(found.sum(), x)
        assert torch.isfinite(gradient).all()
    almost = (value + 1e-4 * maps(16, 6, 6)).requires_grad_()
    (gradient,) = torch.autograd.grad(second_order_statistics(almost).sum(), almost)
    assert torch.isfinite(gradient).all() and gradient.abs().max() < 10


def test_second_order_statistics_have_true_gradients_and_ignore_autocast():
    x = maps(3, 3, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(second_order_statistics, (x,))
    with torch.autocast("cpu", torch.bfloat16):  # which leaves double alone, but not float32
        found = second_order_statistics(maps())
    assert torch.equal(found, second_order_statistics(maps()))


def in_twos(numbers):
    """[3, 4, 5, 6, 7] -> slices of 3, 4 and of 5, 6."""
    width = min(2, len(numbers))
    return [slice(first, first + width) for first in numbers[:: width or 1] if first + width <= numbers.stop]


@pytest.mark.parametrize("sides", [(4, 5), (1, 3), (5, 1), (9, 6)])
def test_positions_attend_to_fields_of_their_quarter(sides):
    torch.manual_seed(1)
    module, x = san.NonLocal(8), maps(8, *sides)
    torch.testing.assert_close(module(x), x)  # it starts as nothing
    torch.nn.init.normal_(module.project.weight)
    torch.nn.init.normal_(module.project.bias)
    found = module(x).detach().numpy()
    height, width = sides
    for image, out in zip(x.double().numpy(), found, strict=True):
        theta, phi, g = (plain_convolution(image, module.embed[name]) for name in ("theta", "phi", "g"))
        mixed = np.empty_like(g)
        for y in range(height):
            for column in range(width):
                # The quarter's rows and columns, two by two; of an odd number the last is left out, but not a single one.
                rows = range(height // 2) if y < height // 2 else range(height // 2, height)
                columns = range(width // 2) if column < width // 2 else range(width // 2, width)
                places = [[v, u] for v in in_twos(rows) for u in in_twos(columns)]
                fields = [[phi[:, v, u].max(axis=(1, 2)), g[:, v, u].max(axis=(1, 2))] for v, u in places]
                powers = np.exp([theta[:, y, column] @ key for key, _ in fields])
                weighed = [p * value for p, (_, value) in zip(powers, fields, strict=True)]
                mixed[:, y, column] = sum(weighed) / powers.sum()
        np.testing.assert_allclose(out, image + plain_convolution(mixed, module.project), atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_frame_is_affine_in_body_shuffle_and_affine_out(family):
    """From its parts: what goes in, what the last layers make of body plus skip, what comes out."""
    made, x = network(family, 4, stir=True), pictures(2, 3, 5, 6)
    inside = made.look_inside(x, [])
    (deep,) = inside.features
    up = deep + functional.conv2d((x - 127.5) / 127.5, made.head.weight, made.head.bias, padding=1)
    for layer in (made.shuffle[0], made.shuffle[2]):  # x4 is two of x2
        wide = functional.conv2d(up, layer.weight, layer.bias, padding=1)
        batch, channels, height, width = wide.shape
        up = wide.view(batch, channels // 4, 2, 2, height, width).permute(0, 1, 4, 2, 5, 3)
        up = up.reshape(batch, channels // 4, 2 * height, 2 * width)
    expected = 127.5 + 127.5 * functional.conv2d(up, made.tail.weight, made.tail.bias, padding=1)
    torch.testing.assert_close(inside.output, expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("family", FAMILIES)
def test_with_the_bicubic_skip_a_network_starts_as_pillow_enlarges(family):
    x = (90 + pictures(1, 3, 9, 7) / 4).round()  # no overshoot, which Pillow clips in between
    made = network(family, 3, skip="bicubic")
    image = Image.fromarray(x[0].permute(1, 2, 0).to(torch.uint8).numpy())
    expected = np.asarray(image.resize((21, 27), Image.Resampling.BICUBIC), dtype=float).transpose(2, 0, 1)
    found = made(x)[0].detach()
    assert np.abs(found.clamp(0, 255).numpy() - expected).max() < 1.01, "Pillow rounds between rows and columns"
    other = network(family, 3, stir=True, skip="bicubic")
    residual = network(family, 3, stir=True)
    residual.load_state_dict(other.state_dict())
    torch.testing.assert_close(other(x) - found, residual(x) - 127.5, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("family", FAMILIES)
def test_look_inside_gives_forwards_output_and_the_outputs_of_the_taps(family):
    made, x = network(family, stir=True), pictures(2, 3, 6, 6)
    seen = {}
    for number, group in enumerate(made.groups, start=1):
        group.register_forward_hook(lambda _, __, output, number=number: seen.update({number: output}))
    inside = made.look_inside(x, [1, 3])
    assert torch.equal(inside.output, made(x)) and len(inside.features) == 3
    assert all(features.shape == (2, 8, 6, 6) for features in inside.features)
    if family != "san":
        assert torch.equal(inside.features[0], seen[1]) and torch.equal(inside.features[1], seen[3])
        torch.testing.assert_close(inside.features[2], made.body_tail(seen[3]))
    else:  # every group's output with its share of the source; after the last, the non-local module
        source = made.non_local(made.head(x / 127.5 - 1))
        torch.testing.assert_close(inside.features[0], seen[1] + made.gamma * source)
        torch.testing.assert_close(inside.features[1], seen[3] + made.gamma * source)
        torch.testing.assert_close(inside.features[2], made.non_local(inside.features[1]))
    for taps in ([0], [2, 4], [-1]):
        with pytest.raises(ValueError, match=r"taps = .* expected 1 to 3"):
            made.look_inside(x, taps)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("skip", ["none", "bicubic"])
def test_gradients_reach_every_parameter(family, skip):
    wide = {} if family == "edsr" else {"reduction": 1}  # of two hidden units all may be dead
    made = network(family, stir=True, skip=skip, **wide)
    made(pictures(2, 3, 8, 8)).square().mean().backward()  # quarters of several fields, or there is nothing to choose
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        if "phi.bias" not in name:  # softmax does not change when all its arguments move together
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("skip", ["none", "bicubic"])
def test_bfloat16_gives_float32_pixels_near_those_of_float32(family, skip):
    made, x = network(family, stir=True, skip=skip), pictures(2, 3, 8, 8)
    plain = made(x)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = made(x.contiguous(memory_format=torch.channels_last))
    assert rounded.dtype == torch.float32
    spread = (plain - plain.mean()).std()
    assert (rounded - plain).std() < 0.05 * spread
    assert rounded.unique().numel() > 0.2 * rounded.numel(), "not on the grid of bfloat16 (some 100 values)"
    rounded.mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in made.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_and_outputs_follow_from_the_seed(family):
    x = pictures(2, 3, 6, 6)
    one, other = network(family), network(family)
    for (name, a), b in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert torch.equal(one(x), other(x)) and torch.equal(one(x), one(x))
    assert one.head.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(one(x.contiguous(memory_format=torch.channels_last)), one(x))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "method", ["at", "fitnet", "fskd", "spatial_affinity", "channel_affinity", "instance_affinity", "output"]
)
def test_the_methods_that_compare_features_teach_the_whole_body(family, method):
    student, teacher = network(family, stir=True), network(family, stir=True)
    with torch.no_grad():
        for parameter in teacher.parameters():
            parameter.mul_(1 + 0.2 * torch.randn_like(parameter))
    x = pictures(2, 3, 6, 6)
    known = [distill.Knowledge(**made.look_inside(x, [1, 2])._asdict()) for made in (student, teacher)]
    module = distill.method(method)
    loss = module.loss(*known, module.Settings(weight=1.0))
    loss.backward()
    assert torch.isfinite(loss) and loss > 0
    first = student.head.weight.grad
    assert torch.isfinite(first).all() and first.abs().max() > 0


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("rcan", {"groups": 0}, r"network.groups = 0: expected greater than or equal to 1"),
        ("rcan", {"reduction": 9}, r"reduction = 9: expected at most width = 8"),
        ("san", {"width": 3}, r"network.width = 3: expected greater than or equal to 4"),
        ("san", {"skip": "bilinear"}, r"network.skip = 'bilinear': expected 'none' or 'bicubic'"),
        ("edsr", {"residual_scale": 0.0}, r"network.residual_scale = 0.0: expected greater than 0"),
        ("edsr", {"groups": 3}, r"network.groups is not a known setting"),
        ("edsr", {"architecture": "srcnn"}, r"network.*srcnn.*expected.*'rcan', 'edsr', 'san'"),
    ],
)
def test_bad_settings_are_refused_by_name(family, changes, message):
    with pytest.raises(InputError, match=message):
        settings(family, **changes)


@pytest.mark.parametrize(
    ("family", "taps", "message"),
    [
        ("rcan", [1, 4], r"taps = \[1, 4\]: found 4, expected 1 to 3, the network's groups"),
        ("san", [0], r"found 0, expected 1 to 3, the network's groups"),
        ("edsr", [-1, 2], r"found -1, expected 1 to 3, the network's blocks"),
        ("rcan", [2, 1], r"taps = \[2, 1\]: expected growing numbers, each group once"),
        ("edsr", [2, 2], r"taps = \[2, 2\]: expected growing numbers, each block once"),
    ],
)
def test_bad_taps_are_refused(family, taps, message):
    with pytest.raises(ValueError, match=message):
        check_taps(settings(family), taps)
    check_taps(settings(family), [])
    check_taps(settings(family), [1, 3])


def test_bad_scales_and_channels_are_refused():
    for scale in (0, 1, 5, 6, 16):
        with pytest.raises(ValueError, match=f"scale = {scale}: expected 2, 3, 4 or 8"):
            shuffle_up(scale, 4)
    with pytest.raises(ValueError, match="channels = 4: expected 1"):
        network("rcan", channels=4)


def test_settings_need_no_torch(root):
    code = (
        "import sys, pipeline.params.super_resolution_networks, pipeline.distill as d;"
        " [d.method(name) for name in d.method_names()]; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
