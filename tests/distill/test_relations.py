"""What a student takes over of embeddings and of single identities: plain loops, gradients, properties."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from pipeline import distill
from pipeline.distill.dkd import decoupled_terms
from pipeline.distill.embedding import embedding_distillation
from pipeline.distill.logit import logit_distillation
from pipeline.distill.rkd import angle_relation, relational_distillation
from pipeline.distill.sp import similarity_distillation
from pipeline.errors import InputError


@pytest.fixture
def both():
    torch.manual_seed(4)
    return torch.randn(5, 4, dtype=torch.double), torch.randn(5, 3, dtype=torch.double)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def minus(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


def huber(x):
    return 0.5 * x * x if abs(x) < 1 else abs(x) - 0.5


def test_embedding_distillation_is_the_mean_cosine_distance(both):
    student, teacher = both[0], both[0].flip(0) + 1
    distances = [
        1 - dot(s, t) / (math.hypot(*s) * math.hypot(*t))
        for s, t in zip(student.tolist(), teacher.tolist(), strict=True)
    ]
    assert embedding_distillation(student, teacher).item() == pytest.approx(sum(distances) / 5)
    assert embedding_distillation(3 * teacher, teacher).item() == pytest.approx(0, abs=1e-12), "length must not matter"
    with pytest.raises(InputError, match="has 4 values and the teacher's 3"):
        embedding_distillation(*both)


def plain_distances(rows):
    n = len(rows)
    table = {(i, j): math.hypot(*minus(rows[i], rows[j])) for i in range(n) for j in range(n)}
    mean = sum(table.values()) / (n * (n - 1))
    return {pair: distance / mean for pair, distance in table.items()}


def plain_angle(rows, i, j, k):
    a, b = minus(rows[i], rows[j]), minus(rows[k], rows[j])
    lengths = math.hypot(*a) * math.hypot(*b)
    return dot(a, b) / lengths if lengths else 0.0


def test_relational_distillation_compares_distances_and_angles(both):
    rows = [embedding.tolist() for embedding in both]
    d_s, d_t = (plain_distances(r) for r in rows)
    expected_d = sum(huber(d_s[pair] - d_t[pair]) for pair in d_s) / 25
    triplets = list(itertools.product(range(5), repeat=3))
    expected_a = sum(huber(plain_angle(rows[0], *t) - plain_angle(rows[1], *t)) for t in triplets) / 125
    assert relational_distillation(*both, 1.0, 0.0).item() == pytest.approx(expected_d)
    assert relational_distillation(*both, 0.0, 1.0).item() == pytest.approx(expected_a)
    assert relational_distillation(*both, 25.0, 50.0).item() == pytest.approx(25 * expected_d + 50 * expected_a)
    assert angle_relation(both[0])[1, 0, 2].item() == pytest.approx(plain_angle(rows[0], 0, 1, 2)), "the angle is at j"


def test_relations_do_not_change_when_the_teacher_is_moved_scaled_or_turned(both):
    student = both[0]
    turned = torch.linalg.qr(torch.randn(4, 4, dtype=torch.double))[0]
    assert relational_distillation(3 * student @ turned + 2, student, 1.0, 2.0).item() == pytest.approx(0, abs=1e-12)
    assert similarity_distillation(3 * student @ turned, student).item() == pytest.approx(0, abs=1e-12)


def test_equal_faces_in_a_batch_give_finite_gradients():
    student = torch.ones(4, 3, requires_grad=True)
    twins = torch.cat([student[:2], student[2:] + torch.tensor([[1.0, 0, 0], [0, 1, 0]])])
    relational_distillation(twins, torch.randn(4, 3), 1.0, 2.0).backward()
    assert torch.isfinite(student.grad).all()


def test_similarity_distillation_compares_normalised_rows_of_the_gram_matrix(both):
    grams = [[[dot(a, b) for b in m.tolist()] for a in m.tolist()] for m in both]
    grams = [[[value / math.hypot(*row) for value in row] for row in gram] for gram in grams]
    total = sum((s - t) ** 2 for a, b in zip(*grams, strict=True) for s, t in zip(a, b, strict=True))
    assert similarity_distillation(*both).item() == pytest.approx(total / 25)


def plain_decoupled(student, teacher, label, temperature):
    p, q = (
        [math.exp(v / temperature) / sum(math.exp(w / temperature) for w in logits) for v in logits]
        for logits in (student, teacher)
    )
    true = q[label] * math.log(q[label] / p[label]) + (1 - q[label]) * math.log((1 - q[label]) / (1 - p[label]))
    rest = [i for i in range(len(p)) if i != label]
    others = sum(q[i] / (1 - q[label]) * math.log((q[i] / (1 - q[label])) / (p[i] / (1 - p[label]))) for i in rest)
    return true, others, q[label]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_decoupled_terms_and_their_sum(temperature):
    torch.manual_seed(5)
    student, teacher = torch.randn(6, 7, dtype=torch.double) * 3, torch.randn(6, 7, dtype=torch.double) * 3
    labels = torch.tensor([0, 6, 3, 3, 1, 5])
    rows = [
        plain_decoupled(s, t, y, temperature)
        for s, t, y in zip(student.tolist(), teacher.tolist(), labels.tolist(), strict=True)
    ]
    true, others = decoupled_terms(student, teacher, labels, temperature)
    assert true.item() == pytest.approx(sum(row[0] for row in rows) / 6)
    assert others.item() == pytest.approx(sum(row[1] for row in rows) / 6)
    # Equation 6: with 1 - p_y of the teacher as the weight of the second it is the divergence of Hinton et al.
    whole = temperature**2 * sum(a + (1 - p) * b for a, b, p in rows) / 6
    assert logit_distillation(student, teacher, temperature).item() == pytest.approx(whole)


def test_decoupled_terms_are_finite_where_the_network_is_certain():
    logits = torch.tensor([[60.0, -60.0, -50.0]], requires_grad=True)
    true, others = decoupled_terms(logits, torch.tensor([[-60.0, 60.0, 50.0]]), torch.tensor([0]), 1.0)
    (true + others).backward()
    assert torch.isfinite(true) and torch.isfinite(others) and torch.isfinite(logits.grad).all()


def test_gradients(both):
    student, teacher = both[0].requires_grad_(), both[1]
    labels = torch.tensor([0, 1, 2, 3, 0])
    wide = torch.randn(5, 4, dtype=torch.double)
    losses = [
        lambda v: embedding_distillation(v, wide),
        lambda v: relational_distillation(v, teacher, 1.0, 2.0),
        lambda v: similarity_distillation(v, teacher),
        lambda v: sum(decoupled_terms(v, wide, labels, 4.0)),
    ]
    for function in losses:
        assert torch.autograd.gradcheck(function, (student,))


@pytest.mark.parametrize("margin", [True, False])
def test_settings_of_the_decoupled_method(margin):
    torch.manual_seed(6)
    a, b, c, d = (torch.randn(2, 3) for _ in range(4))
    labels = torch.tensor([1, 2])
    student = distill.Knowledge(embedding=torch.zeros(2, 1), logits=a, plain_logits=b, labels=labels)
    teacher = distill.Knowledge(embedding=torch.zeros(2, 1), logits=c, plain_logits=d)
    module = distill.method("dkd")
    settings = module.Settings(weight=1.0, temperature=2.0, alpha=3.0, beta=5.0, margin=margin)
    true, others = decoupled_terms(*((a, c) if margin else (b, d)), labels, 2.0)
    torch.testing.assert_close(module.loss(student, teacher, settings), 4 * (3 * true + 5 * others))
