"""One network per quality: each learns from its own quality, is kept beside the others and asked for its own."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.data.degradation import degrade_folder
from pipeline.data.degradations.bicubic import Settings as Bicubic
from pipeline.errors import InputError
from pipeline.face_losses import cosface
from pipeline.face_networks.resnext_cbam import Settings as ResNeXt
from pipeline.params.networks import Training
from pipeline.tasks.recognition import networks
from pipeline.tasks.recognition.learning import Identities, IdentitiesRecipe
from pipeline.trained import train_and_save

SETTINGS = {
    "name": "each", "seed": 3, "qualities": [1, 2],
    "network": ResNeXt(
        architecture="resnext_cbam", stem_width=4, stem_stride=1, depths=[1], widths=[8], cardinality=2,
        group_widths=[2], reduction=4, attention_kernel=3, embedding=6, dropout=0.0,
    ),
    "training": Training(
        epochs=2, batch_size=4, learning_rate=0.1, momentum=0.9, weight_decay=0.0, schedule={"kind": "cosine"},
        gradient_clip=0.0, precision="float32",
    ),
    "loss": cosface.Settings(kind="cosface", scale=8.0, margin=0.2),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("faces.npy", np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8))
    degrade_folder(tmp_path / "faces.npy", tmp_path / "degraded", Bicubic(method="bicubic", qualities=[1, 2]))
    index = {"face": range(12), "file": [f"{i}.png" for i in range(12)], "identity": list("abcd") * 3, "split": "train"}
    pd.DataFrame(index).to_csv("index.csv", index=False)
    return tmp_path


def train(folder, out: str, recipe=IdentitiesRecipe, **more):
    paths = {"faces": folder / "faces.npy", "degraded": folder / "degraded", "index": folder / "index.csv"}
    written = {"model": folder / out / "model.safetensors", "losses": folder / out / "losses.csv"}
    train_and_save(recipe(**SETTINGS | more, **paths, **written))
    return written["model"]


def weights(classifier) -> list[torch.Tensor]:
    return [*classifier.network.state_dict().values(), *classifier.head.state_dict().values()]


def test_each_network_is_that_of_its_quality_trained_alone(folder):
    both = train(folder, "both", one_a_quality=True)
    losses = []
    for quality in (1, 2):
        alone = networks.load(train(folder, f"x{quality}", qualities=[quality]))
        assert all(map(torch.equal, weights(networks.load(both, quality)), weights(alone)))
        losses.append(pd.read_csv(folder / f"x{quality}/losses.csv"))
    assert not all(map(torch.equal, weights(networks.load(both, 1)), weights(networks.load(both, 2))))
    pd.testing.assert_frame_equal(pd.read_csv(folder / "both/losses.csv"), sum(losses) / 2, check_dtype=False)
    assert json.loads((folder / "both/model.json").read_text())["one_a_quality"] == [1, 2]
    with pytest.raises(InputError, match=r"one_a_quality = \[1, 2\]: no network for x4"):
        networks.load(both, 4)


def test_one_for_all_is_asked_at_every_quality(folder):
    one = train(folder, "one")
    assert all(map(torch.equal, weights(networks.load(one, 1)), weights(networks.load(one, 2))))


def test_a_run_cut_short_in_the_second_network_ends_with_the_same_bytes(folder):
    whole = train(folder, "whole", one_a_quality=True)
    made = []

    class CutShort(Identities):
        def step(self, rows, rng):
            if len(made) == 2 and self.counted >= 4:
                raise KeyboardInterrupt
            self.counted += 1
            return super().step(rows, rng)

    class CutRecipe(IdentitiesRecipe):
        def task(self, classifier, shown, dtype):
            made.append(classifier)
            task = CutShort(classifier, shown, self.training, dtype)
            task.counted = 0
            return task

    with pytest.raises(KeyboardInterrupt):
        train(folder, "cut", CutRecipe, one_a_quality=True)
    assert sorted(f.name for f in (folder / ".resume/cut").iterdir()) == ["model-x1.safetensors"]

    class NotAgain(Identities):
        def step(self, rows, rng):
            assert self.qualities.tolist() == [2], "the first network is finished"
            return super().step(rows, rng)

    class AgainRecipe(IdentitiesRecipe):
        def task(self, classifier, shown, dtype):
            return NotAgain(classifier, shown, self.training, dtype)

    cut = train(folder, "cut", AgainRecipe, one_a_quality=True)
    for name in ("model.safetensors", "losses.csv"):
        assert (cut.parent / name).read_bytes() == (whole.parent / name).read_bytes()
    assert not (folder / ".resume").exists()
