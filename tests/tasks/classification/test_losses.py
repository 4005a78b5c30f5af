"""What classifiers learn of one another: plain loops, gradients by finite differences, targets that get no gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from pipeline import distill
from pipeline.distill import Knowledge
from pipeline.distill.at import attention_transfer
from pipeline.distill.crd import contrast
from pipeline.distill.logit import logit_distillation
from pipeline.errors import InputError
from pipeline.models.contrastive_memory import ContrastiveMemory
from pipeline.tasks.classification.feedback import SeenWeights
from pipeline.tasks.classification.feedback_losses import (
    divergence,
    feedback_distillation,
    forward_distillation,
    normalised,
    understanding,
)  # fmt: skip
from pipeline.tasks.classification.online_losses import mutual_learning, native_ensemble, sigmoid_ramp


@pytest.fixture
def logits():
    """Three times (5, 4), float64."""
    torch.manual_seed(11)
    return [torch.randn(5, 4, dtype=torch.double) * 3 for _ in range(3)]


def softened(row, temperature):
    powers = [math.exp(value / temperature) for value in row]
    return [power / sum(powers) for power in powers]


def plain_divergences(target, other, temperature):
    """A number per sample, by loops."""
    collected = []
    for a, b in zip(target.tolist(), other.tolist(), strict=True):
        p, q = softened(a, temperature), softened(b, temperature)
        collected.append(sum(x * math.log(x / y) for x, y in zip(p, q, strict=True)))
    return collected


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_peers_teach_by_the_mean_of_their_divergences(logits, temperature):
    own, *others = logits
    of_each = [sum(plain_divergences(other, own, temperature)) / 5 for other in others]
    expected = temperature**2 * sum(of_each) / 2
    assert mutual_learning(own, others, temperature).item() == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_branches_learn_the_sum_of_their_divergences_from_the_ensemble(logits, temperature):
    *branches, ensemble = logits
    expected = temperature**2 * sum(sum(plain_divergences(ensemble, one, temperature)) / 5 for one in branches)
    assert native_ensemble(torch.stack(branches), ensemble, temperature).item() == pytest.approx(expected)


def test_the_ramp_rises_by_whole_epochs():
    assert sigmoid_ramp(0, 80) == pytest.approx(math.exp(-5)) == sigmoid_ramp(0.99, 80)
    assert sigmoid_ramp(40.5, 80) == pytest.approx(math.exp(-5 / 4))
    assert sigmoid_ramp(80, 80) == sigmoid_ramp(1000, 80) == sigmoid_ramp(0, 0) == 1


def test_understanding_follows_the_divergence(logits):
    teacher, student, _ = logits
    plain = plain_divergences(teacher, student, 4.0)
    assert divergence(teacher, student, 4.0).tolist() == pytest.approx(plain)
    up = understanding(teacher, student, 4.0, 0.3, "up")
    down = understanding(teacher, student, 4.0, 0.3, "down")
    assert up.tolist() == pytest.approx([math.exp(-value / 0.3) for value in plain])
    assert down.tolist() == pytest.approx([1 - math.exp(-value / 0.3) for value in plain])
    assert understanding(teacher, teacher, 4.0, 0.3, "up").tolist() == [1] * 5
    order = np.argsort(plain)
    assert (np.diff(up.numpy()[order]) < 0).all() and (np.diff(down.numpy()[order]) > 0).all()


def test_weights_have_the_mean_one_even_where_nothing_is_left_of_them():
    weights = torch.tensor([0.2, 0.5, 0.0, 0.9], dtype=torch.double)
    assert normalised(weights).mean().item() == pytest.approx(1)
    assert normalised(weights).tolist() == pytest.approx([value / 0.4 for value in weights.tolist()], abs=2e-5)
    assert normalised(torch.zeros(3)).tolist() == [1, 1, 1]


def test_feedback_is_the_weighted_divergence_from_the_student(logits):
    teacher, student, _ = logits
    weights = torch.tensor([0.5, 2.0, 0.0, 1.0, 1.5], dtype=torch.double)
    plain = plain_divergences(student, teacher, 3.0)
    expected = 9 * sum(w * d for w, d in zip(weights.tolist(), plain, strict=True)) / 5
    assert feedback_distillation(teacher, student, weights, 3.0).item() == pytest.approx(expected)
    even = feedback_distillation(teacher, student, torch.ones(5), 3.0)
    torch.testing.assert_close(even, logit_distillation(teacher, student, 3.0))


def test_no_gradient_goes_to_a_target_or_through_a_weight(logits):
    a, b, _ = (of.requires_grad_() for of in logits)
    for loss in (
        mutual_learning(a, [b], 1.0),
        native_ensemble(a[None], b, 3.0),
        forward_distillation(a, b, 4.0),
        feedback_distillation(a, b, understanding(a, b, 4.0, 1.0, "up"), 4.0),
    ):
        (own,) = torch.autograd.grad(loss, a, retain_graph=True)
        assert own.abs().max() > 0
        assert torch.autograd.grad(loss, b, allow_unused=True) == (None,)
    weights = understanding(a, b, 4.0, 1.0, "down")
    assert not weights.requires_grad
    learnable = torch.ones(5, dtype=torch.double, requires_grad=True)
    loss = feedback_distillation(a, b, learnable, 4.0)
    assert torch.autograd.grad(loss, learnable, allow_unused=True) == (None,)


def test_gradients(logits):
    own, other, third = logits
    own.requires_grad_()
    weights = torch.tensor([0.5, 2.0, 0.0, 1.0, 1.5], dtype=torch.double)
    for function in (
        lambda v: mutual_learning(v, [other, third], 2.0),
        lambda v: native_ensemble(torch.stack([v, third]), other, 3.0),
        lambda v: forward_distillation(v, other, 4.0),
        lambda v: feedback_distillation(v, other, weights, 4.0),
    ):
        assert torch.autograd.gradcheck(function, (own,))


def test_weights_are_summed_up_over_the_samples_of_an_epoch():
    seen, rng = SeenWeights(9, 2), np.random.default_rng(0)
    values = rng.random((7, 2)).astype(np.float32)
    seen.values[:7] = torch.from_numpy(values)
    summary = seen.summary()
    assert summary["weight_mean"] == pytest.approx(values.mean(), rel=1e-6)
    for percentile in (10, 50, 90):
        assert summary[f"weight_p{percentile}"] == pytest.approx(np.percentile(values, percentile), rel=1e-6)
    assert seen.values.isnan().all(), "an epoch of its own"


LABELS = torch.tensor([3, 7, 3, 0, 7, 3, 0, 3, 5, 3])


def memory(negatives=4, momentum=0.25, labels=LABELS):
    torch.manual_seed(0)
    made = ContrastiveMemory((6, 5), labels, width=3, negatives=negatives, temperature=0.5, momentum=momentum)
    return made.double()


def test_contrast_tells_the_true_pair_from_the_others():
    torch.manual_seed(1)
    scores = torch.rand(3, 5, dtype=torch.double, requires_grad=True)
    noise, total = 4 / 10, 0.0
    for true, *others in scores.tolist():
        total -= math.log(true / (true + noise)) + sum(math.log(1 - other / (other + noise)) for other in others)
    assert contrast(scores, 10).item() == pytest.approx(total / 3, rel=1e-5)
    assert torch.autograd.gradcheck(lambda s: contrast(s, 10), (scores,))


def test_others_are_all_the_samples_of_other_classes_and_each_as_likely():
    torch.manual_seed(2)
    drawn = memory(negatives=6000).draw(LABELS)
    for label, rows in zip(LABELS.tolist(), drawn, strict=True):
        counts = rows.bincount(minlength=10).tolist()
        others = [row for row in range(10) if LABELS[row] != label]
        assert sum(counts[row] for row in others) == 6000
        assert all(0.8 < counts[row] * len(others) / 6000 < 1.2 for row in others)


def test_scores_and_memories_by_hand():
    made = memory()
    student, teacher = torch.randn(3, 6, dtype=torch.double), torch.randn(3, 5, dtype=torch.double)
    rows = torch.tensor([8, 0, 4])
    before = {name: getattr(made, f"{name}_memory").clone() for name in ("student", "teacher")}
    values = {
        name: torch.stack([row / row.norm() for row in layer(given)]).detach()
        for name, layer, given in (("student", made.of_student, student), ("teacher", made.of_teacher, teacher))
    }
    state = torch.get_rng_state()
    pairs = torch.cat([rows[:, None], made.draw(LABELS[rows])], dim=1).tolist()
    for again in (False, True):
        torch.set_rng_state(state)
        result = made(student, teacher, LABELS[rows], rows)
        if again:  # the constants stay, the memories have moved
            break
        for name, other, scores in (("student", "teacher", result[0]), ("teacher", "student", result[1])):
            products = values[name] @ before[other].T
            powers = [[math.exp(products[i, row].item() / 0.5) for row in pairs[i]] for i in range(3)]
            constant = 10 * sum(map(sum, powers)) / 15
            assert scores.tolist() == [pytest.approx([p / constant for p in of]) for of in powers]
            assert getattr(made, f"{name}_sum").item() == pytest.approx(constant)
            constants = made.student_sum.clone(), made.teacher_sum.clone()
        for name, value in values.items():
            moved = before[name].clone()
            for i, row in enumerate(rows.tolist()):
                mixed = 0.25 * before[name][row] + 0.75 * value[i]
                moved[row] = mixed / mixed.norm()
            torch.testing.assert_close(getattr(made, f"{name}_memory"), moved)
    assert (made.student_sum, made.teacher_sum) == constants


def test_the_contrastive_loss_learns_through_both_maps_and_never_through_memories():
    module = distill.method("crd")
    settings = module.Settings(weight=0.8, width=3, negatives=4, temperature=0.5)
    torch.manual_seed(0)
    student, teacher = torch.randn(3, 6, requires_grad=True), torch.randn(3, 5)
    rows = torch.tensor([8, 0, 4])
    known = Knowledge(embedding=student, labels=LABELS[rows], rows=rows), Knowledge(embedding=teacher)
    parts = module.build(settings, *known, LABELS)
    start = {name: value.clone() for name, value in parts.state_dict().items()}

    def value(embedding):
        parts.load_state_dict(start)
        torch.manual_seed(5)
        return module.loss(Knowledge(embedding=embedding, labels=LABELS[rows], rows=rows), known[1], settings, parts)

    value(student)
    constants = ("student_sum", "teacher_sum")  # from now on
    start |= {name: parts.state_dict()[name].clone() for name in constants}
    value(student).backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in parts.parameters())
    assert not any(buffer.requires_grad for buffer in parts.buffers())
    for place in [(0, 0), (1, 3), (2, 5)]:
        differences = []
        for sign in (1, -1):
            moved = student.detach().clone()
            moved[place] += sign * 1e-2
            differences.append(value(moved).item())
        assert student.grad[place].item() == pytest.approx((differences[0] - differences[1]) / 2e-2, abs=2e-3)
    with pytest.raises(InputError, match="all samples are of the same class"):
        module.build(settings, *known, torch.zeros(10, dtype=torch.long))


@pytest.mark.parametrize(("own", "other"), [((8, 6), (4, 3)), ((4, 4), (8, 8)), ((5, 5), (5, 5)), ((7, 5), (4, 4))])
def test_a_regressor_brings_the_hint_to_the_teachers_shape(own, other):
    module = distill.method("fitnet")
    settings = module.Settings(weight=100.0, stage=1)
    student, teacher = Knowledge(features=[torch.randn(2, 3, *own)]), Knowledge(features=[torch.randn(2, 5, *other)])
    torch.manual_seed(0)
    regressor = module.build(settings, student, teacher, LABELS)
    kinds = [type(layer) for layer in regressor]
    assert kinds[1:] == [nn.BatchNorm2d, nn.ReLU]
    assert (kinds[0] is nn.ConvTranspose2d) == (own == (4, 4))
    loss = module.loss(student, teacher, settings, regressor.eval())
    hints = regressor(student.features[0]), teacher.features[0]
    pairs = list(zip(*(hint.flatten().tolist() for hint in hints), strict=True))
    assert loss.item() == pytest.approx(sum((a - b) ** 2 for a, b in pairs) / len(pairs), rel=1e-5)
    loss.backward()
    assert regressor[0].weight.grad.abs().max() > 0


def test_a_hint_that_no_regressor_reaches_is_refused():
    module = distill.method("fitnet")
    both = [Knowledge(features=[torch.zeros(1, 3, side, side)]) for side in (4, 6)]
    with pytest.raises(InputError, match=r"stage 1 of the student is \[4, 4\], of the teacher \[6, 6\]"):
        module.build(module.Settings(weight=1.0, stage=1), *both, LABELS)


def test_attention_of_larger_maps_is_averaged_to_the_smaller_side():
    torch.manual_seed(3)
    student = [torch.randn(2, 3, 4, 4), torch.randn(2, 3, 2, 2)]
    teacher = [torch.randn(2, 5, 2, 2), torch.randn(2, 4, 6, 6)]

    def averaged(features):
        """To 2 x 2 places."""
        side = features.shape[2] // 2
        cells = [features[:, :, y : y + side, x : x + side].mean(dim=(2, 3)) for y in (0, side) for x in (0, side)]
        return torch.stack(cells, dim=2).unflatten(2, (2, 2))

    expected = attention_transfer([averaged(student[0]), student[1]], [teacher[0], averaged(teacher[1])])
    torch.testing.assert_close(attention_transfer(student, teacher, pool=True), expected)
    module = distill.method("at")
    known = Knowledge(features=student), Knowledge(features=teacher)
    torch.testing.assert_close(module.loss(*known, module.Settings(weight=1.0, pool=True)), expected)
    with pytest.raises(InputError, match="maps of"):
        module.loss(*known, module.Settings(weight=1.0))
    with pytest.raises(InputError, match="as many stages"):
        attention_transfer(student, teacher[:1], pool=True)


def test_similarities_of_the_last_feature_map():
    torch.manual_seed(4)
    maps = [[torch.randn(3, 2, 2, 2), torch.randn(3, 4, 2, 1)], [torch.randn(3, 2, 2, 2), torch.randn(3, 2, 3, 2)]]
    grams = []
    for _, last in maps:
        rows = last.flatten(1).tolist()
        gram = [[sum(x * y for x, y in zip(a, b, strict=True)) for b in rows] for a in rows]
        grams.append([[value / math.hypot(*row) for value in row] for row in gram])
    expected = sum((s - t) ** 2 for a, b in zip(*grams, strict=True) for s, t in zip(a, b, strict=True)) / 9
    module = distill.method("sp_features")
    loss = module.loss(*(Knowledge(features=of) for of in maps), module.Settings(weight=3000.0))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_weights_over_time():
    module = distill.method("dkd")
    rising = module.Settings(weight=2.0, temperature=4.0, warmup_epochs=20)
    assert [module.weight(rising, epoch) for epoch in (0, 0.9, 1, 9.5, 19, 200)] == pytest.approx(
        [0.1, 0.1, 0.2, 1.0, 2.0, 2.0]
    )
    assert module.weight(module.Settings(weight=2.0, temperature=4.0), 0) == 2
    logit = distill.method("logit")
    assert logit.weight(logit.Settings(weight=0.9, temperature=4.0), 0) == 0.9
