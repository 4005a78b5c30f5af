"""Translators, discriminators and teachers of photo-sketch synthesis: shapes, formulas, weights, what is refused."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pipeline.errors import InputError
from pipeline.metrics.efficiency import count_parameters
from pipeline.models import patch_discriminator, translator, vgg, vgg19
from pipeline.models.adversarial import discriminator_losses, generator_loss
from pipeline.models.freezing import freeze
from pipeline.params.loading import validate
from pipeline.params.translators import PatchDiscriminator, Translator, check_discriminator, check_size, check_taps
from pipeline.params.vgg import SynthesisTeacher, check_teacher_size, check_teacher_taps

SMALL = {
    "unet": {"architecture": "unet", "levels": 3, "width": 4, "widest": 8, "norm": "instance"},
    "resnet": {"architecture": "resnet", "levels": 2, "width": 4, "widest": 8, "norm": "instance", "blocks": 2},
}
FAMILIES = sorted(SMALL)


def settings(family, **changes):
    return validate(Translator, SMALL[family] | changes, "network")


def network(family, inputs=3, outputs=1, **changes):
    torch.manual_seed(4)
    return translator.build(settings(family, **changes), inputs, outputs)


def pictures(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(5))


def teacher(**changes):
    values = {"architecture": "vgg", "widths": [4, 6, 8], "depths": [1, 2, 1], "embedding": 5} | changes
    return validate(SynthesisTeacher, values, "teacher")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_pictures_of_any_fitting_size_come_out_in_size_and_features_pair_up_by_level(family, norm):
    made = network(family, norm=norm)
    for height, width in ((16, 24), (32, 8)):
        inside = made.look_inside(pictures(2, 3, height, width))
        assert inside.output.shape == (2, 1, height, width) and inside.output.dtype == torch.float32
        assert inside.output.min() >= 0 and inside.output.max() <= 1
        widths = settings(family).widths
        shapes = [(2, c, height >> level, width >> level) for level, c in enumerate(widths)]
        assert [tuple(f.shape) for f in inside.encoder] == shapes
        assert [tuple(f.shape) for f in inside.decoder] == shapes[::-1]
        for level, shape in enumerate(shapes, start=1):
            assert tuple(inside.decoded(level).shape) == shape
        assert torch.equal(made(pictures(2, 3, height, width)), inside.output)


def test_widths_double_up_to_the_widest():
    assert settings("unet", levels=5, width=6, widest=40).widths == [6, 12, 24, 40, 40, 40]


def test_a_unet_works_down_to_a_single_place_at_the_bottom():
    made = network("unet").train()
    output = made(pictures(2, 3, 8, 8))
    output.square().mean().backward()
    assert torch.isfinite(output).all() and all(torch.isfinite(p.grad).all() for p in made.parameters())


def test_the_unet_is_its_formula():
    """Layer by layer from its weights, with torch's functions."""
    made, x = network("unet", levels=1, widest=8), pictures(2, 3, 6, 8)
    p = dict(made.named_parameters())
    e1 = functional.leaky_relu(functional.conv2d(2 * x - 1, p["stem.0.weight"], p["stem.0.bias"], padding=1), 0.2)
    e2 = functional.conv2d(e1, p["down.0.0.weight"], p["down.0.0.bias"], stride=2, padding=1)
    e2 = functional.leaky_relu(e2, 0.2)
    d2 = functional.conv2d(e2, p["bridge.0.weight"], p["bridge.0.bias"], padding=1).relu()
    up = functional.conv2d(d2, p["narrow.0.0.weight"], p["narrow.0.0.bias"])
    up = up.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    z = functional.conv2d(torch.cat([up, e1], 1), p["up.0.0.weight"], padding=1)
    z = (z - z.mean((2, 3), keepdim=True)) / (z.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    out = functional.conv2d(z.relu(), p["head.0.weight"], p["head.0.bias"], padding=1)
    inside = made.look_inside(x)
    for found, expected in ((inside.encoder, [e1, e2]), (inside.decoder, [d2, z.relu()])):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(inside.output, torch.sigmoid(2 * out), atol=1e-5, rtol=1e-4)


def test_the_resnet_has_cyclegans_size_and_its_blocks_add():
    with torch.device("meta"):
        large = translator.build(settings("resnet", width=64, widest=256, blocks=9), 3, 3)
    # Published 11.378 M with transposed convolutions of as many weights; the norms take the biases of all but the last.
    assert count_parameters(large) == 9 * 2 * 256 * 256 * 9 + 2 * 9 * (64 * 128 + 128 * 256) + 2 * 49 * 3 * 64 + 3
    made, x = network("resnet"), pictures(2, 3, 16, 16)
    inside = made.look_inside(x)
    bottom = inside.encoder[-1]
    for block in made.blocks:
        bottom = bottom + block.branch(bottom)
    torch.testing.assert_close(inside.decoder[0], bottom)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_comes_out_has_no_checkerboard(family):
    """Of an even picture the middle of the output is even: transposed convolutions would repeat every 2 pixels."""
    made = network(family, norm="batch").eval()
    size = 128
    middle = made(torch.full((1, 3, size, size), 0.7))[0, 0, 60:68, 60:68]
    assert (middle - middle.mean()).abs().max() < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_gradients_reach_every_parameter(family, norm):
    made = network(family, norm=norm)
    (made(pictures(2, 3, 16, 16)) * pictures(2, 1, 16, 16)).sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("family", FAMILIES)
def test_bfloat16_gives_float32_pixels_near_those_of_float32(family):
    made, x = network(family), pictures(2, 3, 32, 32)
    plain = made(x)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = made(x)
    assert rounded.dtype == torch.float32 and (rounded - plain).abs().mean() < 0.05 * plain.std()
    assert rounded.unique().numel() > 200


def test_unet_dropout_is_drawn_in_training_alone():
    made, x = network("unet", dropout=0.5), pictures(2, 3, 16, 16)
    assert not torch.equal(made(x), made(x))
    made.eval()
    assert torch.equal(made(x), made(x))


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_discriminators_answer_sees_its_patch_and_nothing_beyond(layers, patch):
    torch.manual_seed(1)
    made = patch_discriminator.build(PatchDiscriminator(layers=layers, width=4, norm="batch"), 4).double().eval()
    size = 128
    given, judged = (pictures(1, c, size, size).double().requires_grad_() for c in (3, 1))
    answers = made(given, judged)
    side = size // 2**layers - 2
    assert answers.shape == (1, 1, side, side) and answers.dtype == torch.float32
    answers[0, 0, side // 2, side // 2].backward()
    for seen in (given.grad, judged.grad):  # conditional: both pictures are looked at
        rows = seen[0].abs().sum((0, 2)).nonzero()
        assert rows.max() - rows.min() + 1 == patch


def test_discriminators_have_pix2pixs_size():
    with torch.device("meta"):
        made = patch_discriminator.build(PatchDiscriminator(layers=3, width=64, norm="instance"), 6)
    weights = 16 * (6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512)
    assert count_parameters(made) == weights + 64 + 1
    assert patch_discriminator.build(PatchDiscriminator(layers=2, width=4, norm="instance"), 4)(
        pictures(1, 3, 12, 12), pictures(1, 1, 12, 12)
    ).shape == (1, 1, 1, 1), "the smallest picture that check_discriminator lets pass"


def test_lsgan_is_its_formula():
    real, made = (torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(s)) for s in (1, 2))
    true = sum((v - 1) ** 2 for v in real.flatten().tolist()) / 24 / 2
    fake = sum(v**2 for v in made.flatten().tolist()) / 24 / 2
    assert [loss.item() for loss in discriminator_losses(real, made)] == pytest.approx([true, fake], rel=1e-5)
    seen_through = sum((v - 1) ** 2 for v in made.flatten().tolist()) / 24
    assert generator_loss(made).item() == pytest.approx(seen_through, rel=1e-5)


def test_a_taught_network_gives_the_last_relu_of_every_stage_and_its_embedding():
    torch.manual_seed(2)
    made = vgg.build(teacher(), 20, 3)
    x = pictures(4, 3, 20, 20)
    seen = []
    for stage in made.stages:
        stage[-1].register_forward_hook(lambda _, __, output: seen.append(output))
    inside = made.eval().look_inside(x)
    assert [tuple(f.shape) for f in inside.features] == [(4, 4, 20, 20), (4, 6, 10, 10), (4, 8, 5, 5)]
    assert all(torch.equal(a, b) for a, b in zip(inside.features, seen, strict=True))
    assert inside.embedding.shape == (4, 5) and torch.equal(made(x), inside.embedding)
    seen.clear()
    assert len(made.features(x, 2)) == 2 == len(seen), "no work beyond what is asked for"
    first = functional.relu(functional.batch_norm(
        functional.conv2d(2 * x - 1, made.stages[0][0].weight, padding=1), torch.zeros(4), torch.ones(4)
    ))  # fmt: skip
    torch.testing.assert_close(inside.features[0], first, atol=1e-5, rtol=1e-4)
    grey = pictures(4, 1, 20, 20)
    assert torch.equal(made(grey), made(grey.repeat(1, 3, 1, 1)))


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A file with the names and shapes of torchvision's VGG-19 but numbers of our own, and its SHA-256 in its name."""
    from torchvision.models.vgg import cfgs, make_layers

    with torch.device("meta"):
        layers = make_layers(cfgs["E"], batch_norm=False)
    tensors = {}
    for number, (name, value) in enumerate(layers.state_dict().items()):
        # One number a tensor is a small file, and a sum of inputs that can be told by hand.
        tensors[f"features.{name}"] = torch.tensor(0.001 * (number + 1)).expand(value.shape)
    draft = tmp_path / "draft"
    torch.save(tensors, draft)
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()
    monkeypatch.setattr(vgg19, "FILE", f"vgg19-{digest[:8]}.pth")
    return draft.rename(tmp_path / vgg19.FILE)


def test_vgg19_is_torchvisions_with_its_normalisation(published):
    from torchvision.models.vgg import cfgs, make_layers

    made = vgg19.load(published, ["relu1_2", "relu2_1", "relu3_4", "relu4_2", "relu5_1"])
    everything = nn.ModuleList(make_layers(cfgs["E"], batch_norm=False))
    everything.load_state_dict({k.removeprefix("features."): v for k, v in torch.load(published).items()})
    x = pictures(2, 3, 32, 32)
    values = (x - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    outputs, block, number = {}, 1, 0
    for layer in everything:
        values = layer(values)
        if isinstance(layer, nn.ReLU):
            number += 1
            outputs[f"relu{block}_{number}"] = values.clone()
        elif isinstance(layer, nn.MaxPool2d):
            block, number = block + 1, 0
    inside = made.look_inside(x)
    assert inside.embedding is None and [f.shape[1] for f in inside.features] == [64, 128, 256, 512, 512] == made.widths
    for name, found in zip(["relu1_2", "relu2_1", "relu3_4", "relu4_2", "relu5_1"], inside.features, strict=True):
        torch.testing.assert_close(found, outputs[name], rtol=1e-4, atol=1e-6)
    grey = pictures(1, 1, 16, 16)
    for a, b in zip(made.features(grey, 2), made.features(grey.repeat(1, 3, 1, 1), 5)[:2], strict=True):
        assert torch.equal(a, b)
    assert not made.training


def test_vgg19_weights_are_found_dropped_in_or_asked_for_in_one_line(published, tmp_path, monkeypatch):
    from torchvision.models import VGG19_Weights

    folder, drop = tmp_path / "weights", tmp_path / "drop"
    refused = "http://127.0.0.1:9/" + vgg19.FILE  # nobody listens there
    entry = VGG19_Weights.IMAGENET1K_V1
    monkeypatch.setattr(entry, "_value_", type(entry.value)(url=refused, transforms=None, meta={}))
    message = rf"{vgg19.FILE}: download from .* failed: .*put the file, .* at .*drop.{vgg19.FILE}"
    with pytest.raises(InputError, match=message):
        vgg19.fetch_weights(folder, drop)
    drop.mkdir()
    (drop / vgg19.FILE).write_bytes(published.read_bytes())
    assert vgg19.fetch_weights(folder, drop).read_bytes() == published.read_bytes()
    (drop / vgg19.FILE).unlink()
    assert vgg19.fetch_weights(folder, drop) == folder / vgg19.FILE, "what was fetched once is not fetched again"
    (drop / vgg19.FILE).write_bytes(published.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"found sha256 [0-9a-f]{64}, expected a sha256 that begins with [0-9a-f]{8}"):
        vgg19.fetch_weights(folder, drop)


def test_other_files_are_not_taken_for_vgg19(published, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="No such file"):
        vgg19.load(tmp_path / "none.pth", ["relu1_2"])
    with pytest.raises(InputError, match=r"expected a sha256 that begins with"):
        vgg19.load(__file__, ["relu1_2"])

    class Code:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    good = torch.load(published)
    for content, message in (
        ({"x": Code()}, "not a readable file of weights"),
        ([1, 2], r"features.0.weight is nothing, expected \(64, 3, 3, 3\)"),
        (good | {"features.2.bias": torch.zeros(5)}, r"features.2.bias is \(5,\), expected \(64,\)"),
    ):
        torch.save(content, tmp_path / "bad")
        digest = hashlib.sha256((tmp_path / "bad").read_bytes()).hexdigest()
        monkeypatch.setattr(vgg19, "FILE", f"vgg19-{digest[:8]}.pth")
        with pytest.raises(InputError, match=message):
            vgg19.load(tmp_path / "bad", ["relu1_2"])
    assert not (tmp_path / "written").exists()


def test_a_frozen_teacher_takes_no_gradient():
    made = freeze(vgg.build(teacher(), 8, 1))
    assert not made.training and not any(p.requires_grad for p in made.parameters())


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("unet", {"levels": 0}, r"network.levels = 0: expected greater than or equal to 1"),
        ("unet", {"width": 16}, r"widest = 8: expected at least width = 16"),
        ("unet", {"norm": "layer"}, r"network.norm = 'layer': expected 'instance' or 'batch'"),
        ("unet", {"blocks": 3}, r"network.blocks is not a known setting"),
        ("resnet", {"blocks": 0}, r"network.blocks = 0"),
        ("resnet", {"architecture": "vit"}, r"network.*vit.*expected.*'unet', 'resnet'"),
    ],
)
def test_bad_networks_are_refused_by_name(family, changes, message):
    with pytest.raises(InputError, match=message):
        settings(family, **changes)


