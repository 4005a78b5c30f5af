"""What an ONNX file may hold: nothing is read outside it, wherever ONNX lets a place name another file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from onnx import AttributeProto, ModelProto, TensorProto, helper

from pipeline.errors import InputError
from pipeline.models.onnx_file import checked
from pipeline.models.onnx_process import OnnxProcess
from tests.helpers.odd_onnx import BASE, WEIGHT, added, model, node, stored, with_function
from tests.helpers.small_networks import Tiny, onnx_model


def plain(nodes=(), **more) -> ModelProto:
    return model([*nodes, node("Identity", ["b"], ["y"])], **more)


def places(kind, so_far: tuple = ()) -> Iterator[tuple[str, ...]]:
    """Every chain of fields from a model to a TensorProto, through a graph within a graph too."""
    for field in kind.fields:
        inner = field.message_type
        if inner is None or sum(name == field.name for name, _ in so_far) > 1:
            continue
        path = (*so_far, (field.name, field.is_repeated))
        if inner.name == "TensorProto":
            yield path
        elif [k for _, k in seen(kind, so_far)].count(inner.name) < 2:
            yield from places(inner, path)


def seen(kind, so_far: tuple) -> list[tuple[str, str]]:
    """The fields passed and the kinds of message they hold."""
    collected, at = [], ModelProto.DESCRIPTOR
    for name, _ in so_far:
        at = at.fields_by_name[name].message_type
        collected.append((name, at.name))
    return collected


PLACES = list(places(ModelProto.DESCRIPTOR))


def test_places_are_those_that_onnx_has():
    """Initialisers, dense and sparse, attributes of every kind, graphs in nodes, functions, training."""
    words = {".".join(name for name, _ in path) for path in PLACES}
    assert {
        "graph.initializer", "graph.sparse_initializer.values", "graph.sparse_initializer.indices",
        "graph.node.attribute.t", "graph.node.attribute.tensors", "graph.node.attribute.sparse_tensor.values",
        "graph.node.attribute.sparse_tensors.indices", "graph.node.attribute.g.initializer",
        "graph.node.attribute.graphs.sparse_initializer.indices", "graph.node.attribute.g.node.attribute.t",
        "functions.node.attribute.t", "functions.attribute_proto.t", "training_info.initialization.initializer",
        "training_info.algorithm.node.attribute.sparse_tensor.values",
    } <= words  # fmt: skip


@pytest.mark.parametrize("how", ["location", "entries", "memory"])
def test_numbers_in_another_file_are_refused_wherever_they_stand(how):
    """The three ways to say so: the flag alone, the entries alone, an address in the process's memory."""
    for path in PLACES:
        message = made = plain()
        for name, repeated in path:
            message = getattr(message, name).add() if repeated else getattr(message, name)
        message.name = "outside"
        if how != "entries":
            message.data_location = TensorProto.EXTERNAL
        if how != "location":
            where = "secret.bin" if how == "entries" else "*/_ORT_MEM_ADDR_/*"
            message.external_data.add(key="location", value=where)
        with pytest.raises(InputError, match="keeps weights in another file.*'outside'.*external_data=False"):
            checked(made.SerializeToString())


def outside(tensor: TensorProto, count: int) -> TensorProto:
    for key, value in (("location", "secret.bin"), ("offset", "0"), ("length", str(4 * count))):
        tensor.external_data.add(key=key, value=value)
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


def sparse(values: TensorProto) -> object:
    return helper.make_sparse_tensor(values, stored("", [0, 1, 2]), [8])


@pytest.mark.parametrize("place", ["initializer", "sparse_initializer", "sparse_value"])
def test_a_file_beside_the_model_does_not_reach_its_embeddings(place, tmp_path, monkeypatch):
    """Models that onnxruntime itself would give the secret of."""
    (tmp_path / "secret.bin").write_bytes(np.float32([12.5, 13.5, 14.5]).tobytes())
    monkeypatch.chdir(tmp_path)
    values = outside(TensorProto(name="s", data_type=TensorProto.FLOAT, dims=[3]), 3)
    if place == "initializer":
        made = added([node("Identity", ["s"], ["c"])], [values])
    elif place == "sparse_initializer":
        made = added([node("Identity", ["s"], ["c"])])
        made.graph.sparse_initializer.append(sparse(values))
    else:
        made = added([node("Constant", [], ["c"], sparse_value=sparse(values))])
    with pytest.raises(InputError, match="it.onnx: keeps weights in another file"):
        OnnxProcess(made.SerializeToString(), "it.onnx", threads=1, gpu=None)


def test_what_the_check_does_not_know_is_not_handed_on():
    """Fields of another version of ONNX, of training and of onnxruntime's own settings."""
    made = plain()
    made.metadata_props.add(key="ort_config", value='{"session_options": {}}')
    made.training_info.add().algorithm.node.append(node("Identity", ["a"], ["c"]))
    known = plain().SerializeToString()
    content, _ = checked(made.SerializeToString() + b"\xfa\x3f\x05hello")  # field 1023, a text
    assert b"hello" not in content and content == known


