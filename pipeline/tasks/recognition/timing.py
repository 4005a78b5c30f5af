"""How long a face takes on this machine, by architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline.data.arrays import open_faces
from pipeline.device import device_name, select_device, select_dtype
from pipeline.files import write_csv
from pipeline.metrics.efficiency import latency
from pipeline.params.networks import Network
from pipeline.params.teachers import OwnNetwork
from pipeline.tasks.recognition import cost
from pipeline.tasks.recognition.adopting import take
from pipeline.tasks.recognition.networks import FaceNetwork, build_network

BATCHES = (1, 64)


def time_networks(
    networks: dict[str, Network | OwnNetwork], faces: Path, precision: str, out: Path, own: Path
) -> None:
    """Write network, parameters, multiply_adds, batch, median_ms, p10_ms, p90_ms, device.

    Networks of equal settings share one measurement: two would differ by the machine's noise alone. ``own`` is the
    folder with the files of the user's own.
    """
    device = select_device()
    dtype = select_dtype(device, precision)
    _, size, _, channels = open_faces(faces).shape
    shape = (channels, size, size)
    rows, known = [], {}
    for name, settings in networks.items():
        key = settings.model_dump_json()
        if key not in known:
            if isinstance(settings, OwnNetwork):
                network = take(settings, own, size, channels).network
            else:
                network = build_network(settings, size, channels).to(memory_format=torch.channels_last)
            known[key] = _measure(network, shape, device, dtype)
        rows += [{"network": name} | row for row in known[key]]
    write_csv(out, pd.DataFrame(rows))


def _measure(
    network: FaceNetwork, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype
) -> list[dict[str, Any]]:
    """A row a batch size."""
    costs = {"parameters": cost.parameters(network), "multiply_adds": cost.work(network, shape)}
    rows = []
    for batch in BATCHES:
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
