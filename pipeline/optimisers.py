"""SGD and Adam as torch has them, without the second that torch.compile costs.

The first optimiser of a process makes torch import its compiler, ``torch._dynamo``, only to have some methods left
uncompiled: more than a small training takes. Nothing is compiled here, so these methods are the functions beneath
torch's wrappers; a torch without wrappers has them as they are.
"""

from __future__ import annotations

import inspect

import torch
from torch.optim import Optimizer


class _Uncompiled(Optimizer):
    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    load_state_dict = inspect.unwrap(Optimizer.load_state_dict)
    state_dict = inspect.unwrap(Optimizer.state_dict)
    zero_grad = inspect.unwrap(Optimizer.zero_grad)


class SGD(_Uncompiled, torch.optim.SGD):
    """torch.optim.SGD, with ``differentiable`` left at False."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.SGD.step))


class Adam(_Uncompiled, torch.optim.Adam):
    """torch.optim.Adam, with ``differentiable`` left at False."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))
