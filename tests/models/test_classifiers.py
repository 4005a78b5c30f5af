"""Classifiers: the published sizes, what look_inside gives, determinism, saving and loading, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from pipeline.data.class_batches import ClassBatches, crop, normalise
from pipeline.errors import InputError
from pipeline.metrics.efficiency import count_parameters
from pipeline.models.branched import Branched
from pipeline.models.classifier import build
from pipeline.params.classes import Pictures
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.loading import validate
from pipeline.randomness import generator
from pipeline.tasks.classification import networks
from pipeline.tasks.classification.cost import forwards_backwards
from pipeline.tasks.classification.params.learning import AnyLearning, Feedback, Learning, check_learning, needs_teacher

GREY = Pictures(mean=[0.5], std=[0.25], padding=2)
COLOUR = Pictures(mean=[0.5071, 0.4867, 0.4408], std=[0.2675, 0.2565, 0.2761])
TINY = {"architecture": "cifar_resnet", "depth": 8, "stem_width": 4, "widths": [4, 6, 8]}


def settings(architecture, **options):
    return validate(ClassifierNetwork, {"architecture": architecture} | options, "network")


def resnet(depth, wide=False):
    stem, widths = (32, [64, 128, 256]) if wide else (16, [16, 32, 64])
    return settings("cifar_resnet", depth=depth, stem_width=stem, widths=widths)


# Parameters for 100 classes as RepDistiller's networks have them.
PUBLISHED = {
    278_324: resnet(20),
    472_756: resnet(32),
    861_620: resnet(56),
    1_736_564: resnet(110),
    1_233_540: resnet(8, wide=True),
    7_433_860: resnet(32, wide=True),
    703_284: settings("wide_resnet", depth=16, width=2),
    569_780: settings("wide_resnet", depth=40, width=1),
    2_255_156: settings("wide_resnet", depth=40, width=2),
    3_965_028: settings("vgg", depth=8),
    9_277_284: settings("vgg", depth=11),
    9_462_180: settings("vgg", depth=13),
    14_774_436: settings("vgg", depth=16),
    812_836: settings("mobilenet_v2", expansion=6, width=0.5),
}
SMALL = [
    validate(ClassifierNetwork, TINY, "network"),
    settings("wide_resnet", depth=10, width=1),
    settings("vgg", depth=8, width=0.125),
    settings("mobilenet_v2", expansion=2, width=0.125),
]


@pytest.mark.parametrize("count", PUBLISHED)
def test_networks_have_the_published_sizes(count):
    assert count_parameters(build(PUBLISHED[count], 32, 3, 100)) == count


@pytest.mark.parametrize("network", SMALL, ids=lambda network: network.architecture)
@pytest.mark.parametrize(("side", "channels"), [(32, 3), (64, 1), (96, 3)])
def test_what_is_inside(network, side, channels):
    torch.manual_seed(0)
    model = build(network, side, channels, 7)
    inside = model.look_inside(torch.randn(2, channels, side, side))
    assert inside.logits.shape == (2, 7) and inside.embedding.shape == (2, network.embedding)
    assert len(inside.features) == network.stages
    halvings = {"cifar_resnet": (0, 1, 2), "wide_resnet": (0, 1, 2), "mobilenet_v2": (1, 2, 3, 4)}
    halvings["vgg"] = (1, 2, 3, 3 if side < 64 else 4)
    expected = [side // 2**times for times in halvings[network.architecture]]
    assert [feature.shape[2:] for feature in inside.features] == [(s, s) for s in expected]
    torch.testing.assert_close(model.classifier(inside.embedding), inside.logits)
    assert model(torch.randn(3, channels, side, side)).shape == (3, 7)


def test_convolutions_begin_with_the_variance_of_their_outputs():
    torch.manual_seed(0)
    for network in (resnet(8, wide=True), settings("vgg", depth=8, width=0.5)):
        layers = build(network, 32, 3, 7).stages[0].modules()
        first = next(layer for layer in layers if isinstance(layer, torch.nn.Conv2d))
        assert first.in_channels != first.out_channels
        assert first.weight.std().item() == pytest.approx((2 / (9 * first.out_channels)) ** 0.5, rel=0.02)


def test_wide_blocks_are_pre_activated_and_plain_ones_end_in_a_relu():
    pictures = torch.randn(2, 3, 32, 32)
    features = [build(network, 32, 3, 7).look_inside(pictures).features for network in SMALL]
    negative = [any((f < 0).any() for f in of) for of in features]
    assert negative == [False, True, False, True], "stages of WRN and MobileNetV2 end without activation"


def test_a_network_of_torchvision_tells_what_its_last_layer_reads():
    torch.manual_seed(0)
    model = build(settings("torchvision", name="shufflenet_v2_x0_5", features=["stage2", "stage3"]), 64, 1, 5)
    pictures = torch.randn(2, 1, 64, 64)
    inside = model.eval().look_inside(pictures)
    assert inside.embedding.shape == (2, 1024) and [f.shape[1] for f in inside.features] == [48, 96]
    torch.testing.assert_close(model.network.fc(inside.embedding), inside.logits)
    torch.testing.assert_close(model(pictures), model.network(pictures.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "nothing"}, "name = 'nothing': no classifier of torchvision .*resnet18"),
        ({"name": "inception_v3"}, "no classifier of torchvision"),
        ({"name": "squeezenet1_1"}, "last layer is not linear"),
        ({"name": "mnasnet0_5", "features": ["layer9"]}, "mnasnet0_5 has no layer 'layer9'"),
    ],
)
def test_what_torchvision_has_not_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        build(settings("torchvision", **options), 32, 3, 5)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({**TINY, "depth": 21}, r"network.depth|depth = 21: expected 6 n \+ 2"),
        ({"architecture": "wide_resnet", "depth": 20, "width": 1}, r"depth = 20: expected 6 n \+ 4"),
        ({"architecture": "vgg", "depth": 19}, "depth = 19"),
        ({"architecture": "resnet"}, "architecture"),
        ({"architecture": "torchvision", "name": "resnet18", "features": ["a", "a"]}, "expected each layer once"),
    ],
)
def test_wrong_settings_name_the_key(network, message):
    with pytest.raises(InputError, match=message):
        validate(ClassifierNetwork, network, "network")


def make(seed=3, branches=1):
    options = {"image_size": 16, "channels": 1, "classes": 4, "pictures": GREY}
    return networks.build(SMALL[0], **options, seed=seed, branches=branches)


@pytest.mark.parametrize("branches", [1, 3])
def test_the_seed_decides_and_a_saved_network_comes_back(branches, tmp_path):
    first, again, other = make(branches=branches), make(branches=branches), make(4, branches)
    pictures = torch.randn(5, 1, 16, 16)
    outputs = [one.network.eval()(pictures) for one in (first, again, other)]
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[0], outputs[2])
    first.save(tmp_path / "a.safetensors", {"made": "here"})
    loaded = networks.load(tmp_path / "a.safetensors")
    assert torch.equal(loaded.network.eval()(pictures), outputs[0]) and networks.pictures_of(loaded) == GREY
    assert loaded.card["provenance"] == {"made": "here"} and loaded.card["branches"] == branches


def test_a_card_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    make().save(path, {})
    card = json.loads(path.with_suffix(".json").read_text())
    wrong = {"another architecture": {"classes": 5}, "classes = 1": {"classes": 1}, "pictures": {"pictures": 3}}
    for message, change in wrong.items():
        path.with_suffix(".json").write_text(json.dumps(card | change))
        with pytest.raises(InputError, match=message):
            networks.load(path)


def test_branches_share_all_but_the_last_stage_and_the_first_is_a_network_of_its_own():
    ensemble = make(branches=3)
    model, single = ensemble.network.eval(), networks.first_branch(ensemble).network
    assert isinstance(model, Branched)
    pictures = torch.randn(4, 1, 16, 16)
    logits, gated = (answer.detach() for answer in model.answers(pictures))
    assert logits.shape == (3, 4, 4) and torch.equal(logits[0], single(pictures))
    shared = single.look_inside(pictures).features[-2]
    weights = model.gate(shared.mean(dim=(2, 3))).softmax(dim=1).detach()
    expected = [[sum(weights[b, m] * logits[m, b, k] for m in range(3)) for k in range(4)] for b in range(4)]
    torch.testing.assert_close(gated, torch.tensor(expected))
    torch.testing.assert_close(model(pictures), gated)
    assert not torch.equal(logits[0], logits[1]), "branches start apart"
    kept = dict(make().network.state_dict().items())
    assert all(torch.equal(value, kept[name]) for name, value in single.state_dict().items()), "as without branches"


def test_work_counts_a_step_of_learning_as_three_passes():
    small, large = build(SMALL[0], 16, 1, 4), build(SMALL[2], 16, 1, 4)
    one, other = (forwards_backwards([(model, 1)], (1, 16, 16), 1) for model in (small, large))
    by_hand = 16 * 16 * (9 * 1 * 4 + 2 * 9 * 4 * 4) + 8 * 8 * (9 * 4 * 6 + 9 * 6 * 6 + 4 * 6)
    by_hand += 4 * 4 * (9 * 6 * 8 + 9 * 8 * 8 + 6 * 8) + 8 * 4
    assert one == by_hand
    assert forwards_backwards([(small, 3), (large, 1)], (1, 16, 16), 10) == 10 * (3 * one + other)


def test_pictures_are_moved_and_mirrored_as_by_hand():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, 5, 5, 3), dtype=np.uint8)
    corners, flips = rng.integers(0, 5, (2, 6)), rng.random(6) < 0.5
    found = crop(torch.from_numpy(pixels), torch.from_numpy(corners), torch.from_numpy(flips), 2).numpy()
    for picture, (row, column), flip, result in zip(pixels, corners.T, flips, found, strict=True):
        padded = np.pad(picture, ((2, 2), (2, 2), (0, 0)))
        part = padded[row : row + 5, column : column + 5]
        np.testing.assert_array_equal(result, part[:, ::-1] if flip else part)
    shown = normalise(torch.from_numpy(pixels), COLOUR)
    expected = (pixels / 255 - np.array(COLOUR.mean)) / np.array(COLOUR.std)
    np.testing.assert_allclose(shown.numpy(), expected.transpose(0, 3, 1, 2), rtol=1e-4, atol=1e-6)
    assert shown.is_contiguous(memory_format=torch.channels_last)


def test_batches_reach_every_place_and_both_mirrorings():
    pixels = np.zeros((400, 4, 4, 1), dtype=np.uint8)
    pixels[:, 1, 0] = 255
    numbers, shown_as = np.arange(400) % 2, Pictures(mean=[0.0], std=[1.0], padding=1)
    batches = ClassBatches(pixels, numbers, 2, shown_as, torch.device("cpu"), "x")
    shown, labels = batches.batch(torch.arange(400), generator("any"))
    assert labels.tolist() == [0, 1] * 200
    places = {tuple(place) for place in shown[:, 0].nonzero()[:, 1:].tolist()}
    # From column 0 it moves to 0 or 1, or out; mirrored, to 2 or 3.
    assert places == {(row, column) for row in (0, 1, 2) for column in (0, 1, 2, 3)}
    out = shown.flatten(1).sum(dim=1) == 0
    assert 0.2 < out.float().mean() < 0.47
    shown_as = Pictures(mean=[0.0], std=[1.0], padding=0, flip=False)
    batches = ClassBatches(pixels, numbers, 2, shown_as, torch.device("cpu"), "x")
    still, _ = batches.batch(torch.arange(400), generator("any"))
    assert torch.equal(still, torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255)


@pytest.mark.parametrize(
    ("pictures", "labels", "message"),
    [
        (np.zeros((3, 4, 4, 1)), np.zeros(3, int), "x: float64 .* expected uint8"),
        (np.zeros((3, 4, 5, 1), np.uint8), np.zeros(3, int), "4 x 5 pixels, expected square"),
        (np.zeros((3, 4, 4, 3), np.uint8), np.zeros(3, int), "3 channels, expected 1"),
        (np.zeros((3, 4, 4, 1), np.uint8), np.zeros(2, int), r"labels are int64 \(2,\)"),
        (np.zeros((3, 4, 4, 1), np.uint8), np.zeros(3), "labels are float64"),
        (np.zeros((3, 4, 4, 1), np.uint8), np.array([0, 1, 2]), "labels are 0 to 2, expected 0 to 1"),
        (np.zeros((3, 4, 4, 1), np.uint8), np.array([0, 1, -1]), "labels are -1 to 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(pictures, labels, message):
    with pytest.raises(InputError, match=message):
        ClassBatches(pictures, labels, 2, GREY, torch.device("cpu"), "x")


def learning(**values) -> AnyLearning:
    return validate(Learning, values, "learning")


@pytest.mark.parametrize(
    ("distill", "teacher", "message"),
    [
        ({"fskd": {"weight": 1.0}}, resnet(8), "distill.fskd compares channel by channel"),
        ({"at": {"weight": 1.0}}, SMALL[2], "distill.at compares stage by stage, .* found 3 and 4"),
        ({"embedding": {"weight": 1.0}}, resnet(8), "expected embeddings as wide, found 8, 64"),
        ({"fitnet": {"weight": 1.0, "stage": 4}}, SMALL[2], r"distill.fitnet.stage = 4: expected 1 to 3"),
        ({"sp_features": {"weight": 1.0}}, settings("torchvision", name="resnet18"), "expected network.features"),
    ],
)
def test_pairs_that_a_method_cannot_compare_are_refused(distill, teacher, message):
    with pytest.raises(ValueError, match=message):
        check_learning(learning(kind="distillation", distill=distill), SMALL[0], teacher)


def test_pairs_that_a_method_can_compare_pass():
    distill = {"fitnet": {"weight": 100.0}, "logit": {"weight": 0.9, "temperature": 4.0}, "crd": {"weight": 0.8}}
    check_learning(learning(kind="distillation", cross_entropy=0.1, distill=distill), SMALL[0], SMALL[2])
    check_learning(learning(kind="native_ensemble"), SMALL[0], SMALL[2])
    with pytest.raises(ValueError, match="native_ensemble: expected a network of this project"):
        check_learning(learning(kind="native_ensemble"), settings("torchvision", name="resnet18"), SMALL[0])


def test_what_classifiers_do_not_know_and_lonely_peers_are_refused():
    with pytest.raises(InputError, match="attention compares channel_maps, which classification has not"):
        learning(kind="distillation", distill={"attention": {"weight": 1.0}})
    with pytest.raises(InputError, match="expected at least 2, or with_teacher"):
        learning(kind="mutual", students=1)
    assert needs_teacher(learning(kind="mutual", students=1, with_teacher=True))
    assert not needs_teacher(learning(kind="mutual", students=2)) and not needs_teacher(learning(kind="supervised"))
    assert "feedback_training" in Feedback.model_fields
