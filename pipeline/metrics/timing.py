"""How long networks take on this machine, by architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pydantic import BaseModel
from torch import nn

from pipeline.device import device_name, select_device, select_dtype
from pipeline.files import write_csv
from pipeline.metrics.efficiency import count_parameters, latency, multiply_adds


class Cost:
    """What a network takes besides time; a task with networks of another kind has its own class."""

    def parameters(self, network: nn.Module) -> int:
        """Learned numbers."""
        return count_parameters(network)

    def work(self, network: nn.Module, shape: Sequence[int]) -> float:
        """Multiply-adds of one input; NaN where they are not known."""
        return multiply_adds(network, shape)

    def runs_on(self, network: nn.Module, device: torch.device) -> torch.device:
        """Where inputs on ``device`` are computed."""
        return device


def time_networks(
    networks: Mapping[str, BaseModel],
    build: Callable[[Any], nn.Module],
    shape: tuple[int, ...],
    precision: str,
    out: Path,
    batches: Sequence[int],
    cost: Any = None,
) -> None:
    """Write network, parameters, multiply_adds, batch, median_ms, p10_ms, p90_ms, device; ``shape`` is one input's.

    Networks of equal settings share one measurement: two would differ by the machine's noise alone. ``cost`` has the
    functions of Cost, which it is by default.
    """
    device = select_device()
    dtype = select_dtype(device, precision)
    rows, known = [], {}
    for name, settings in networks.items():
        key = settings.model_dump_json()
        if key not in known:
            known[key] = _measure(build(settings), shape, device, dtype, batches, cost or Cost())
        rows += [{"network": name} | row for row in known[key]]
    write_csv(out, pd.DataFrame(rows))


def _measure(
    network: nn.Module,
    shape: tuple[int, ...],
    device: torch.device,
    dtype: torch.dtype,
    batches: Sequence[int],
    cost: Any,
) -> list[dict[str, Any]]:
    """One row per batch size."""
    costs = {"parameters": cost.parameters(network), "multiply_adds": cost.work(network, shape)}
    rows = []
    for batch in batches:
        time = latency(
            network,
            shape,
            batch,
            device,
            autocast=None if dtype == torch.float32 else dtype,
            memory_format=torch.channels_last,
        )
        measured = {"batch": batch, "median_ms": time.median_ms, "p10_ms": time.p10_ms, "p90_ms": time.p90_ms}
        rows.append(costs | measured | {"device": device_name(cost.runs_on(network, device))})
    return rows
