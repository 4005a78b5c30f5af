"""A network from an ONNX model, run by onnxruntime on the CPU, or on a GPU where the installed package can."""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn

from pipeline.errors import InputError
from pipeline.models.onnx_process import OnnxProcess


class OnnxNetwork(nn.Module):
    """Images (B, C, H, W) to embeddings (B, D), as the model computes them, in the precision that it has.

    ``batch`` is the number of images that the model takes, None where it takes any; ``shape`` is (C, H, W), None
    where it takes any; ``parameters_stored`` counts its weights, without the running means of batch norms;
    ``runs_on`` is the device that computes it. Raises InputError, naming ``name``, where the content is no ONNX
    model, reads other files, draws random numbers, has several inputs or outputs, or takes more time or memory than
    pipeline.models .onnx_process allows.
    """

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__()
        self.name, self.content = name, content
        self.process: OnnxProcess | None = None
        self.opened_for: torch.device | None = None
        opened = self._open(torch.device("cpu")).opened
        self.parameters_stored, (self.batch, *shape) = opened["parameters"], opened["shape"]
        self.shape = tuple(shape)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, D), B as ``batch`` says, on the images' device. Raises InputError where it fails."""
        process = self._open(images.device)
        try:
            result = process.run(images.detach().cpu().numpy())
        except InputError:
            self.process = None  # it has ended
            raise
        return torch.from_numpy(result).to(images.device)

    def end(self) -> None:
        """Stop the process that computes; the next images start a new process."""
        if self.process is not None:
            self.process.end()
        self.process = None

    def _open(self, device: torch.device) -> OnnxProcess:
        """The process that computes for a device; threads are those of torch, so that sums have the same order."""
        if self.process is not None and device == self.opened_for:
            return self.process
        self.end()
        gpu = (device.index or 0) if device.type == "cuda" else None
        self.process = OnnxProcess(self.content, self.name, threads=torch.get_num_threads(), gpu=gpu)
        self.opened_for = device
        self.runs_on = device if self.process.opened["gpu"] else torch.device("cpu")
        if device != self.runs_on:
            print(
                f"{self.name}: computed on the CPU, this onnxruntime has no GPU (onnxruntime-gpu may)", file=sys.stderr
            )
        return self.process
