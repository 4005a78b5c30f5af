"""The recipes of docs/extending.md, taken from the page and used as a newcomer would: one new file, one entry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.recipes import PLAIN, recipe
from tests.helpers.tiny_project import copy_project

USE = """
import numpy as np
import torch
from pipeline import face_losses, face_measures
from pipeline.data.degradation import downsample
from pipeline.distill import Knowledge, method
from pipeline.face_networks import architecture, build
from pipeline.document import check

settings = check().recognition
network = build(settings.baselines["basicnet"].network, 16, 3)
inside = network.look_inside(torch.zeros(2, 3, 16, 16))
assert inside.embedding.shape == (2, 16) and len(inside.features) == architecture("plain").Settings.stages.fget(None)
student, teacher = (Knowledge(embedding=torch.full((2, 16), value)) for value in (1.0, 3.0))
distill = settings.students["logit_attention_kd"].distill["gap"]
assert method("gap").loss(student, teacher, distill) == 4.0 and distill.weight == 2.0
found = face_measures.measured(np.array([1.0, 0.0]), np.array([True, False]), settings.evaluation.measures)
assert found["gap"] == 0.5 and face_measures.named(list(found))["gap"] == ["gap"]
loss = settings.baselines["basicnet"].loss
head = face_losses.build(loss, 16, 3)
embedding = head.weight[:1].detach().clone()
assert abs(head.logits(head.cosines(embedding), torch.tensor([0]))[0, 0].item() - 8 * (1 / 2 - 0.1)) < 1e-5
faces = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
assert downsample(faces, 2, settings.degradation).ravel().tolist() == [2, 4, 10, 12]  # 2.5, 4.5, ... to even
"""


@pytest.fixture
def project(tmp_path, root) -> Path:
    """The project with a network, a loss, a measure, a degradation and a method made by the recipes, and entries that name them."""
    folder = copy_project(
        root,
        tmp_path / "project",
        **{
            "networks: {}\n  baselines:\n    basicnet: {train_qualities: [1]}": f"networks: {{plain: {PLAIN}}}\n"
            f"  baselines:\n    basicnet: {{train_qualities: [1], network: {PLAIN},"
            " loss: {kind: halved, scale: 8.0, margin: 0.1}}",
            "method: bicubic": "method: mean",
            "measures: {auc: {}": "measures: {gap: {}, auc: {}",
            "distill: {logit:": "distill: {gap: {weight: 2.0}, logit:",
        },
    )
    (folder / "pipeline/face_networks/plain.py").write_text(recipe(root, "A network of recognition"))
    (folder / "pipeline/face_losses/halved.py").write_text(recipe(root, "A loss of recognition"))
    (folder / "pipeline/face_measures/gap.py").write_text(recipe(root, "A measure of verification"))
    (folder / "pipeline/data/degradations/mean.py").write_text(recipe(root, "A degradation"))
    (folder / "pipeline/distill/gap.py").write_text(recipe(root, "A method of distillation"))
    return folder


def test_one_file_and_one_entry_are_enough(project):
    done = subprocess.run([sys.executable, "-c", USE], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_wrong_entry_is_named(project):
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("width: 8, embedding: 16", "width: 0, embedding: 16"))
    words = [sys.executable, "-m", "pipeline", "check", "--out", "note.txt"]
    done = subprocess.run(words, cwd=project, capture_output=True, text=True)
    assert done.returncode == 1 and "recognition.networks.plain.width = 0" in done.stderr
