"""What a student takes over of feature maps: plain loops, gradients, what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from pipeline import distill
from pipeline.distill.at import attention_transfer
from pipeline.distill.fitnet import hint_distance
from pipeline.distill.fskd import feature_similarity
from pipeline.errors import InputError
from pipeline.face_networks.mobilefacenet import Settings as MobileFaceNet

SHAPES = [(2, 3, 4, 4), (2, 5, 2, 2)]


@pytest.fixture
def both():
    torch.manual_seed(7)
    return [[torch.randn(*shape) for shape in SHAPES] for _ in range(2)]


def plain_attention(image):
    """One image's (C, H, W) nested lists -> its map, flat, of length one."""
    channels, height, width = len(image), len(image[0]), len(image[0][0])
    energy = [sum(image[c][y][x] ** 2 for c in range(channels)) / channels for y in range(height) for x in range(width)]
    return [value / math.hypot(*energy) for value in energy]


def test_attention_transfer_compares_normalised_energy(both):
    expected = 0.0
    for student, teacher in zip(*both, strict=True):
        differences = [
            (a - b) ** 2
            for s, t in zip(student.tolist(), teacher.tolist(), strict=True)
            for a, b in zip(plain_attention(s), plain_attention(t), strict=True)
        ]
        expected += sum(differences) / len(differences)
    assert attention_transfer(*both).item() == pytest.approx(expected, rel=1e-5)


def test_attention_transfer_takes_other_widths_but_no_other_sides(both):
    wide = [torch.cat([features, features], dim=1) for features in both[1]]
    torch.testing.assert_close(attention_transfer(both[0], wide), attention_transfer(*both))
    with pytest.raises(InputError, match=r"distill.at: the student's stages have maps of \[\(4, 4\), \(2, 2\)\]"):
        attention_transfer(both[0], [torch.randn(2, 3, 2, 2), torch.randn(2, 5, 1, 1)])


def test_feature_similarity_is_the_mean_cosine_distance(both):
    stages = []
    for student, teacher in zip(*both, strict=True):
        rows = zip(student.flatten(1).tolist(), teacher.flatten(1).tolist(), strict=True)
        stages.append(
            sum(1 - sum(a * b for a, b in zip(s, t, strict=True)) / (math.hypot(*s) * math.hypot(*t)) for s, t in rows)
            / 2
        )
    assert feature_similarity(*both).item() == pytest.approx(sum(stages) / 2, rel=1e-5)


def test_fitnet_compares_the_stage_of_the_hint(both):
    student, teacher = (distill.Knowledge(embedding=torch.zeros(2, 1), features=features) for features in both)
    module = distill.method("fitnet")
    for stage in (1, 2):
        pairs = list(zip(both[0][stage - 1].flatten().tolist(), both[1][stage - 1].flatten().tolist(), strict=True))
        expected = sum((a - b) ** 2 for a, b in pairs) / len(pairs)
        loss = module.loss(student, teacher, module.Settings(weight=1.0, stage=stage))
        assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_fitnet_knows_the_stages_of_every_kind_of_network():
    module = distill.method("fitnet")
    mobile = MobileFaceNet(architecture="mobilefacenet", stem_stride=2, width=0.5, embedding=8)
    module.check(module.Settings(weight=1.0, stage=5), mobile, mobile)
    with pytest.raises(ValueError, match="stage = 6: expected 1 to 5, the stages of its network"):
        module.check(module.Settings(weight=1.0, stage=6), mobile, mobile)


@pytest.mark.parametrize("function", [attention_transfer, feature_similarity, lambda s, t: hint_distance(s[0], t[0])])
def test_gradients(both, function):
    """Central differences at a step that float32 can carry."""
    student, teacher = [features.requires_grad_() for features in both[0]], both[1]
    function(student, teacher).backward()
    step, flat = 1e-2, student[0].detach().clone()
    for place in [(0, 0, 0, 0), (1, 2, 3, 1), (0, 1, 2, 3)]:
        values = []
        for sign in (1, -1):
            moved = flat.clone()
            moved[place] += sign * step
            values.append(function([moved, student[1].detach()], teacher).item())
        assert student[0].grad[place].item() == pytest.approx((values[0] - values[1]) / (2 * step), abs=2e-4)