def test_sizes_and_taps_that_do_not_fit_are_refused():
    for side in (8, 64):
        check_size(settings("unet"), side)
    for side in (0, 4, 20, 250):
        with pytest.raises(ValueError, match=f"levels = 3: pictures have {side} pixels .* expected a multiple of 8"):
            check_size(settings("unet"), side)
    with pytest.raises(ValueError, match="a single place at the bottom"):
        check_size(settings("resnet"), 4)
    check_size(settings("resnet"), 8)
    judge = PatchDiscriminator(layers=3, width=4, norm="instance")
    check_discriminator(judge, 24)
    with pytest.raises(ValueError, match="layers = 3: pictures have 23 pixels per side, expected 24 at least"):
        check_discriminator(judge, 23)
    check_taps(settings("unet"), [1, 4])
    for taps, message in (([0], "found 0, expected 1 to 4"), ([2, 5], "found 5"), ([2, 1], "growing")):
        with pytest.raises(ValueError, match=message):
            check_taps(settings("unet"), taps)


def test_bad_teachers_are_refused():
    for changes, message in (
        ({"depths": [1, 1]}, "found 3 widths and 2 depths, expected one of each per stage"),
        ({"embedding": 1}, "teacher.embedding = 1"),
        ({"architecture": "vgg16"}, "vgg16"),
    ):
        with pytest.raises(InputError, match=message):
            teacher(**changes)
    for layers, message in (
        (["relu1_2", "relu3_1"], "'relu3_1' in place 2, expected one of relu2_1 to relu2_2"),
        (["relu1_3"], "'relu1_3' in place 1"),
        ([], "layers"),
    ):
        with pytest.raises(InputError, match=message):
            validate(SynthesisTeacher, {"architecture": "vgg19", "layers": layers}, "teacher")
    full = validate(SynthesisTeacher, {"architecture": "vgg19"}, "teacher")
    assert full.features == [64, 128, 256, 512, 512]
    check_teacher_size(full, 16)
    with pytest.raises(ValueError, match="layers: 5 stages, for which pictures of 15 pixels .* expected 16 or more"):
        check_teacher_size(full, 15)
    check_teacher_taps(teacher(), [1, 3])
    with pytest.raises(ValueError, match="found 4, expected at most 3, the teacher's stages"):
        check_teacher_taps(teacher(), [1, 4])


def test_weights_follow_from_the_seed():
    for family in FAMILIES:
        one, other = network(family), network(family)
        pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
        np.testing.assert_array_equal(*(n(pictures(1, 3, 16, 16)).detach().numpy() for n in (one, other)))


def test_settings_need_no_torch(root):
    names = ("params.translators", "params.vgg", "tasks.synthesis.params.variants")
    code = "import sys; " + "; ".join(f"import pipeline.{name}" for name in names)
    subprocess.run([sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"], cwd=root, check=True)
