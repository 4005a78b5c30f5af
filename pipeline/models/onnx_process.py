"""An ONNX model in a separate process: its time and memory are limited, and a crash ends that process alone.

PIPELINE_ONNX_SECONDS (60) is the time to open a model, and for each eight images that it is asked about;
PIPELINE_ONNX_GIB (8) is the memory of its process.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import InputError
from pipeline.models import onnx_child

START_SECONDS = 600  # imports alone, from a slow disk
IMAGES_IN_THE_TIME = 8
THREAD = 2**24  # bytes set aside for a thread's stack, most of which it never uses
A_WHILE = 0.25  # seconds
LONGEST_LINE = 2**20
WIDEST = 2**20  # bytes of an embedding; the widest that settings allow has 65,536
LARGEST = 2**31  # bytes of a model: what protobuf, which ONNX is written in, can hold


class OnnxProcess:
    """A model on the CPU, or on a GPU where there is a GPU and onnxruntime can use it.

    ``opened`` says what it is: "shape" (the four sides that it takes, None where any), "parameters" (how many learned
    weights), "gpu" (whether one computes it). Raises InputError, naming ``name``, where onnx_file or onnxruntime
    refuses the model, where it has several inputs or outputs, or where a limit is reached.
    """

    def __init__(self, content: bytes, name: str, *, threads: int, gpu: int | None) -> None:
        self.name = name
        self.seconds, gib = _limit("PIPELINE_ONNX_SECONDS", 60), _limit("PIPELINE_ONNX_GIB", 8)
        self.memory = f"the limit of {gib:g} GiB (PIPELINE_ONNX_GIB)"
        if len(content) >= LARGEST:
            raise InputError(f"{name}: 2 GiB or more, expected less, as an ONNX file has")
        self.shared = _nameless()
        given = {"shared": self.shared.fileno(), "threads": threads, "gpu": gpu, "parent": os.getpid()}
        given["memory"] = int(gib * 2**30) + threads * THREAD
        path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", onnx_child.__name__, json.dumps(given)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            pass_fds=[self.shared.fileno()], bufsize=0,
        )  # fmt: skip
        self.end = weakref.finalize(self, _end, self.process, self.shared)
        self.heard = bytearray()
        self._answer(START_SECONDS, "started")
        self._hand_over(content)
        self.opened = self._ask({"bytes": len(content)}, self.seconds, "opened")
        self.shared.truncate(0)

    def run(self, images: np.ndarray) -> np.ndarray:
        """What the model gives for images float32 (B, C, H, W): an array of numbers. Raises InputError as above."""
        self._hand_over(np.ascontiguousarray(images, np.float32).reshape(-1).view(np.uint8))
        seconds = self.seconds * math.ceil(len(images) / IMAGES_IN_THE_TIME)
        said = self._ask({"images": images.shape}, seconds, f"done with {len(images)} images")
        dtype, shape = np.dtype(said["dtype"]), tuple(said["shape"])
        size = dtype.itemsize * math.prod(shape)
        if size > WIDEST * len(images):
            self.end()
            raise InputError(f"{self.name}: gives {dtype} {shape} for {len(images)} images, expected embeddings (B, D)")
        return np.frombuffer(self._take(size, seconds, "sent"), dtype).reshape(shape)

    def _hand_over(self, content: bytes | np.ndarray) -> None:
        """The bytes to the beginning of the shared file."""
        self.shared.seek(0)
        left = memoryview(content)
        while left:  # the system takes 2 GiB at once
            left = left[self.shared.write(left) :]

    def _ask(self, request: dict[str, Any], seconds: float, what: str) -> dict[str, Any]:
        with contextlib.suppress(BrokenPipeError):  # then its last words say why
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        return self._answer(seconds, what)

    def _answer(self, seconds: float, what: str) -> dict[str, Any]:
        """The next line. Raises InputError where it says that something failed, or where none comes."""
        said = json.loads(self._take(None, seconds, what))
        for word, text in said.items():
            if word not in ("refused", "failed", "memory"):
                continue
            self.end()
            if word == "memory":
                raise InputError(f"{self.name}: needs more memory than {self.memory}: {text}")
            raise InputError(f"{self.name}: {'cannot be run by onnxruntime: ' if word == 'failed' else ''}{text}")
        return said

    def _take(self, size: int | None, seconds: float, what: str) -> bytearray:
        """``size`` bytes of the answer; without a size its next line."""
        poll, pipe, waited = select.poll(), self.process.stdout.fileno(), 0.0
        poll.register(pipe, select.POLLIN)
        while True:
            end = size if size is not None else self.heard.find(b"\n") + 1 or LONGEST_LINE
            if len(self.heard) >= end:
                taken, self.heard = self.heard[:end], self.heard[end:]
                return taken
            if not poll.poll(1000 * A_WHILE):
                waited += A_WHILE  # not by the clock, which goes on while both processes are stopped
                if waited < seconds:
                    continue
                self.end()
                raise InputError(
                    f"{self.name}: not {what} after {seconds:g} seconds, the limit (PIPELINE_ONNX_SECONDS):"
                    " expected a model that comes to an end"
                )
            if not (part := os.read(pipe, 2**20)):
                raise InputError(f"{self.name}: {self._how_it_ended()}")
            self.heard += part

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        status = self.process.returncode
        self.end()
        if status is None or status >= 0:
            end = f"onnxruntime ended by itself (status {status})"
            return f"{end}, expected embeddings; it may lack memory: {self.memory}"
        return (
            f"onnxruntime crashed by {signal.Signals(-status).name}, expected embeddings: a damaged model, or a model that"
            f" needs more memory than {self.memory} or than the machine has"
        )


def _end(process: subprocess.Popen, shared: Any) -> None:
    """Stop the process and wait until it is gone."""
    process.kill()
    process.wait()
    for file in (process.stdin, process.stdout, shared):
        with contextlib.suppress(OSError):
            file.close()


def _nameless() -> Any:
    """A file in memory that no other process can open, and that vanishes when all that have it open close it."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("onnx"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)  # another system than Linux


def _limit(name: str, default: float) -> float:
    text = os.environ.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 <= value <= 1e6:
        raise InputError(f"{name} = {text!r}: expected a number from 1 to 1,000,000")
    return value
