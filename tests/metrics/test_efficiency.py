"""Costs of small networks against numbers worked out by hand."""

import sys
import time

import pytest
import torch
from torch import nn

from pipeline.errors import InputError
from pipeline.metrics.efficiency import count_parameters, latency, multiply_adds

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")),
]


def test_counting_and_timing_do_not_import_the_compiler(monkeypatch):
    # Importing it costs seconds per process. First in this file: a wrapped counter would keep what it imported.
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # an import of it now fails
    model = nn.Conv2d(3, 8, 3)
    assert multiply_adds(model, (3, 8, 8)) == 8 * 6 * 6 * 27
    assert latency(model, (3, 8, 8), 1, "cpu", repeats=1, autocast=torch.bfloat16).repeats == 1


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv2d(3, 8, 3, padding=1), (3, 10, 12), 8 * 10 * 12 * 3 * 9),
        (nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), (3, 10, 12), 8 * 5 * 6 * 3 * 9),
        (nn.Conv2d(32, 64, 3, padding=1, groups=8, bias=False), (32, 7, 7), 64 * 7 * 7 * (32 // 8) * 9),
        (nn.Conv2d(16, 16, 3, groups=16), (16, 6, 6), 16 * 4 * 4 * 9),
        (nn.Linear(20, 7), (20,), 20 * 7),
        (
            nn.Sequential(nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6), nn.Flatten(), nn.Linear(54, 5)),
            (4, 3, 3),
            486,
        ),
    ],
)
def test_multiply_adds_by_hand(layer, shape, expected):
    assert multiply_adds(layer, shape) == expected
    assert multiply_adds(layer.to(memory_format=torch.channels_last), shape) == expected


def test_multiply_adds_of_attention_by_hand():
    layer = nn.TransformerEncoderLayer(16, nhead=2, dim_feedforward=32, batch_first=True)
    # 5 tokens: query, key, value and output; scores and their sum over values; the two linear layers.
    assert multiply_adds(layer, (5, 16)) == 5 * 16 * 48 + 5 * 16 * 16 + 2 * 5 * 5 * 16 + 2 * 5 * 16 * 32


def test_parameters_by_hand():
    model = nn.Sequential(nn.Conv2d(32, 64, 3, groups=8), nn.BatchNorm2d(64), nn.Linear(5, 2))
    model[2].weight.requires_grad_(False)
    assert count_parameters(model) == 64 * 4 * 9 + 64 + 2 * 64 + 5 * 2 + 2
    shared = nn.ModuleList([model[2], model[2]])
    assert count_parameters(shared) == 12


class Slow(nn.Module):
    """Takes at least 2 ms a pass; notes what it is given."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.seen = []

    def forward(self, inputs):
        time.sleep(0.002)
        output = self.linear(inputs)
        self.seen.append((tuple(inputs.shape), output.dtype, self.training, torch.is_grad_enabled()))
        return output


def test_latency_times_the_passes_it_says():
    model = Slow()
    result = latency(model, (4,), 3, "cpu", repeats=7, warmup=2, autocast=torch.bfloat16)
    assert result.repeats == 7 and 2 <= result.p10_ms <= result.median_ms <= result.p90_ms < 2000
    assert model.seen == [((3, 4), torch.bfloat16, False, False)] * 9


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_a_network_runs_on_the_device_and_keeps_its_mode_and_numbers(device, autocast):
    model = nn.Sequential(nn.Conv2d(3, 8, 3, groups=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=4))
    model.to(memory_format=torch.channels_last).train()
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = latency(model, (3, 16, 16), 4, device, repeats=5, autocast=autocast, memory_format=torch.channels_last)
    assert 0 < result.p10_ms <= result.median_ms <= result.p90_ms
    assert multiply_adds(model, (3, 16, 16)) == 8 * 14 * 14 * 27 + 8 * 12 * 12 * 2 * 9
    assert [module.training for module in model] == [True, False, True, True] and model.training
    assert all(torch.equal(value.cpu(), before[name]) for name, value in model.state_dict().items())
    # Weights stay trainable: nothing of inference mode is left in them.
    model(torch.rand(2, 3, 16, 16, device=device)).sum().backward()


def test_an_exported_network_can_be_measured():
    exported = torch.export.export(nn.Sequential(nn.Linear(6, 5), nn.ReLU()).eval(), (torch.rand(1, 6),)).module()
    assert count_parameters(exported) == 35 and multiply_adds(exported, (6,)) == 30
    assert latency(exported, (6,), 1, "cpu", repeats=2).median_ms > 0


@pytest.mark.parametrize("name", ["batch", "repeats", "warmup"])
def test_bad_counts_are_one_clear_line(name):
    settings = {"batch": 1, "repeats": 1, "warmup": 1, name: 0}
    with pytest.raises(InputError, match=f"{name} is 0"):
        latency(nn.Linear(2, 2), (2,), device="cpu", **settings)
