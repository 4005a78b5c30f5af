"""Each distillation loss against an independent plain computation, and its gradient by finite differences."""

from __future__ import annotations

import math

import pytest
import torch

from pipeline import distill
from pipeline.distill.attention import attention_distillation
from pipeline.distill.logit import logit_distillation
from pipeline.errors import InputError


def softmax(values, temperature):
    powers = [math.exp((v - max(values)) / temperature) for v in values]
    return [p / sum(powers) for p in powers]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_logit_distillation_is_the_scaled_divergence_from_the_teacher(temperature):
    torch.manual_seed(0)
    student, teacher = torch.randn(6, 7) * 5, torch.randn(6, 7) * 5
    total = 0.0
    for s, t in zip(student.tolist(), teacher.tolist(), strict=True):
        p_s, p_t = softmax(s, temperature), softmax(t, temperature)
        total += sum(a * math.log(a / b) for a, b in zip(p_t, p_s, strict=True))
    expected = temperature**2 * total / 6
    assert logit_distillation(student, teacher, temperature).item() == pytest.approx(expected, rel=1e-5)
    assert logit_distillation(teacher, teacher, temperature).item() == pytest.approx(0, abs=1e-6)


def test_attention_distillation_sums_cosine_distances_over_maps():
    torch.manual_seed(1)
    student = [torch.randn(3, 4), torch.randn(3, 2, 5)]
    teacher = [torch.randn(3, 4), torch.randn(3, 2, 5)]
    total = 0.0
    for s_map, t_map in zip(student, teacher, strict=True):
        for s, t in zip(s_map.flatten(1).tolist(), t_map.flatten(1).tolist(), strict=True):
            total += 1 - sum(a * b for a, b in zip(s, t, strict=True)) / (math.hypot(*s) * math.hypot(*t))
    assert attention_distillation(student, teacher).item() == pytest.approx(total / 3, rel=1e-5)
    scaled = [3 * m for m in teacher]
    assert attention_distillation(scaled, teacher).item() == pytest.approx(0, abs=1e-5), "scale must not matter"


def test_attention_refuses_maps_that_do_not_pair_up():
    with pytest.raises(InputError, match="do not match"):
        attention_distillation([torch.zeros(1, 4)], [torch.zeros(1, 5)])


def test_gradients():
    torch.manual_seed(2)
    s, t = torch.randn(3, 5, dtype=torch.double, requires_grad=True), torch.randn(3, 5, dtype=torch.double)
    assert torch.autograd.gradcheck(lambda v: logit_distillation(v, t, 4.0), (s,))
    # attention works in float32: compare with central differences at a step that float32 can carry
    s32 = s.detach().float().requires_grad_()
    attention_distillation([s32], [t.float()]).backward()
    step = 1e-2
    for i in range(3):
        for j in range(5):
            values = []
            for sign in (1, -1):
                moved = s32.detach().clone()
                moved[i, j] += sign * step
                values.append(attention_distillation([moved], [t.float()]).item())
            assert s32.grad[i, j].item() == pytest.approx((values[0] - values[1]) / (2 * step), abs=2e-3)


def test_methods_are_found_by_name_and_declare_what_they_need():
    assert {"attention", "logit"} <= set(distill.method_names())
    for name in distill.method_names():
        module = distill.method(name)
        assert set(module.NEEDS) <= set(distill.Knowledge.__dataclass_fields__)
        assert "weight" in module.Settings.model_fields
        assert isinstance(module.SAME_NETWORK, bool) and isinstance(module.FROM_ALL, bool)
        assert module.__doc__ and module.loss.__doc__
    with pytest.raises(InputError, match="there are: at, attention"):
        distill.method("nothing")


def test_margin_choice_selects_the_logits():
    torch.manual_seed(3)
    a, b, c, d = (torch.randn(2, 3) for _ in range(4))
    student = distill.Knowledge(embedding=torch.zeros(2, 1), logits=a, plain_logits=b)
    teacher = distill.Knowledge(embedding=torch.zeros(2, 1), logits=c, plain_logits=d)
    module = distill.method("logit")
    for margin, expected in ((True, logit_distillation(a, c, 2.0)), (False, logit_distillation(b, d, 2.0))):
        settings = module.Settings(weight=1.0, temperature=2.0, margin=margin)
        torch.testing.assert_close(module.loss(student, teacher, settings), expected)
