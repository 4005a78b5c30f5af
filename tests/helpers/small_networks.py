"""Small networks as users bring them: one as an ONNX model; a checkpoint of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pipeline import face_losses
from pipeline.face_losses import cosface
from pipeline.face_networks.resnext_cbam import Settings as ResNeXt
from pipeline.models.margin import MarginHead
from pipeline.params.loading import validate
from pipeline.tasks.recognition import networks


def margin_head(kind: str, embedding: int, identities: int, **settings: float) -> MarginHead:
    """The head of a margin softmax by its name."""
    return face_losses.build(face_losses.loss(kind).Settings(kind=kind, **settings), embedding, identities)


class Tiny(nn.Module):
    """Images (B, 3, 24, 24) to embeddings (B, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False)
        self.norm, self.activation = nn.BatchNorm2d(6), nn.PReLU(6)
        self.pool, self.linear = nn.AvgPool2d(6), nn.Linear(24, 8)
        generator = torch.Generator().manual_seed(5)
        for name, value in self.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) * 0.6 + (0.2 if "var" in name else -0.3))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, 24, 24) -> (B, 8)."""
        features = self.pool(self.activation(self.norm(self.convolution(images))))
        return self.linear(features.view(images.shape[0], -1))


def onnx_model(model: Tiny, batch: int | None = None, *, output: str = "embedding", wide: int = 8) -> bytes:
    """The graph of Tiny with its weights, written down by hand."""
    from onnx import TensorProto, helper, numpy_helper

    weights = {name.replace(".", "_"): value.numpy() for name, value in model.state_dict().items() if value.ndim}
    weights["activation_weight"] = weights["activation_weight"].reshape(6, 1, 1)
    norm = [f"norm_{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    nodes = [
        helper.make_node("Conv", ["images", "convolution_weight"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", *norm], ["b"], epsilon=1e-5),
        helper.make_node("PRelu", ["b", "activation_weight"], ["c"]),
        helper.make_node("AveragePool", ["c"], ["d"], kernel_shape=[6, 6], strides=[6, 6]),
        helper.make_node("Flatten", ["d"], ["e"]),
        helper.make_node("Gemm", ["e", "linear_weight", "linear_bias"], ["embedding"], transB=1),
    ]
    size = [batch or "batch"]
    shape = {"embedding": [*size, wide], "c": [*size, 6, 12, 12]}[output]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [*size, 3, 24, 24])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def checkpoint(path: Path, document: dict, size: int = 32, channels: int = 3) -> None:
    """A checkpoint of ours, as a training leaves it, with the student's network and random weights."""
    settings = validate(ResNeXt, document["recognition"]["student"]["network"], "network")
    classifier = networks.build(
        settings, cosface.Settings(kind="cosface", scale=4.0, margin=0.2), image_size=size, channels=channels,
        identities=["somebody", "else"], seed=4,
    )  # fmt: skip
    networks.save({None: classifier}, path, {"training": {"precision": "float32"}, "device": "a far machine"})
