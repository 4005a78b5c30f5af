"""Each distillation loss against an independent plain computation, and its gradient by finite differences."""

from __future__ import annotations

import importlib
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
        flags = "SAME_NETWORK", "SAME_CHANNELS", "SAME_EMBEDDING", "EACH_STAGE", "FROM_ALL", "WHOLE_BATCH"
        assert all(isinstance(getattr(module, flag), bool) for flag in flags)
        assert importlib.import_module(f"pipeline.distill.{name}").__doc__ and module.loss.__doc__
    with pytest.raises(InputError, match="there are: at, attention"):
        distill.method("nothing")


def test_a_file_states_what_differs_and_lacks_nothing_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(distill, "__path__", [*distill.__path__, str(tmp_path)])
    (tmp_path / "new_rule.py").write_text("Settings, NEEDS, EACH_STAGE, loss = dict, ('output',), True, max\n")
    stated = distill.method("new_rule")
    assert stated.EACH_STAGE and stated.FROM_ALL and not stated.WHOLE_BATCH and stated.build is None
    stated.check(None, None, None)
    (tmp_path / "no_rule.py").write_text("Settings, loss = dict, max\n")
    with pytest.raises(InputError, match="no_rule.py: NEEDS is missing, expected Settings, NEEDS, loss"):
        distill.method("no_rule")


def test_margin_choice_selects_the_logits():
    torch.manual_seed(3)
    a, b, c, d = (torch.randn(2, 3) for _ in range(4))
    student = distill.Knowledge(embedding=torch.zeros(2, 1), logits=a, plain_logits=b)
    teacher = distill.Knowledge(embedding=torch.zeros(2, 1), logits=c, plain_logits=d)
    module = distill.method("logit")
    for margin, expected in ((True, logit_distillation(a, c, 2.0)), (False, logit_distillation(b, d, 2.0))):
        settings = module.Settings(weight=1.0, temperature=2.0, margin=margin)
        torch.testing.assert_close(module.loss(student, teacher, settings), expected)


def known(seed: int, *, width: int = 6, channels: int = 3, stages: int = 3) -> distill.Knowledge:
    """What a network with such features and embeddings knows of four pictures, at random."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(4, *shape, generator=generator)  # noqa: E731
    return distill.Knowledge(
        embedding=draw(width),
        logits=draw(5),
        plain_logits=draw(5),
        labels=torch.tensor([0, 1, 2, 0]),
        channel_maps=[draw(4), draw(6)],
        spatial_maps=[draw(4, 4), draw(2, 2)],
        features=[draw(channels, 4, 4) for _ in range(stages)],
        output=draw(3, 4, 4),
        rows=torch.arange(4),
    )


@pytest.mark.parametrize("name", distill.method_names())
def test_a_method_says_what_must_be_alike_in_both_networks(name):
    """Found by computing with what differs; parts bridge some differences, so that there are none but a memory."""
    method, student = distill.method(name), known(0)
    required = {"weight": 1.0, "temperature": 4.0}  # what any method may ask for without a default
    settings = method.Settings(
        **{key: required[key] for key, of in method.Settings.model_fields.items() if of.is_required()}
    )

    def can_compare(teacher: distill.Knowledge) -> bool:
        parts = [method.build(settings, student, teacher, student.labels)] if "rows" in method.NEEDS else []
        try:
            return bool(method.loss(student, teacher, settings, *parts).isfinite())
        except (InputError, ValueError, RuntimeError):
            return False

    assert can_compare(known(1))
    assert can_compare(known(1, stages=2)) != method.EACH_STAGE
    on_features = "features" in method.NEEDS
    assert can_compare(known(1, channels=4)) != (on_features and (method.SAME_CHANNELS or method.SAME_NETWORK))
    assert can_compare(known(1, width=7)) != method.SAME_EMBEDDING
