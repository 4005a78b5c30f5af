"""The process that computes an ONNX model, started by pipeline.models.onnx_process.

It hears lines of JSON on standard input and answers in such lines on standard output; models and images lie in a file
without a name that both have open. Its memory is limited, on the CPU it can open no file once it has begun, and it
ends when its parent does.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from pipeline.errors import InputError

CUDA = "CUDAExecutionProvider"
INPUTS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, of Linux
# What onnxruntime and numpy say when memory is refused: neither raises a common error for it.
NO_MEMORY = ("bad_alloc", "failed to allocate", "bad allocation", "unable to allocate", "memoryerror")


def main(arguments: Sequence[str]) -> None:
    """Open the model and answer requests until there are none; ``arguments`` is what onnx_process says, as JSON."""
    given = json.loads(arguments[0])
    _be_the_first_to_go(given["parent"], given["memory"])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that a library prints is an answer
    with open(given["shared"], "rb", buffering=0, closefd=False) as shared:
        try:
            _serve(given, shared, answers)
        except InputError as error:
            _say(answers, {"refused": str(error)})
        except Exception as error:  # onnxruntime's errors have no common class
            text = f"{type(error).__name__}: {error}" if isinstance(error, MemoryError) else str(error)
            lacking = any(words in text.lower() for words in NO_MEMORY)
            _say(answers, {"memory" if lacking else "failed": text.strip() or type(error).__name__})


def _serve(given: dict[str, Any], shared: BinaryIO, answers: BinaryIO) -> None:
    try:
        import onnxruntime

        from pipeline.models.onnx_file import checked
    except ImportError as error:
        raise InputError(f"needs the packages onnx and onnxruntime, see requirements.txt ({error})") from error
    _say(answers, {"ready": True})
    requests = sys.stdin.buffer
    content = _read(shared, np.empty(json.loads(requests.readline())["bytes"], np.uint8)).tobytes()
    if given["gpu"] is None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # what is open stays so; a GPU's driver opens more
    model, parameters = checked(content)
    del content
    session = _session(onnxruntime, model, given)
    del model
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        counts = f"{len(inputs)} inputs and {len(outputs)} outputs"
        raise InputError(f"{counts}, expected one of each: images (B, C, H, W), embeddings (B, D)")
    source, kind, sizes = inputs[0].name, inputs[0].type, [_size(size) for size in inputs[0].shape]
    if kind not in INPUTS:
        raise InputError(f"takes {kind}, expected tensor(float)")
    if len(sizes) != 4:
        raise InputError(f"takes images of {len(sizes) or 'unknown'} sides, expected four: (B, C, H, W)")
    _say(answers, {"shape": sizes, "parameters": parameters, "gpu": CUDA in session.get_providers()})
    dtype, images = INPUTS[kind], np.empty(0, np.float32)
    while line := requests.readline():
        shape = json.loads(line)["images"]
        if images.shape != tuple(shape):
            images = np.empty(shape, np.float32)
        _read(shared, images)
        (result,) = session.run(None, {source: images.astype(dtype, copy=False)})
        if not isinstance(result, np.ndarray) or result.dtype.kind not in "fiu":
            kind = getattr(result, "dtype", type(result).__name__)
            raise InputError(f"gives {kind}, expected embeddings (B, D)")
        _say(answers, {"dtype": result.dtype.name, "shape": result.shape}, result)


def _be_the_first_to_go(parent: int, memory: int) -> None:
    """End with the parent, leave its signals to it, take no more than ``memory`` bytes, leave no dump of them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):  # other systems than Linux
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # where the machine itself has no memory left, this is to go, not a training
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    memory = memory if most == resource.RLIM_INFINITY else min(memory, most)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _session(onnxruntime: Any, model: bytes, given: dict[str, Any]) -> Any:
    """Threads are those of torch, so that sums have the same order each time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = given["threads"], 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what goes wrong is raised as well
    options.add_session_config_entry("session.load_model_format", "ONNX")  # and no other that is found out by content
    providers: list[Any] = ["CPUExecutionProvider"]
    if given["gpu"] is not None and CUDA in onnxruntime.get_available_providers():
        with contextlib.suppress(ImportError):
            import torch  # noqa: F401, brings the GPU's libraries, which onnxruntime looks for
        providers.insert(0, (CUDA, {"device_id": given["gpu"], "gpu_mem_limit": given["memory"]}))
    return onnxruntime.InferenceSession(model, options, providers=providers)


def _read(shared: BinaryIO, into: np.ndarray) -> np.ndarray:
    """Fill the array from the beginning of the shared file, and return it."""
    shared.seek(0)
    left = memoryview(into.reshape(-1).view(np.uint8))
    while left:
        if not (count := shared.readinto(left)):
            raise EOFError(f"{len(left)} bytes are missing in what was handed over")
        left = left[count:]
    return into


def _size(size: Any) -> int | None:
    return size if isinstance(size, int) and size > 0 else None


def _short(text: str) -> str:
    """Without the middle, which is a place in onnxruntime's source."""
    text = text.removeprefix("[ONNXRuntimeError] : ")
    return text if len(text) <= 300 else f"{text[:100]} ... {text[-200:]}"


def _say(answers: BinaryIO, message: dict[str, Any], array: np.ndarray | None = None) -> None:
    """Write a message as a line of JSON, and an array's bytes after it."""
    text = {key: _short(value) if isinstance(value, str) else value for key, value in message.items()}
    answers.write(json.dumps(text).encode() + b"\n")
    if array is not None:
        answers.write(np.ascontiguousarray(array).data)
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
