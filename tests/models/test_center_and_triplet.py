"""Center loss and triplets against plain loops, their gradients, and batches with several faces of each person."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.face_losses import arcface, center, triplet
from pipeline.face_networks.resnext_cbam import Settings as ResNeXt
from pipeline.models.center import CenterHead
from pipeline.models.triplet import TripletHead
from pipeline.params.networks import Training
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.faces import TrainingFaces
from pipeline.tasks.recognition.learning import Identities, ShownFaces
from pipeline.tasks.recognition.sampling import SeveralOfEach


def batch(seed: int, size: int = 9, people: int = 4, width: int = 5):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(people, (size,), generator=generator)
    return torch.randn(size, width, generator=generator), labels


@pytest.mark.parametrize("seed", range(3))
def test_center_loss_and_how_centres_move_against_loops(seed):
    torch.manual_seed(seed)
    head = CenterHead(5, 4, weight=0.2, rate=0.5).train()
    head.centers.normal_()
    x, labels = batch(seed)
    centers, w, b = (
        t.detach().numpy().astype(float) for t in (head.centers, head.classifier.weight, head.classifier.bias)
    )
    pull, entropy = 0.0, 0.0
    moved = centers.copy()
    for person in range(4):
        members = [row.numpy() for row, label in zip(x, labels, strict=True) if label == person]
        moved[person] -= 0.5 * sum((centers[person] - m for m in members), np.zeros(5)) / (1 + len(members))
    for row, label in zip(x.numpy(), labels.tolist(), strict=True):
        pull += 0.2 / 2 * sum((row[k] - centers[label][k]) ** 2 for k in range(5)) / len(x)
        scores = [sum(w[j][k] * row[k] for k in range(5)) + b[j] for j in range(4)]
        entropy -= (scores[label] - np.log(np.exp(scores).sum())) / len(x)
    losses = head.losses(x, labels)
    assert losses["center"].item() == pytest.approx(pull, rel=1e-5)
    assert losses["recognition"].item() == pytest.approx(entropy, rel=1e-5)
    np.testing.assert_allclose(head.centers.numpy(), moved, rtol=1e-5, atol=1e-6)
    assert set(dict(head.named_parameters())) == {"classifier.weight", "classifier.bias"}, "centres are not learned"


def test_centres_stay_where_nobody_trains_and_are_part_of_the_state():
    head = CenterHead(5, 4, weight=0.2, rate=0.5).eval()
    head.losses(*batch(0))
    assert not head.centers.any() and "centers" in head.state_dict()


def triplet_by_loops(x: np.ndarray, labels: list[int], margin: float) -> tuple[float, int]:
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    far = lambda a, b: float(((x[a] - x[b]) ** 2).sum())  # noqa: E731
    total, pairs, fallbacks = 0.0, 0, 0
    for a in range(len(x)):
        for p in range(len(x)):
            if a == p or labels[a] != labels[p]:
                continue
            others = [far(a, n) for n in range(len(x)) if labels[n] != labels[a]]
            semi_hard = [d for d in others if d > far(a, p)]
            fallbacks += not semi_hard
            total += max(far(a, p) - (min(semi_hard) if semi_hard else max(others)) + margin, 0)
            pairs += 1
    return total / pairs, fallbacks


@pytest.mark.parametrize("seed", range(5))
def test_triplets_against_loops(seed):
    x, labels = batch(seed, size=12)
    expected, _ = triplet_by_loops(x.double().numpy(), labels.tolist(), 0.2)
    loss = TripletHead(margin=0.2, images=3).losses(x, labels)["triplet"]
    assert loss.item() == pytest.approx(expected, rel=1e-4) and expected > 0


def test_triplets_without_a_semi_hard_negative_take_the_farthest():
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.1], [1.0, 0.05], [1.0, 0.2]])
    expected, fallbacks = triplet_by_loops(x.double().numpy(), [0, 0, 1, 1], 0.2)
    assert fallbacks and TripletHead(margin=0.2, images=2).losses(x, torch.tensor([0, 0, 1, 1]))[
        "triplet"
    ].item() == pytest.approx(expected, rel=1e-4)


def test_a_batch_without_pairs_has_no_triplet_and_still_a_gradient():
    x = torch.randn(3, 5, requires_grad=True)
    loss = TripletHead(margin=0.2, images=3).losses(x, torch.arange(3))["triplet"]
    loss.backward()
    assert loss.item() == 0 and not x.grad.any()


def test_a_batch_of_one_person_has_no_triplet_and_still_a_gradient():
    x = torch.randn(4, 5, requires_grad=True)
    loss = TripletHead(margin=0.2, images=4).losses(x, torch.zeros(4, dtype=torch.long))["triplet"]
    loss.backward()
    assert loss.item() == 0 and not x.grad.any()


@pytest.mark.parametrize("name", ["center", "triplet"])
def test_gradients_by_finite_differences(name):
    torch.manual_seed(0)
    head = (CenterHead(5, 4, weight=0.2, rate=0.5) if name == "center" else TripletHead(margin=0.2, images=3)).eval()
    x, labels = batch(1)
    if name == "center":
        head.centers.normal_()
    x.requires_grad_()
    total = lambda at: sum(head.losses(at, labels).values())  # noqa: E731
    total(x).backward()
    with torch.no_grad():
        for row, column in ((0, 0), (3, 2), (8, 4)):
            step = torch.zeros_like(x)
            step[row, column] = 1e-3
            slope = (total(x + step) - total(x - step)) / 2e-3
            assert x.grad[row, column].item() == pytest.approx(slope.item(), abs=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_batches_hold_several_different_faces_of_each_person(seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.arange(10), torch.arange(5).repeat(6)])[torch.randperm(40, generator=generator)]
    rows = SeveralOfEach(labels, 4).draw(torch.randperm(40, generator=generator)[:16], generator)
    people, counts = labels[rows].unique(return_counts=True)
    assert len(rows) == 16 and len(people) == 4 and (counts == 4).all()
    for person in people.tolist():
        faces = rows[labels[rows] == person]
        assert len(faces.unique()) == min(4, (labels == person).sum()), "repeated only where there are fewer"
    again = SeveralOfEach(labels, 4).draw(torch.arange(16), torch.Generator().manual_seed(7))
    assert torch.equal(again, SeveralOfEach(labels, 4).draw(torch.arange(16), torch.Generator().manual_seed(7)))


class Noise:
    """Stands for the arrays: a batch of faces that depends on the faces asked for."""

    size, channels, count, device = 16, 3, 40, torch.device("cpu")

    def batch(self, faces, qualities, flips):
        return torch.stack([torch.full((3, 16, 16), float(face) / 40) for face in faces]) + torch.randn(3, 16, 16)


@pytest.mark.parametrize(
    "loss",
    [
        arcface.Settings(kind="arcface", scale=8.0, margin=0.2),
        center.Settings(kind="center"),
        triplet.Settings(kind="triplet", images=2),
    ],
    ids=lambda loss: loss.kind,
)
def test_every_loss_trains_the_network_and_comes_back_from_a_checkpoint(loss, tmp_path):
    settings = ResNeXt(
        architecture="resnext_cbam", stem_width=4, stem_stride=1, depths=[1], widths=[8], cardinality=2,
        group_widths=[2], reduction=4, attention_kernel=3, embedding=6, dropout=0.0,
    )  # fmt: skip
    training = Training(
        epochs=1, batch_size=8, learning_rate=0.1, momentum=0.9, weight_decay=0.0, schedule={"kind": "cosine"},
        gradient_clip=0.0, precision="float32",
    )  # fmt: skip
    classifier = networks.build(settings, loss, image_size=16, channels=3, identities=list("abcd"), seed=0)
    faces = TrainingFaces(torch.arange(40), torch.arange(40) % 4, list("abcd"), 40)
    task = Identities(classifier, ShownFaces(Noise(), faces, [1]), training, torch.float32)
    ((name, losses),) = task.step(torch.arange(8), torch.Generator().manual_seed(0))
    sum(losses.values()).backward()
    first = next(classifier.network.parameters()).grad
    assert name == "sgd" and torch.isfinite(first).all() and first.abs().max() > 0
    networks.save({None: classifier}, tmp_path / "model.safetensors", {})
    again = networks.load(tmp_path / "model.safetensors")
    assert again.card["loss"] == loss.model_dump() and type(again.head) is type(classifier.head)
    for key, tensor in classifier.head.state_dict().items():
        assert torch.equal(again.head.state_dict()[key], tensor)
