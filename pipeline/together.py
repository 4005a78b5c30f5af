"""Several processes in one training: each computes its share of a batch, and what must be equal stays equal.

With a single process all of it does nothing. The rules that make N processes learn what a single process learns:
- all draw for the whole batch and each takes its ``share``: augmentation does not depend on their number;
- losses are means over the share, or the same loss of the ``whole_batch`` on each: the mean over processes is the
  loss;
- gradients are averaged (torch's DistributedDataParallel), which is exact for both kinds, because the gradient that
  goes back through ``whole_batch`` is the sum over processes;
- batch statistics and dropout are those of the whole batch (pipeline.models.synchronised).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline.errors import InputError
from pipeline.processes import MEETING, place

Update = tuple[str, dict[str, Tensor]]  # an optimiser's name, its losses by name: see pipeline.training.Task

# The current batch: its size, and the places in it that each process has. Dropout, deep inside a network, needs it.
_shares: tuple[int, list[Tensor]] = 0, []


def several() -> bool:
    """Whether several processes have joined in this training."""
    return distributed.is_initialized()


def join(device: torch.device) -> None:
    """Join the other processes of the training; does nothing when called again."""
    here = place()
    if here.count == 1 or several():
        return
    # Flags and the like go through gloo on the CPU, so that they need not wait for the GPU's queue.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(
        backend, init_method=os.environ.get(MEETING, "env://"), rank=here.rank, world_size=here.count
    )


def leave() -> None:
    """Leave the group, after all processes have come here."""
    if several():
        largest(0)  # a barrier, on the CPU
        distributed.destroy_process_group()


def is_lost(error: BaseException) -> bool:
    """Whether the error says that another process is gone, rather than that something is wrong with this process."""
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and "gloo/" in str(error))


def share(*counts: int, even: bool = True) -> Tensor:
    """The places (n,) that this process has in a batch of parts of ``counts`` samples: an equal run of each part.

    Raises InputError where they cannot be equal, which means over shares need; ``even=False`` allows for one more.
    """
    global _shares
    here = place() if several() else None
    number = here.count if here else 1
    if even and any(count % number for count in counts):
        raise InputError(
            f"a batch of {' and '.join(map(str, counts))} samples for {number} processes: expected a multiple"
            " (set batch_size, or the number of processes)"
        )
    parts = [part.tensor_split(number) for part in torch.arange(sum(counts)).split(list(counts))]
    shares = [torch.cat([part[rank] for part in parts]) for rank in range(number)]
    _shares = sum(counts), shares
    return shares[here.rank if here else 0]


def places() -> tuple[int, Tensor]:
    """The size of the current batch, and this process's places in it."""
    return _shares[0], _shares[1][place().rank]


def whole_batch(share: Tensor) -> Tensor:
    """Values (n, ...) of this process's share -> (N, ...) of the batch, in its order; the gradient comes back summed."""
    return _Gather.apply(share) if several() else share


def total(values: Tensor) -> Tensor:
    """The sum over processes; the gradient too is summed."""
    return _Sum.apply(values) if several() else values


@torch.no_grad()
def mean(values: Tensor) -> Tensor:
    """The mean over processes, without gradient."""
    if not several():
        return values
    summed = values.clone()
    distributed.all_reduce(summed)
    return summed / place().count


def largest(*values: int) -> list[int]:
    """The largest of each value among the processes: for flags, which all must see alike."""
    if not several():
        return list(values)
    tensor = torch.tensor(values, dtype=torch.long)
    distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
    return tensor.tolist()


def check_alike(value: int, what: str) -> None:
    """Raise InputError where the processes have different values."""
    low, high = largest(-value, value)
    if -low != high:
        raise InputError(
            f"{what}: found {-low} to {high}, expected the same for all processes, in a folder that all share"
        )


def averaging(modules: Iterable[nn.Module]) -> Callable[[Iterator[Update]], Update | None]:
    """A function that gives a step's next losses, None after the last; for a single process it only asks the step for them.

    Together, the gradients of these losses are averaged while they are computed. DistributedDataParallel hooks on to
    the forward pass of one module, while a step calls several, by other methods, perhaps for several optimisers in
    turn: so the module that it gets holds all networks, and its forward pass is the task's code up to the next yield.
    """
    holder = _Step(modules)
    if not several() or not any(p.requires_grad for p in holder.parameters()):
        return holder
    # Buffers are equal by themselves. Looking for unused parameters is for tasks that update one network at a time;
    # it also keeps the buckets as they are, which else are rearranged after a first step: sums over more than two
    # processes would then have other last bits after a resume.
    return DistributedDataParallel(holder, forward_sync_buffers=False, find_unused_parameters=True)


class _Step(nn.Module):
    def __init__(self, modules: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(modules)

    def forward(self, updates: Iterator[Update]) -> Update | None:
        return next(updates, None)


class _Gather(torch.autograd.Function):
    """As torch.distributed.nn's gather, which is deprecated and needs equal shares."""

    @staticmethod
    def forward(ctx: Any, share: Tensor) -> Tensor:
        size, shares = _shares
        ctx.places = shares[place().rank].to(share.device)
        longest = max(map(len, shares))
        padded = share.new_zeros(longest, *share.shape[1:])
        padded[: len(share)] = share
        gathered = [torch.empty_like(padded) for _ in shares]
        distributed.all_gather(gathered, padded)
        result = share.new_empty(size, *share.shape[1:])
        for rows, values in zip(shares, gathered, strict=True):
            result[rows.to(share.device)] = values[: len(rows)]
        return result

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Tensor:
        return _summed(outer)[ctx.places]


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Tensor:
        return _summed(outer)


def _summed(values: Tensor) -> Tensor:
    values = values.contiguous().clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(values)
    return values
