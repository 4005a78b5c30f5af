"""A network from an ONNX model, run by onnxruntime on the CPU, or on a GPU where the installed package can.

Both packages are imported where such a network is built, and nowhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.errors import InputError

CUDA = "CUDAExecutionProvider"
INPUTS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
WEIGHTS = {"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "INT8", "UINT8"}  # other numbers are shapes and the like


class OnnxNetwork(nn.Module):
    """Images (B, C, H, W) to embeddings (B, D), as the model computes them, in the precision that it has.

    ``batch`` is the number of images that the model takes, None where it takes any; ``shape`` is (C, H, W);
    ``parameters_stored`` counts its weights, without the running means of batch norms; ``runs_on`` is the device that
    computes it. Raises InputError, naming ``name``, where the content is no ONNX model, keeps weights in other files,
    or has more inputs or outputs than one.
    """

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__()
        self.name, self.content = name, content
        self.parameters_stored = _count(_parse(content, name), name)
        self.session: Any = None
        self.opened_for: torch.device | None = None
        self._open(torch.device("cpu"))
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            found = f"{len(inputs)} inputs and {len(outputs)} outputs"
            raise InputError(f"{name}: {found}, expected one of each: images (B, C, H, W), embeddings (B, D)")
        self.source = inputs[0].name
        if inputs[0].type not in INPUTS:
            raise InputError(f"{name}: takes {inputs[0].type}, expected tensor(float)")
        self.dtype = INPUTS[inputs[0].type]
        sizes = [size if isinstance(size, int) and size > 0 else None for size in inputs[0].shape]
        if len(sizes) != 4 or None in sizes[1:]:
            raise InputError(f"{name}: takes {tuple(s or '?' for s in sizes)}, expected (B, C, H, W), only B free")
        self.batch, self.shape = sizes[0], tuple(sizes[1:])

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, D), B as ``batch`` says, on the images' device. Raises InputError where it fails."""
        self._open(images.device)
        try:
            (result,) = self.session.run(None, {self.source: images.cpu().numpy().astype(self.dtype)})
        except Exception as error:  # onnxruntime's errors have no class of their own in common
            raise InputError(f"{self.name}: cannot be run: {_first_line(error)}") from error
        if not isinstance(result, np.ndarray) or result.dtype.kind not in "fiu":
            raise InputError(
                f"{self.name}: gives {getattr(result, 'dtype', type(result).__name__)}, expected embeddings (B, D)"
            )
        return torch.from_numpy(result).to(images.device)

    def _open(self, device: torch.device) -> None:
        """The session for a device; threads are those of torch, so that sums have the same order each time."""
        if device == self.opened_for:
            return
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4  # what goes wrong is raised as well
        providers: list[Any] = ["CPUExecutionProvider"]
        if device.type == "cuda" and CUDA in onnxruntime.get_available_providers():
            providers.insert(0, (CUDA, {"device_id": device.index or 0}))
        try:
            self.session = onnxruntime.InferenceSession(self.content, options, providers=providers)
        except Exception as error:  # as above
            raise InputError(f"{self.name}: cannot be run by onnxruntime: {_first_line(error)}") from error
        self.opened_for = device
        self.runs_on = device if CUDA in self.session.get_providers() else torch.device("cpu")
        if device != self.runs_on:
            print(
                f"{self.name}: computed on the CPU, this onnxruntime has no GPU (onnxruntime-gpu may)", file=sys.stderr
            )


def _parse(content: bytes, name: str) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise InputError(f"{name}: needs the packages onnx and onnxruntime, see requirements.txt ({error})") from error
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own, which onnx does not name
        raise InputError(f"{name}: truncated or no ONNX model ({_first_line(error)})") from error
    if not model.graph.node:
        raise InputError(f"{name}: no ONNX model, or one without a graph")
    return model


def _count(model: Any, name: str) -> int:
    """How many numbers are learned weights. Raises InputError where they lie outside the file."""
    import onnx

    statistics = {
        used for node in _nodes(model.graph) if node.op_type == "BatchNormalization" for used in node.input[3:5]
    }
    total = 0
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise InputError(
                f"{name}: keeps weights in another file, expected one file: export with external_data=False"
            )
        if onnx.TensorProto.DataType.Name(tensor.data_type) in WEIGHTS and tensor.name not in statistics:
            total += int(np.prod(tensor.dims, dtype=np.int64))
    return total


def _nodes(graph: Any) -> Iterator[Any]:
    """All nodes, those of graphs inside nodes too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    """All stored numbers: initialisers, and the values of constants."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
