"""ONNX models of the user's own: they compute what the network computes, and fail in one line."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.errors import InputError
from pipeline.models.onnx_network import OnnxNetwork
from pipeline.tasks.recognition.adapting import ProgramNetwork, program_network
from pipeline.tasks.recognition.params.teachers import OwnNetwork
from tests.helpers.small_networks import Tiny, onnx_model


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(6, 3, 24, 24, generator=torch.Generator().manual_seed(1))


def test_an_onnx_model_gives_what_the_network_gives(images):
    model = Tiny()
    network = OnnxNetwork(onnx_model(model), "it.onnx")
    with torch.no_grad():
        assert torch.allclose(network(images), model(images), atol=1e-5)
    assert network.parameters_stored == sum(p.numel() for p in model.parameters())


def network(content: bytes, **more) -> ProgramNetwork:
    settings = {"embedding": 8, "image_size": 24, "channels": 3, "mean": 127.5, "std": 127.5, "channel_order": "rgb"}
    return program_network(OwnNetwork(architecture="own", file="it.onnx", **settings | more), content)


def changed_onnx(change) -> bytes:
    import onnx

    change(model := onnx.load_model_from_string(onnx_model(Tiny())))
    return model.SerializeToString()


def outside(model) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value="/etc/passwd")


def second_output(model) -> None:
    model.graph.output.add().CopyFrom(model.graph.output[0])
    model.graph.output[1].name = "e"


def not_a_number(model) -> None:
    bias = next(t for t in model.graph.initializer if t.name == "linear_bias")
    bias.raw_data = np.full(8, np.nan, np.float32).tobytes()


def integers(model) -> None:
    model.graph.input[0].type.tensor_type.elem_type = 7


NO_ONNX = [
    (lambda: b"", {}, "no ONNX model"),
    (lambda: b"no model at all " * 40, {}, "no ONNX model"),
    (lambda: onnx_model(Tiny())[:-200], {}, "no ONNX model|cannot be run by onnxruntime"),
    (lambda: changed_onnx(outside), {}, "keeps weights in another file.*external_data=False"),
    (lambda: changed_onnx(second_output), {}, "1 inputs and 2 outputs, expected one of each"),
    (lambda: changed_onnx(not_a_number), {}, "NaN or infinite"),
    (lambda: changed_onnx(integers), {}, "cannot be run by onnxruntime|takes tensor"),
    (
        lambda: changed_onnx(lambda m: setattr(m.graph.node[0], "op_type", "Cnv")),
        {},
        "cannot be run by onnxruntime: .*Cnv",
    ),
    (lambda: onnx_model(Tiny(), output="c"), {}, r"gives float32 \(3, 6, 12, 12\)"),
    (lambda: onnx_model(Tiny()), {"embedding": 16}, r"gives float32 \(3, 8\) for 3 images, expected floats \(3, 16\)"),
    (lambda: onnx_model(Tiny()), {"image_size": 32}, r"takes images \(B, 3, 24, 24\), expected \(B, 3, 32, 32\)"),
]


@pytest.mark.parametrize("number", range(len(NO_ONNX)))
def test_an_onnx_model_that_is_no_teacher_is_one_line(number):
    make, more, line = NO_ONNX[number]
    with pytest.raises(InputError, match=f"^it.onnx: .*({line})"):
        network(make(), **more)(torch.zeros(3, 3, 32, 32))
