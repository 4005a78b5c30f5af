"""What several processes do together in a training: each its share of a batch, and everything that must be equal, equal.

All of it does nothing where a process is alone. The rules that make N processes learn what one does:
- all draw for the whole batch and each takes its ``share``: augmentation does not depend on their number;
- losses are means over the share, or the same loss of the ``whole_batch`` on each: the mean over processes is the loss;
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

# Of the batch in hand: its size and the places in it that each process has. Dropout needs it, deep inside a network.
_shares: tuple[int, list[Tensor]] = 0, []


def several() -> bool:
    """Whether this process is one of several that have joined."""
    return distributed.is_initialized()


def join(device: torch.device) -> None:
    """Meet the other processes of the training, once."""
    here = place()
    if here.count == 1 or several():
        return
    # Flags and the like go through gloo on the CPU: they need not wait for what a GPU has in hand.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(
        backend, init_method=os.environ.get(MEETING, "env://"), rank=here.rank, world_size=here.count
    )


def leave() -> None:
    """Part, after all have come here."""
    if several():
        largest(0)  # a barrier, on the CPU
        distributed.destroy_process_group()


def is_lost(error: BaseException) -> bool:
    """Whether the error says that another process is gone, rather than that something is wrong with this one."""
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
    """The size of the batch in hand, and this process's places in it."""
    return _shares[0], _shares[1][place().rank]


def whole_batch(own: Tensor) -> Tensor:
    """Values (n, ...) of this process's share -> (N, ...) of the batch, in its order; the gradient comes back summed."""
    return _Gather.apply(own) if several() else own


def total(own: Tensor) -> Tensor:
    """The sum over processes; the gradient too is summed."""
    return _Sum.apply(own) if several() else own


@torch.no_grad()
def mean(values: Tensor) -> Tensor:
    """The mean over processes, without gradient."""
    if not several():
        return values
    summed = values.clone()
    distributed.all_reduce(summed)
    return summed / place().count


def largest(*values: int) -> list[int]:
    """Of each value the largest among the processes: for flags, which all must see alike."""
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
    """How to get a step's next losses, None after the last; alone just by asking for them.

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
    """torch.distributed.nn has the like, deprecated and for equal shares."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        size, shares = _shares
        ctx.own = shares[place().rank].to(own.device)
        longest = max(map(len, shares))
        padded = own.new_zeros(longest, *own.shape[1:])
        padded[: len(own)] = own
        gathered = [torch.empty_like(padded) for _ in shares]
        distributed.all_gather(gathered, padded)
        result = own.new_empty(size, *own.shape[1:])
        for rows, values in zip(shares, gathered, strict=True):
            result[rows.to(own.device)] = values[: len(rows)]
        return result

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Tensor:
        return _summed(outer)[ctx.own]


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        return _summed(own)

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Tensor:
        return _summed(outer)


def _summed(values: Tensor) -> Tensor:
    values = values.contiguous().clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(values)
    return values
