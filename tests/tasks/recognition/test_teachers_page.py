"""A teacher of one's own, step by step as docs/teachers.md says it: a module is exported, dropped in, and taught from."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML

from pipeline.data.arrays import open_faces
from tests.helpers.small_networks import Tiny
from tests.helpers.user_teacher import adopt, parameters, plain, step, write


@pytest.fixture
def page(root) -> str:
    return (root / "docs/teachers.md").read_text(encoding="utf-8")


def test_a_module_is_exported_dropped_in_and_taught_from(page, teacher_project, root, capsys, monkeypatch):
    """The line of the table and the settings of the example; only sizes and pixel values are a small network's."""
    (line,) = re.findall(r"^\| `\.onnx` \| `([^`]+)`", page, flags=re.MULTILINE)
    (example,) = re.findall(r"```yaml\n(.+?)```", page, flags=re.DOTALL)
    teacher = YAML(typ="safe").load(example)["teacher"]
    own = {"embedding": 8, "image_size": 24, "mean": [120.0, 110.0, 100.0], "std": 64.0, "channel_order": "bgr"}
    assert {*own, "channels", "file", "address", "sha256", "architecture"} == {*teacher["network"]}
    teacher["network"] |= own

    net, faces = Tiny().train(), torch.rand(2, 3, 24, 24)
    expected = plain(Tiny(), np.array(open_faces(teacher_project / "faces.npy")[:6]))
    monkeypatch.chdir(teacher_project / "dropped")
    exec(line, {"torch": torch, "net": net, "faces": faces})
    assert [file.name for file in (teacher_project / "dropped").iterdir()] == [teacher["network"]["file"]], "one file"
    monkeypatch.chdir(teacher_project)

    document = parameters(root, "onnx")
    document["recognition"]["teacher"] = teacher
    write(document, teacher_project / "params.yaml")
    assert adopt(teacher_project) == 0, capsys.readouterr().err
    sharp = {"faces": "faces.npy", "index": "index.csv"}
    assert (
        step(
            teacher_project,
            "recognition_teacher_outputs",
            teacher="teacher/0/model.safetensors",
            out="answers/0",
            **sharp,
        )
        == 0
    )
    index = pd.read_csv("index.csv", keep_default_na=False)
    train = index[index["split"] == "train"]["face"].to_numpy()
    answers = dict(zip(train, np.load("answers/0/embeddings.npy")[:, 0], strict=False))
    for face, embedding in enumerate(expected.numpy()):
        # Pillow rounds to whole pixel values, torch does not: half a value of 255, over std 64.
        assert face not in answers or np.abs(answers[face] - embedding).max() < 0.02
    assert {*range(6)} & {*answers}
    given = {"model": "students/kd/0/model.safetensors", "losses": "losses/kd/0/losses.csv", "degraded": "degraded"}
    given |= {"teachers": "teacher", "teacher_outputs": "answers"} | sharp
    assert step(teacher_project, "recognition_train_student", variant="kd", seed=0, **given) == 0, (
        capsys.readouterr().err
    )
    assert (pd.read_csv("losses/kd/0/losses.csv")[["logit", "embedding", "rkd"]] > 0).all(axis=None)
