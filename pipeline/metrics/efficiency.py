"""What a network costs: parameters, multiply-adds, and the time a batch takes on a device."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from pipeline.errors import InputError


@dataclass(frozen=True)
class Latency:
    """Milliseconds from giving a batch that lies on the device to having its output there."""

    median_ms: float
    p10_ms: float
    p90_ms: float
    repeats: int


def count_parameters(model: nn.Module) -> int:
    """All learned numbers, trainable or frozen, each once even if shared; no buffers such as running means."""
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_adds(model: nn.Module, input_shape: Sequence[int]) -> int:
    """Multiply-adds of one forward pass of one input, in evaluation mode.

    Convolutions, linear layers, matrix products and attention count; normalisation, activations, pooling and
    sums do not, as is usual. The model must not be compiled.

    Args:
        input_shape: of one input without the batch, such as (channels, height, width).
    """
    inputs = _inputs(model, 1, input_shape, _device(model))
    # The fused layer that nn.MultiheadAttention and nn.TransformerEncoder may run as has no formula.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        # Not inference mode: there a convolution arrives under a name without a formula.
        with _evaluating(model), torch.no_grad(), _Counter() as counter:
            model(inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.operations // 2


def latency(
    model: nn.Module,
    input_shape: Sequence[int],
    batch: int,
    device: str | torch.device,
    *,
    repeats: int = 20,
    warmup: int = 3,
    autocast: torch.dtype | None = None,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Latency:
    """Time forward passes in evaluation mode, one after another, each waited for.

    The model is moved to ``device`` and stays there. On the CPU the number of threads is the process's own
    (torch.get_num_threads). Compiled models compile during the warm-up.

    Args:
        input_shape: of one input without the batch, such as (channels, height, width).
        batch: inputs at a time, >= 1. repeats: timed passes, >= 1. warmup: passes before them, >= 1.
        autocast: torch.bfloat16 or torch.float16 for mixed precision; None for the model's own precision.
        memory_format: of the inputs; torch.channels_last for a model whose weights are.
    """
    for name, value in (("batch", batch), ("repeats", repeats), ("warmup", warmup)):
        if value < 1:
            raise InputError(f"latency: {name} is {value}, expected at least 1")
    device = torch.device(device)
    model.to(device)
    inputs = _inputs(model, batch, input_shape, device).contiguous(memory_format=memory_format)
    precision = torch.autocast(device.type, dtype=autocast, enabled=autocast is not None)
    milliseconds = []
    with _evaluating(model), torch.inference_mode(), precision:
        for _ in range(warmup):
            model(inputs)
        for _ in range(repeats):
            _finish(device)
            start = time.perf_counter()
            model(inputs)
            _finish(device)
            milliseconds.append(1e3 * (time.perf_counter() - start))
    p10, median, p90 = torch.tensor(milliseconds, dtype=torch.float64).quantile(
        torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    )
    return Latency(median.item(), p10.item(), p90.item(), repeats)


class _Counter(TorchDispatchMode):
    """PyTorch's FlopCounterMode without its table by module, which would import the compiler, for seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0  # two per multiply-add

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # By default a mode is hidden from the compiler, which imports it; nothing is compiled in here.
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.operations += formula(*args, **kwargs, out_val=output)
        return output


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; every module then has its earlier mode back, even where modes were mixed.

    The flags are set directly: a model read from torch.export refuses eval().
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in modes:
            module.training = False
        yield
    finally:
        for module, training in modes:
            module.training = training


def _device(model: nn.Module) -> torch.device:
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def _inputs(model: nn.Module, batch: int, shape: Sequence[int], device: torch.device) -> torch.Tensor:
    """Random inputs, the same for every model, in the precision of the model's weights."""
    parameter = next(model.parameters(), None)
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand((batch, *shape), generator=generator)
    return inputs.to(device=device, dtype=torch.float32 if parameter is None else parameter.dtype)


def _finish(device: torch.device) -> None:
    """Wait until a GPU has done what it was given; the CPU has when the call returns."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
