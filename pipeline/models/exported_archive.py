"""Reads a file of torch.export (.pt2) as data: the graph from its JSON, the weights from their bytes.

The file is a zip that torch.export.save writes since torch 2.9: ``models/model.json``, ``data/weights/`` and
``data/constants/`` with a table each. Its pickles (sample inputs, old weights) are not read at all.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import InputError

# What reading a graph as data raises where it is not as torch writes it.
DAMAGE = (KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError, RecursionError)
EXPECTED = "a whole file of torch.export.save"
SCHEMA = 8  # the major version; others mean other things by the same words
# Numbers that stand for torch's types and layouts (torch/_export/serde/schema.py).
DTYPES = {
    1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64, 6: torch.float16,
    7: torch.float32, 8: torch.float64, 12: torch.bool, 13: torch.bfloat16,
}  # fmt: skip
LAYOUTS = {7: torch.strided}
MEMORY_FORMATS = {1: torch.contiguous_format, 2: torch.channels_last, 4: torch.preserve_format}


@dataclass(frozen=True)
class Archive:
    """The graph and its signature as torch writes them, and every weight by its name."""

    graph: dict[str, Any]
    signature: dict[str, Any]
    tensors: dict[str, Tensor]


def read_archive(content: bytes, name: str) -> Archive:
    """What is in a .pt2. Raises InputError naming ``name``: no such file, cut short, too old, weights in a pickle."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            return _read(file, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"{name}: truncated or no .pt2 ({error}), expected {EXPECTED}") from error
    except DAMAGE as error:
        raise damaged(name, error) from error


def damaged(name: str, error: Exception) -> InputError:
    """What to say of one of DAMAGE."""
    reason = f"{type(error).__name__}: {str(error)[:200]}"
    return InputError(f"{name}: a damaged graph or table ({reason}), expected {EXPECTED}")


def _read(file: zipfile.ZipFile, name: str) -> Archive:
    # torch stores without compression, so nothing in it can swell.
    entries = {entry.filename.partition("/")[2]: entry for entry in file.infolist() if not entry.compress_type}
    if "serialized_exported_program.json" in file.namelist() or "data/weights/model.pt" in entries:
        raise InputError(
            f"{name}: weights in a pickle, as older versions of torch wrote them: save it with a newer one"
        )
    graphs = [path for path in entries if path.startswith("models/")]
    if graphs != ["models/model.json"]:
        raise InputError(f"{name}: holds {len(graphs)} graphs, expected one: {EXPECTED}")
    program = json.loads(file.read(entries["models/model.json"]))
    if (version := program["schema_version"]["major"]) != SCHEMA:
        raise InputError(f"{name}: version {version} of torch's format, expected {SCHEMA}: save it with another torch")
    tensors = {}
    for folder, table in (("weights", "model_weights_config.json"), ("constants", "model_constants_config.json")):
        described = json.loads(file.read(entries[f"data/{folder}/{table}"]))["config"]
        for weight, entry in described.items():
            if entry["use_pickle"] or entry["tensor_meta"] is None or entry["tensor_meta"]["dtype"] not in DTYPES:
                raise InputError(f"{name}: {weight} is stored as a pickle or of a rare type, expected plain numbers")
            tensors[weight] = _tensor(file.read(entries[f"data/{folder}/{entry['path_name']}"]), entry["tensor_meta"])
    module = program["graph_module"]
    return Archive(module["graph"], module["signature"], tensors)


def _tensor(content: bytes, meta: dict[str, Any]) -> Tensor:
    """The bytes as the tensor that they are of; contiguous, on the CPU."""
    dtype = DTYPES[meta["dtype"]]
    sizes, strides = ([int(one["as_int"]) for one in meta[key]] for key in ("sizes", "strides"))
    if any(size < 0 for size in sizes):
        raise ValueError(f"a side of {min(sizes)}")
    if not math.prod(sizes):
        return torch.empty(sizes, dtype=dtype)
    # as_strided itself refuses what lies beyond the bytes that are there.
    flat = torch.frombuffer(bytearray(content), dtype=dtype)
    return flat.as_strided(sizes, strides, int(meta["storage_offset"]["as_int"])).clone()
