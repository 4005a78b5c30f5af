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


def time_networks(
    networks: Mapping[str, BaseModel],
    build: Callable[[Any], nn.Module],
    shape: tuple[int, ...],
    precision: str,
    out: Path,
    batches: Sequence[int],
) -> None:
    """Write network, parameters, multiply_adds, batch, median_ms, p10_ms, p90_ms, device; ``shape`` is one input's.

    Networks of equal settings share one measurement: two would differ by the machine's noise alone.
    """
    device = select_device()
    dtype = select_dtype(device, precision)
    rows, known = [], {}
    for name, settings in networks.items():
        key = settings.model_dump_json()
        if key not in known:
            known[key] = _measure(build(settings), shape, device, dtype, batches)
        rows += [{"network": name} | row for row in known[key]]
    write_csv(out, pd.DataFrame(rows))


def _measure(
    network: nn.Module, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype, batches: Sequence[int]
) -> list[dict[str, Any]]:
    """A row a batch size."""
    network = network.to(memory_format=torch.channels_last)
    cost = {"parameters": count_parameters(network), "multiply_adds": multiply_adds(network, shape)}
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
        rows.append(cost | measured | {"device": device_name(device)})
    return rows
