"""Where and how exactly a network computes: device, precision, threads. Execution, not science.

Set by environment variables, so that both engines run the same command:
PIPELINE_DEVICE = auto (a GPU where there is one), cpu, cuda or cuda:N; PIPELINE_THREADS = CPU threads a
process, 1 by default: two jobs of one thread do more than one job of two, and the number of threads changes
the last bits of a sum. For several processes in one training see pipeline.processes: each process has its own GPU.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform

import torch

from pipeline.errors import InputError
from pipeline.processes import place

MAX_THREADS = 1024  # torch crashes when a million are asked for


def select_device() -> torch.device:
    """The device to run on; also fixes the threads. Raises InputError when a GPU is demanded and absent."""
    threads = os.environ.get("PIPELINE_THREADS", "1")
    if not (threads.isascii() and threads.isdecimal() and 1 <= int(threads) <= MAX_THREADS):
        raise InputError(f"PIPELINE_THREADS = {threads!r}: expected a whole number from 1 to {MAX_THREADS}")
    torch.set_num_threads(int(threads))
    _keep_freed_memory()
    wanted = os.environ.get("PIPELINE_DEVICE", "auto")
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise InputError(f"PIPELINE_DEVICE = {wanted!r}: expected auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise InputError(
                f"PIPELINE_DEVICE = {wanted!r}: found {count} GPUs (expected one; auto or cpu run without)"
            )
        if (here := place()).count > 1:
            if device.index is not None or count < here.local_count:
                raise InputError(
                    f"PIPELINE_DEVICE = {wanted!r} for {here.local_count} processes on this machine: found {count} GPUs"
                    " (expected auto, cpu, or cuda and a GPU for each)"
                )
            device = torch.device("cuda", here.local_rank)
            torch.cuda.set_device(device)  # or NCCL takes the first for all
        # Bytes that repeat are worth more here than the last tenth of speed.
        torch.backends.cudnn.deterministic = True
    elif device.type != "cpu":
        raise InputError(f"PIPELINE_DEVICE = {wanted!r}: expected auto, cpu, cuda or cuda:N")
    return device


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed, rather than give it back and fault it in again each step: 6 % of a training's time."""
    mmap_threshold, trim_threshold = -3, -1  # malloc.h
    with contextlib.suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(mmap_threshold, 2**30)
        library.mallopt(trim_threshold, 2**31 - 1)


def select_dtype(device: torch.device, precision: str) -> torch.dtype:
    """The type that convolutions compute in: torch.bfloat16 or torch.float32."""
    if precision == "float32":
        return torch.float32
    if precision == "bf16":
        return torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager:
    """Mixed precision with ``dtype``; nothing at all for float32."""
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype)


def device_name(device: torch.device) -> str:
    """A name for reports, such as "NVIDIA H200" or "CPU (x86_64, AVX512)"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()})"
