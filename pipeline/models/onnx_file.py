"""What an ONNX file may hold: one graph of ONNX's operators with all of its numbers inside. Imports onnx, no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf.message import DecodeError, Message
from onnx import ModelProto, NodeProto, TensorProto

from pipeline.errors import InputError

# ONNX itself, and what onnxruntime adds to it where it optimises or quantises a model.
DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"}
OTHER_FILES = {"EPContext", "Snpe"}  # operators of com.microsoft that name a file which holds the work
RANDOM = {
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial",
}  # fmt: skip
RANDOM_OF_MICROSOFT = {"BiasDropout", "BitmaskDropout", "BitmaskBiasDropout", "Sampling"}
MOST = 1_000_000  # a network of a thousand layers has some ten thousand
# Other numbers than these are shapes and the like.
WEIGHTS = {getattr(TensorProto, name) for name in ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "INT8", "UINT8")}


def checked(content: bytes) -> tuple[bytes, int]:
    """A copy of the model, made only of what was checked, and how many learned weights it holds.

    Running means of batch norms are no learned weights. Raises InputError where the content is no ONNX model, or one
    that reads other files, draws random numbers, was exported in training mode, or has operators of other packages.
    """
    try:
        model = ModelProto.FromString(content)
    except DecodeError as error:
        if "alloc" in str(error):
            raise MemoryError(str(error)) from error
        raise InputError(f"truncated or no ONNX model ({error})") from error
    if not model.graph.node:
        raise InputError("no ONNX model, or a model without a graph")
    for message in (inside for part in model.training_info for inside in _inside(part)):
        if isinstance(message, TensorProto):
            _check_tensor(message)
    # What this package does not know, onnxruntime may: only what was seen here is handed on.
    model.DiscardUnknownFields()
    model.ClearField("training_info")
    model.ClearField("metadata_props")
    functions = {(f.domain, f.name) for f in model.functions}
    nodes, tensors = [], []
    for message in _inside(model):
        if isinstance(message, NodeProto):
            _check_node(message, functions)
            nodes.append(message)
        elif isinstance(message, TensorProto):
            _check_tensor(message)
            tensors.append(message)
    _check_dropout(nodes, tensors)
    statistics = {used for node in nodes if node.op_type == "BatchNormalization" for used in node.input[3:5]}
    weights = sum(math.prod(t.dims) for t in tensors if t.data_type in WEIGHTS and t.name not in statistics)
    return model.SerializeToString(), weights


def _inside(message: Message) -> Iterator[Message]:
    """The message and all that it holds at any depth, whatever ONNX calls the place: none can be forgotten."""
    waiting, known = [message], 1
    while waiting:
        message = waiting.pop()
        yield message
        for name, repeated in _places(type(message)):
            if not repeated and not message.HasField(name):
                continue
            parts = getattr(message, name)
            known += len(parts) if repeated else 1
            if known > MOST:
                raise InputError(f"more than {MOST:,} nodes, numbers, names and the like, expected a network")
            waiting.extend(parts if repeated else [parts])


@cache
def _places(kind: type[Message]) -> list[tuple[str, bool]]:
    """Fields that hold messages, and whether they hold many."""
    return [(field.name, field.is_repeated) for field in kind.DESCRIPTOR.fields if field.message_type is not None]


def _check_node(node: Any, functions: set[tuple[str, str]]) -> None:
    if (node.domain, node.op_type) not in functions and (node.domain not in DOMAINS or node.op_type in OTHER_FILES):
        raise InputError(f"operator {node.op_type} of the domain {node.domain!r}, expected operators of ONNX itself")
    random = RANDOM if node.domain in ("", "ai.onnx") else RANDOM_OF_MICROSOFT
    if node.op_type in random:
        raise InputError(f"operator {node.op_type} draws random numbers, expected the same answer each time")
    # Before version 14 of its operators ONNX told training by the outputs; within a function the caller may tell.
    told = any(a.name == "training_mode" and (a.i or a.ref_attr_name) for a in node.attribute)
    if node.op_type == "BatchNormalization" and (told or any(node.output[1:])):
        raise InputError("BatchNormalization in training mode, expected evaluation: eval() before export")


def _check_dropout(nodes: list[Any], tensors: list[Any]) -> None:
    """Dropout draws random numbers where its third input says so: what is given there has to be false for certain."""
    switches = {node.input[2] for node in nodes if node.op_type == "Dropout" and any(node.input[2:3])}
    if not switches:
        return
    constants = [(tensor.name, tensor) for tensor in tensors]
    computed = set()
    for node in nodes:
        values = [a.t for a in node.attribute if a.name == "value"] if node.op_type == "Constant" else []
        constants += [(node.output[0], value) for value in values if node.output]
        computed |= set() if values else set(node.output)
    off = {name for name, tensor in constants if _is_false(tensor)}
    on = {name for name, tensor in constants if not _is_false(tensor)}
    if switches - off or switches & (on | computed):
        raise InputError("Dropout in training mode, expected evaluation: eval() before export")


def _is_false(tensor: Any) -> bool:
    return tensor.data_type == TensorProto.BOOL and not any(tensor.raw_data) and not any(tensor.int32_data)


def _check_tensor(tensor: Any) -> None:
    if tensor.data_location != TensorProto.DEFAULT or tensor.external_data:
        raise InputError(
            f"keeps weights in another file ({tensor.name!r}), expected one file: export with external_data=False"
        )
