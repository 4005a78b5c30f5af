"""SGD and Adam are torch's own to the last bit, and do not wake torch's compiler."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch

from pipeline import optimisers

CASES = {
    "sgd": (optimisers.SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": True}),
    "adam": (optimisers.Adam, torch.optim.Adam, {"lr": 1e-2, "betas": (0.5, 0.999), "eps": 1e-8}),
}


def steps(optimiser: torch.optim.Optimizer, network: torch.nn.Module, first: int, last: int) -> None:
    for number in range(first, last):
        optimiser.param_groups[0]["lr"] = 0.1 / (number + 1)
        optimiser.zero_grad(set_to_none=True)
        inputs = torch.randn(8, 5, generator=torch.Generator().manual_seed(number))
        network(inputs).square().mean().backward()
        optimiser.step()


@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_of_torch(name):
    ours, theirs, settings = CASES[name]
    torch.manual_seed(0)
    first = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3))
    second = copy.deepcopy(first)
    one, other = ours(first.parameters(), **settings), theirs(second.parameters(), **settings)
    before = [p.detach().clone() for p in first.parameters()]
    steps(one, first, 0, 4)
    steps(other, second, 0, 4)
    again = ours(first.parameters(), **settings)  # goes on from the state of torch's
    again.load_state_dict(copy.deepcopy(other.state_dict()))
    steps(again, first, 4, 7)
    steps(other, second, 4, 7)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first.parameters(), before, strict=True))
    assert again.state_dict().keys() == other.state_dict().keys()


def test_the_compiler_is_not_imported():
    text = (
        "import sys, torch\n"
        "from pipeline.optimisers import SGD, Adam\n"
        "for kind in (SGD, Adam):\n"
        "    network = torch.nn.Linear(2, 2)\n"
        "    optimiser = kind(network.parameters(), lr=0.1)\n"
        "    network(torch.ones(1, 2)).sum().backward()\n"
        "    optimiser.step()\n"
        "    optimiser.zero_grad()\n"
        "    optimiser.load_state_dict(optimiser.state_dict())\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
