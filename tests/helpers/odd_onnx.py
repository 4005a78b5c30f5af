"""Small ONNX models from images (n, 3, 24, 24) to embeddings (n, 8), with something odd at their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

node = helper.make_node


def stored(name: str, values: Any, kind: type = np.int64) -> TensorProto:
    """Numbers that the model holds."""
    return numpy_helper.from_array(np.array(values, kind), name)


def value(name: str, kind: int = TensorProto.FLOAT, shape: Sequence[int | str] | None = None) -> Any:
    """An input or output; without a shape, of any."""
    return helper.make_tensor_value_info(name, kind, shape)


WEIGHT = stored("w", np.random.default_rng(0).standard_normal((27, 8)), np.float32)
BASE = [  # means of 3 x 3 regions, and a linear layer without bias: "b"
    node("AveragePool", ["x"], ["p"], kernel_shape=[8, 8], strides=[8, 8]),
    node("Flatten", ["p"], ["f"]),
    node("MatMul", ["f", "w"], ["b"]),
]


def model(
    nodes: Sequence[NodeProto],
    numbers: Sequence[TensorProto] = (),
    *,
    shape: Sequence[int | str] | None = ("n", 3, 24, 24),
    gives: int = TensorProto.FLOAT,
    opset: int = 17,
    ir: int = 8,
    domains: Sequence[str] = (),
    functions: Sequence[Any] = (),
) -> ModelProto:
    """BASE and then ``nodes``, which make "y" of "b", "x" and ``numbers``."""
    graph = helper.make_graph(
        [*BASE, *nodes], "odd", [value("x", shape=shape)], [value("y", gives)], [WEIGHT, *numbers]
    )
    opsets = [helper.make_opsetid(domain, opset if domain == "" else 1) for domain in ("", *domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir, functions=functions)


def added(nodes: Sequence[NodeProto], numbers: Sequence[TensorProto] = (), **more: Any) -> ModelProto:
    """A model that adds "c", made by ``nodes``, summed to a scalar, to its embedding."""
    total = [node("ReduceSum", ["c"], ["r"], keepdims=0), node("Add", ["b", "r"], ["y"])]
    return model([*nodes, *total], numbers, **more)


def loop(trips: int) -> ModelProto:
    """A model whose Loop hands its embedding on so many times."""
    body = helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Identity", ["v"], ["u"])], "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("v")],
        [value("on", TensorProto.BOOL, []), value("u")],
    )  # fmt: skip
    return model([node("Loop", ["t", "k", "b"], ["y"], body=body)], [stored("t", trips), stored("k", True, bool)])


def constant_loop(trips: int) -> ModelProto:
    """The same of numbers alone, which onnxruntime may compute when it opens the model."""
    made = loop(trips)
    made.graph.node[-1].input[2] = "z"
    made.graph.node[-1].output[0] = "l"
    made.graph.node.append(node("Add", ["b", "l"], ["y"]))
    made.graph.initializer.append(stored("z", [0.0], np.float32))
    return made


def scan(running: bool) -> ModelProto:
    """A Scan over the images; ``running``: that gives the sum of all images so far."""
    body = helper.make_graph(
        [node("Add", ["s", "row"], ["t"]), node("Identity", ["t" if running else "row"], ["out"])], "body",
        [value("s", shape=[8]), value("row", shape=[8])], [value("t", shape=[8]), value("out", shape=[8])],
    )  # fmt: skip
    return model([node("Scan", ["z", "b"], ["last", "y"], body=body, num_scan_inputs=1)],
                 [stored("z", [0.0] * 8, np.float32)])  # fmt: skip


def either() -> ModelProto:
    """An If whose branches use what is outside them."""
    branches = {
        f"{name}_branch": helper.make_graph([node(kind, ["b"], [name])], name, [], [value(name)])
        for name, kind in (("then", "Identity"), ("else", "Neg"))
    }
    largest = [node("ReduceMax", ["x"], ["m"], keepdims=0), node("Less", ["m", "z"], ["cold"])]
    return model([*largest, node("If", ["cold"], ["y"], **branches)], [stored("z", 1e9, np.float32)])


def with_function(body: str) -> ModelProto:
    """A function of the model's own that calls an operator, or with "Twice" itself."""
    domain = "my" if body == "Twice" else ""
    made = helper.make_function(
        "my", "Twice", ["a"], ["c"], [node(body, ["a"] if domain else ["a", "a"], ["c"], domain=domain)],
        [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)],
    )  # fmt: skip
    return model([node("Twice", ["b"], ["y"], domain="my")], functions=[made], domains=["my"])
