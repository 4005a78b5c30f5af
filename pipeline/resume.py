"""The state an interrupted training continues from: outside every declared output, gone after success."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.checkpoints import load_tensors, save_tensors
from pipeline.errors import InputError
from pipeline.files import remove_leftovers

FOLDER = Path(".resume")
_WHOLE_FILE_BYTES = 64 * 2**20  # larger inputs are recognised by their size and samples of their content
_SAMPLES = 32


class ResumeFile:
    """One file under ``.resume/`` for the output ``output``, bound to what the training was made from.

    ``binding`` is any JSON value: parameters, seed, contents of inputs. A state with another binding belongs to
    another training and is ignored, with a line that says so.
    """

    def __init__(self, output: Path, binding: Any) -> None:
        self.path = FOLDER / Path(os.path.relpath(output)).with_suffix(".safetensors")
        self.binding = hashlib.sha256(json.dumps(binding, sort_keys=True, default=str).encode()).hexdigest()
        self.seconds = _seconds_between_saves()

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The last state saved (tensors, notes), or None where there is none that fits."""
        if not self.path.exists():
            return None
        try:
            tensors, notes = load_tensors(self.path)
        except InputError as error:
            print(f"{error}; ignored, training starts over", file=sys.stderr)
            return None
        if notes.pop("content", None) != _digest(tensors, notes):
            print(f"{self.path}: not as it was written; ignored, training starts over", file=sys.stderr)
            return None
        if notes.get("binding") != self.binding:
            print(f"{self.path}: belongs to other parameters, inputs or code; ignored", file=sys.stderr)
            return None
        return tensors, notes

    def save(self, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        """Replace the state, atomically; with a checksum, since what reads it builds on every number."""
        notes = notes | {"binding": self.binding}
        save_tensors(self.path, tensors, notes | {"content": _digest(tensors, notes)})

    def clear(self) -> None:
        """Remove the state and the folders that it leaves empty."""
        self.path.unlink(missing_ok=True)
        folder = self.path.parent
        if folder.is_dir():
            remove_leftovers(folder)
        while folder != FOLDER.parent and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def fingerprint(paths: Iterable[Path]) -> dict[str, str]:
    """Content hashes of files and of all files in folders, by path.

    A file above 64 MB is recognised by its size and 32 samples of 64 KB spread over it: reading an array of
    tens of gigabytes at every start would cost more than the safety is worth.
    """
    files = [f for p in map(Path, paths) for f in (sorted(p.rglob("*")) if p.is_dir() else [p]) if f.is_file()]
    return {str(file): _content(file) for file in files}


def _digest(tensors: dict[str, Tensor], notes: dict[str, Any]) -> str:
    """SHA-256 of names, types, shapes and numbers, and of the notes as they come back from JSON."""
    digest = hashlib.sha256(json.dumps(notes, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _content(path: Path) -> str:
    size, digest = path.stat().st_size, hashlib.sha256()
    with path.open("rb") as file:
        if size <= _WHOLE_FILE_BYTES:
            digest.update(file.read())
        else:
            digest.update(str(size).encode())
            for sample in range(_SAMPLES):
                file.seek((size - 2**16) * sample // (_SAMPLES - 1))
                digest.update(file.read(2**16))
    return digest.hexdigest()


def _seconds_between_saves() -> float:
    text = os.environ.get("PIPELINE_SAVE_SECONDS", "30")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise InputError(f"PIPELINE_SAVE_SECONDS = {text!r}: expected seconds from 0 (0: after each step)")
    return seconds