def test_weights_are_counted_wherever_they_stand():
    """Not those of running statistics, nor whole numbers that are shapes."""
    assert checked(onnx_model(Tiny()))[1] == sum(p.numel() for p in Tiny().parameters())
    constant = node("Constant", [], ["c"], value=stored("", np.zeros(5), np.float32))
    made = added([constant], [stored("shape", [1, 2, 3])])
    assert checked(made.SerializeToString())[1] == 27 * 8 + 5


def field(number: int, inner: bytes) -> bytes:
    """A message within a message, as protobuf writes it."""
    rest, length = len(inner), b""
    while rest > 127:
        length, rest = length + bytes([rest & 127 | 128]), rest >> 7
    return bytes([number << 3 | 2]) + length + bytes([rest]) + inner


def several(count: int) -> bytes:
    """A model with so many empty nodes, of two bytes each, after its own."""
    return plain().SerializeToString() + field(7, field(1, b"") * count)


def nested(depth: int) -> bytes:
    """A model with a graph in an attribute of a node of a graph, and so on."""
    inner = b""
    for _ in range(depth):
        inner = field(1, field(5, field(6, inner)))
    return plain().SerializeToString() + field(7, inner)


def with_dropout(training: bool | None) -> ModelProto:
    """Dropout whose third input is a constant, or where None is computed."""
    value = helper.make_tensor("", TensorProto.BOOL, [], [bool(training)])
    before = [node("Constant", [], ["c"], value=value), node("Not", ["c"], ["n"])]
    return plain([*before, node("Dropout", ["b", "", "n" if training is None else "c"], ["q"])])


def told_by_the_caller() -> ModelProto:
    inside = node("BatchNormalization", ["b", "s", "s", "s", "s"], ["q"])
    inside.attribute.add(name="training_mode", ref_attr_name="mode", type=AttributeProto.INT)
    return plain([inside])


REFUSED = {
    "random": (lambda: plain([node("RandomNormalLike", ["b"], ["r"])]), "RandomNormalLike draws random numbers"),
    "random in a function": (lambda: with_function("RandomUniformLike"), "RandomUniformLike draws random numbers"),
    "training": (
        lambda: plain([node("BatchNormalization", ["b", "s", "s", "s", "s"], ["q", "m", "v"], training_mode=1)]),
        r"BatchNormalization in training mode, expected evaluation: eval\(\) before export",
    ),
    "training, as it was told by outputs": (
        lambda: plain([node("BatchNormalization", ["b", "s", "s", "s", "s"], ["q", "m", "v", "p", "r"])]),
        "BatchNormalization in training mode",
    ),
    "training, told by the caller of a function": (lambda: told_by_the_caller(), "BatchNormalization in training mode"),
    "dropout": (lambda: with_dropout(True), r"Dropout in training mode, expected evaluation: eval\(\) before export"),
    "dropout by a number computed": (lambda: with_dropout(None), "Dropout in training mode"),
    "dropout of another kind": (
        lambda: plain([node("BitmaskDropout", ["b"], ["q", "m"], domain="com.microsoft")]),
        "BitmaskDropout draws random numbers",
    ),
    "another package": (
        lambda: plain([node("Evil", ["b"], ["q"], domain="com.evil")], domains=["com.evil"]),
        "operator Evil of the domain 'com.evil', expected operators of ONNX itself",
    ),
    "work in another file": (
        lambda: plain([node("EPContext", ["b"], ["q"], domain="com.microsoft", ep_cache_context="secret.bin")]),
        "operator EPContext of the domain 'com.microsoft'",
    ),
    "no nodes": (lambda: ModelProto(ir_version=8), "no ONNX model, or a model without a graph"),
    "too much": (lambda: several(1_000_001), "more than 1,000,000 nodes"),
    "too deep": (lambda: nested(500), "truncated or no ONNX model"),
    "cut": (lambda: plain().SerializeToString()[:-9], "truncated or no ONNX model"),
    "none": (lambda: b"", "no ONNX model"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_teacher_is_refused_before_it_is_opened(name):
    make, line = REFUSED[name]
    content = made if isinstance(made := make(), bytes) else made.SerializeToString()
    with pytest.raises(InputError, match=line):
        checked(content)


def test_operators_that_onnxruntime_adds_and_functions_of_the_model_are_let_through():
    gelu = plain([node("Gelu", ["b"], ["q"], domain="com.microsoft")])
    for made in (gelu, with_function("Add"), with_dropout(False), plain([node("Dropout", ["b"], ["q"])])):
        content, weights = checked(made.SerializeToString())
        assert weights == WEIGHT.dims[0] * WEIGHT.dims[1] and len(ModelProto.FromString(content).graph.node) > len(BASE)
