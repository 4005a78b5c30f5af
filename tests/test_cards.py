"""Cards of checkpoints, of all tasks: whatever one says, loading ends in a network or in one line, and soon."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torch.nn.modules.module import register_module_parameter_registration_hook as watch_parameters

from pipeline.errors import InputError
from pipeline.face_losses import cosface
from pipeline.face_networks import Network
from pipeline.params.classes import Pictures
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.loading import validate
from pipeline.params.super_resolution_networks import SuperResolutionNetwork
from pipeline.params.translators import Translator
from pipeline.params.vgg import VGG
from pipeline.tasks.classification import networks as classification
from pipeline.tasks.recognition import networks as recognition
from pipeline.tasks.recognition.adapting import program_network
from pipeline.tasks.recognition.params.teachers import OwnNetwork
from pipeline.tasks.super_resolution import networks as super_resolution
from pipeline.tasks.synthesis import adopting
from pipeline.tasks.synthesis import networks as synthesis
from tests.helpers.small_networks import Tiny, onnx_model

MARGIN = cosface.Settings(kind="cosface", scale=4.0, margin=0.2)
RESNEXT = {
    "architecture": "resnext_cbam", "stem_width": 4, "stem_stride": 2, "depths": [1, 1], "widths": [4, 8],
    "dropout": 0.0, "cardinality": 2, "group_widths": [1, 2], "reduction": 4, "attention_kernel": 3, "embedding": 8,
}  # fmt: skip
MOBILE = {"architecture": "mobilefacenet", "stem_stride": 2, "width": 0.125, "embedding": 8}
SIDES = {"image_size": 32, "channels": 3}
TRAINED = {"training": {"precision": "float32"}}


def faces(settings: dict, adopted: dict | None = None) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        sides = {"image_size": adopted["image_size"], "channels": adopted["channels"]} if adopted else SIDES
        made = recognition.build(validate(Network, settings, ""), MARGIN, **sides, identities=["a", "b"], seed=1)
        made.card |= SIDES | ({"adopted": adopted} if adopted else {})
        recognition.save({None: made}, path, TRAINED)

    return save


def onnx(path: Path) -> None:
    settings = {"embedding": 8, "image_size": 24, "channels": 3, "mean": [1.0, 2.0, 3.0], "std": 64.0}
    own = OwnNetwork(architecture="own", file="it.onnx", channel_order="rgb", **settings)
    head = recognition.build_head(MARGIN, 8, 2)
    card = {"network": own.model_dump(exclude_none=True), "loss": MARGIN.model_dump(), "image_size": 32, "channels": 3}
    card |= {"identities": ["a", "b"], "seed": 0, "adopted": {"file": "it.onnx", "sha256": "0" * 64}}
    network = program_network(own, onnx_model(Tiny()))
    recognition.save({None: recognition.FaceClassifier(network, head, card)}, path, TRAINED)


def classes(settings: dict, branches: int = 1) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        shown = Pictures(mean=[0.5], std=[0.25])
        options = {"image_size": 16, "channels": 1, "classes": 4, "pictures": shown, "branches": branches}
        made = classification.build(validate(ClassifierNetwork, settings, ""), **options, seed=1)
        made.save(path, {})

    return save


def larger(settings: dict) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        made = super_resolution.build(validate(SuperResolutionNetwork, settings, ""), scale=2, channels=1, seed=1)
        made.save(path, {})

    return save


def sketches(path: Path) -> None:
    settings = validate(Translator, {"architecture": "unet", "levels": 2, "width": 4, "widest": 8, "norm": "batch"}, "")
    synthesis.build(settings, image_size=16, photo_channels=3, sketch_channels=1, seed=1).save(path, {})


def drawings(path: Path) -> None:
    settings = validate(VGG, {"architecture": "vgg", "widths": [4, 8], "depths": [1, 1], "embedding": 8}, "")
    options = {"domain": "both", "image_size": 16, "channels": 1, "identities": 3, "seed": 1}
    synthesis.build_teacher(settings, MARGIN, **options).save(path, {})


CIFAR = {"architecture": "cifar_resnet", "depth": 8, "stem_width": 4, "widths": [4, 4, 4]}
GROUPED = {"groups": 1, "blocks": 1, "width": 4, "reduction": 2, "skip": "none"}
CARDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any], list[dict]]] = {
    "resnext": (faces(RESNEXT), recognition.load, [
        {"depths": [100, 100]}, {"widths": [8192, 8192]}, {"stem_width": 8192},
        {"embedding": 8192, "widths": [8192] * 2},
        {"depths": [100] * 6, "widths": [8192] * 6, "group_widths": [4096] * 6},
        {"cardinality": 8192, "group_widths": [8192, 8192]},
    ]),
    "mobilefacenet": (faces(MOBILE), recognition.load, [{"width": 4}, {"embedding": 8192}]),
    "adopted": (faces(RESNEXT, {"file": "it.safetensors", "sha256": "0" * 64, "image_size": 24, "channels": 1}),
        recognition.load, [{"depths": [100, 100], "widths": [8192, 8192]}]),
    "onnx": (onnx, recognition.load, [{"embedding": 8192}]),
    "resnet": (classes(CIFAR), classification.load, [{"depth": 1202}, {"widths": [8192] * 3}, {"stem_width": 8192}]),
    "branches": (classes(CIFAR, 2), classification.load, [{"depth": 1202, "widths": [8192] * 3}]),
    "wide resnet": (classes({"architecture": "wide_resnet", "depth": 10, "width": 1}), classification.load,
        [{"depth": 1000}, {"width": 64}]),
    "vgg": (classes({"architecture": "vgg", "depth": 8, "width": 0.0625}), classification.load, [{"width": 16}]),
    "mobilenet": (classes({"architecture": "mobilenet_v2", "expansion": 1, "width": 0.0625}), classification.load,
        [{"expansion": 16, "width": 16}]),
    "torchvision": (classes({"architecture": "torchvision", "name": "shufflenet_v2_x0_5"}), classification.load,
        [{"name": "vit_h_14"}, {"name": "regnet_y_128gf"}, {"name": "vgg19"}, {"name": "convnext_large"}]),
    "rcan": (larger({"architecture": "rcan", **GROUPED}), super_resolution.load,
        [{"groups": 200, "blocks": 200}, {"width": 1024}, {"groups": 200, "blocks": 200, "width": 1024}]),
    "san": (larger({"architecture": "san", **GROUPED}), super_resolution.load,
        [{"groups": 200, "blocks": 200, "width": 1024}]),
    "edsr": (larger({"architecture": "edsr", "blocks": 1, "width": 4, "residual_scale": 0.1, "skip": "none"}),
        super_resolution.load, [{"blocks": 200, "width": 1024}]),
    "translators": (sketches, synthesis.load,
        [{"width": 1024, "widest": 1024}, {"architecture": "resnet", "blocks": 50}]),
    "a trained teacher": (drawings, adopting.load_teacher, [
        {"depths": [16, 16], "widths": [8192, 8192]}, {"widths": [8192] * 6, "depths": [16] * 6}, {"embedding": 8192},
        {"architecture": "vgg19", "layers": ["relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_1"]},
    ]),
}  # fmt: skip
REFUSED = "another architecture|as embedding says|known setting|missing|too small|not for pictures of 16 pixels"
ODD = (
    None, True, -1, 0, 10**30, 1e300, float("nan"), "x", "\x1b[31m" * 1000, [], [[]], {}, {"a": {}}, [-1] * 3,
    [10**6] * 6,
)  # fmt: skip


@pytest.fixture(autouse=True)
def made(monkeypatch) -> Iterator[list[int]]:
    """How many numbers each parameter has that a network has been given since."""
    sizes: list[int] = []
    handle = watch_parameters(lambda _module, _name, value: sizes.append(0 if value is None else value.numel()))
    yield sizes
    handle.remove()


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("cards")

    def save(name: str) -> Path:
        path = folder / name / "model.safetensors"
        if not path.exists():
            CARDS[name][0](path)
        return path

    return save


def with_card(path: Path, card: dict, folder: Path) -> Path:
    """The weights with another card."""
    (folder / "model.safetensors").unlink(missing_ok=True)
    (folder / "model.safetensors").symlink_to(path)
    (folder / "model.json").write_text(json.dumps(card))
    return folder / "model.safetensors"


@pytest.mark.parametrize("name", CARDS)
def test_a_card_of_a_large_network_is_refused_before_the_network_is_built(name, stored, tmp_path, made):
    """However deep and wide: what is made on the way is no more than some times what is stored."""
    path, load, networks = stored(name), CARDS[name][1], CARDS[name][2]
    card = json.loads(path.with_suffix(".json").read_text())
    load(path)
    whole, count = sum(made), len(made)
    for other in networks:
        made.clear()
        network = other if other.get("architecture") == "vgg19" else card["network"] | other
        odd = with_card(path, card | {"network": network}, tmp_path)
        with pytest.raises(InputError, match=REFUSED) as error:
            load(odd)
        assert "\n" not in str(error.value) and len(str(error.value)) < 500
        # The last is not filled any more: it costs nothing.
        assert len(made) < 3 * count + 600 and sum(made[:-1]) < 3 * whole + 11_000_000


def parts(value: Any, so_far: tuple = ()) -> Iterator[tuple]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*so_far, key)
        if key != "provenance":
            yield from parts(value[key], (*so_far, key))


@pytest.mark.parametrize("name", ["adopted", "branches", "vgg", "rcan", "translators", "a trained teacher"])
def test_any_part_of_a_card_may_be_missing_or_odd(name, stored, tmp_path):
    path, load = stored(name), CARDS[name][1]
    card = json.loads(path.with_suffix(".json").read_text())
    refused = 0
    for part in parts(card):
        for odd in (..., *ODD):
            changed = copy.deepcopy(card)
            place = changed
            for key in part[:-1]:
                place = place[key]
            if odd is ...:
                del place[part[-1]]
            else:
                place[part[-1]] = odd
            try:
                load(with_card(path, changed, tmp_path))
            except InputError as error:
                refused += 1
                assert str(error).startswith(str(tmp_path)) and len(str(error)) < 3000 and "\x1b" not in str(error)
    assert refused > 5 * len(card)
