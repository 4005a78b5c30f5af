"""Weights as safetensors with a JSON beside them: architecture, parameters and provenance. Never a pickle."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pipeline import plain_json
from pipeline.errors import InputError
from pipeline.files import atomic_path, read_json, write_json

Built = TypeVar("Built", bound=torch.nn.Module)


MAX_HEADER_BYTES = 8 * 2**20  # of a .safetensors: 80,000 tensors; RCAN, the deepest network, has 1,600


def save_tensors(path: Path, tensors: dict[str, Tensor], notes: dict[str, Any] | None = None) -> None:
    """Write named tensors, and ``notes`` as JSON in the file's header, in the order given, atomically."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(contiguous, {"notes": json.dumps(notes or {})})
    # Not save_file: killed, it leaves a temporary file behind, and it does not report a full disk as an OSError.
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Named tensors on the CPU and the notes. Raises InputError naming the file when absent or damaged.

    Takes the file's size in memory, and for its header MAX_HEADER_BYTES a few times over.
    """
    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            notes = dict(plain_json.parse((file.metadata() or {}).get("notes", "{}"), finite=False))
            return {name: file.get_tensor(name) for name in file.keys()}, notes  # noqa: SIM118, not a dict
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise InputError(f"{path}: not a whole safetensors file ({error})") from error


def _check_header(path: Path) -> None:
    """Raise ValueError where the header is larger than MAX_HEADER_BYTES: the library would take 100 MB of JSON."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {size} bytes, the limit is {MAX_HEADER_BYTES}")


def tensors_of(modules: Mapping[str, torch.nn.Module]) -> dict[str, Tensor]:
    """The weights and statistics of modules by name, each under its module's name and a dot."""
    return {f"{name}.{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}


def save_checkpoint(path: Path, tensors: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write ``path`` (.safetensors) and, beside it, its card (.json): how to build and judge the network."""
    save_tensors(path, tensors)
    write_json(card_of(path), card)


class Trained:
    """Networks that learn together, and what they were built from.

    A kind of these is a dataclass: a field for each network, under the name that its tensors begin with, and the
    card.
    """

    card: dict[str, Any]

    def save(self, path: Path, provenance: dict[str, Any]) -> None:
        """Write the weights of all to ``path`` (.safetensors), the card with ``provenance`` beside it."""
        modules = {name: part for name, part in vars(self).items() if isinstance(part, torch.nn.Module)}
        save_checkpoint(path, tensors_of(modules), self.card | {"provenance": provenance})


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the card. Raises InputError naming the file that is absent or damaged."""
    tensors, _ = load_tensors(path)
    card = read_json(card_of(path))
    if not isinstance(card, dict):
        raise InputError(f"{card_of(path)}: found {type(card).__name__}, expected the card of a checkpoint")
    return tensors, card


def card_of(path: Path) -> Path:
    """Where the card of a checkpoint lies."""
    return path.with_suffix(".json")


def build(make: Callable[[], Built], tensors: dict[str, Tensor], prefix: str, path: Path) -> Built:
    """The module that ``make`` builds as a card says, with the tensors under ``prefix.`` in it.

    Raises InputError when names or shapes do not match. A module much larger than what is stored is not built to the
    end, so that neither its time nor its memory depends on what a card asks for.
    """
    stored = {name.removeprefix(prefix + "."): t for name, t in tensors.items() if name.startswith(prefix + ".")}
    much = f"{path}: {prefix} is {len(stored)} tensors, expected more or larger tensors, as its card says: another architecture"
    left = {"tensors": 2 * len(stored) + 500, "numbers": 2 * sum(t.numel() for t in stored.values()) + 10_000_000}

    def count(_module: torch.nn.Module, _name: str, parameter: Tensor | None) -> None:
        left["tensors"] -= 1
        left["numbers"] -= parameter.numel() if parameter is not None else 0
        if min(left.values()) < 0:
            raise InputError(much)

    # Called as each parameter is made, before it is filled.
    handle = torch.nn.modules.module.register_module_parameter_registration_hook(count)
    try:
        module = make()
    except RuntimeError as error:
        if "allocat" not in str(error) and "overflow" not in str(error):
            raise
        raise InputError(much) from error  # larger than all memory
    finally:
        handle.remove()
    expected = module.state_dict()
    for name in sorted({*stored, *expected}):
        shape = tuple(stored[name].shape) if name in stored else "nothing"
        wanted = tuple(expected[name].shape) if name in expected else "nothing"
        if shape != wanted:
            raise InputError(f"{path}: {prefix}.{name} is {shape}, expected {wanted}: another architecture")
    module.load_state_dict(stored)
    return module
