"""Judging classifiers on prepared toy images: every number against a plain computation, and what does not fit."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.errors import InputError
from pipeline.metrics.rows import COLUMNS
from pipeline.params.classification_networks import ClassifierNetwork
from pipeline.params.loading import validate
from pipeline.params.networks import Schedule, Training
from pipeline.tasks.classification import networks
from pipeline.tasks.classification.evaluation import Outputs, ask, evaluate
from pipeline.tasks.classification.learning import ClassifierRecipe
from pipeline.tasks.classification.networks import NETWORKS
from pipeline.tasks.classification.params.group import Augmentation, ClassEvaluation
from pipeline.tasks.classification.params.learning import Learning, changes_teacher
from pipeline.trained import train_and_save

CLASSES, SIDE, TRAIN, TEST = 6, 8, 24, 30
SHOWN = Augmentation(padding=1, flip=False)
STAGE = Training(
    epochs=1,
    batch_size=8,
    learning_rate=0.05,
    momentum=0.9,
    weight_decay=0.0,
    schedule=Schedule(kind="cosine"),
    gradient_clip=0.0,
    precision="float32",
)
FFKD = {"kind": "feedback", "forward_training": None, "feedback_training": STAGE.model_dump()}
KD = {"kind": "distillation", "distill": {"logit": {"weight": 0.9, "temperature": 4.0}}}
NAMES = ("metrics", "pictures", "reliability", "run")


def network(width):
    settings = {"architecture": "cifar_resnet", "depth": 8, "stem_width": 4, "widths": [4, 4, width]}
    return validate(ClassifierNetwork, settings, "network")


def learn(folder, lesson, *, width=4, **more):
    recipe = ClassifierRecipe(
        name="toy",
        seed=1,
        data=folder.parent / "images",
        augmentation=SHOWN,
        model=folder / "model.safetensors",
        losses=folder / "losses.csv",
        network=network(width),
        training=STAGE,
        learning=validate(Learning, lesson, "learning"),
        **more,
    )
    train_and_save(recipe)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A prepared set, a teacher, and students of it."""
    root = tmp_path_factory.mktemp("judged")
    folder = root / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(TRAIN) % CLASSES, rng.integers(0, CLASSES, TEST)])
    np.save(folder / "images.npy", rng.integers(0, 255, (TRAIN + TEST, SIDE, SIDE, 1)).astype(np.uint8))
    part = ["train"] * TRAIN + ["test"] * TEST
    index = {
        "image": range(TRAIN + TEST),
        "file": [f"f{n}" for n in range(TRAIN + TEST)],
        "label": labels,
        "part": part,
    }
    pd.DataFrame(index).to_csv(folder / "index.csv", index=False)
    pd.DataFrame({"label": range(CLASSES), "name": list("abcdef")}).to_csv(folder / "classes.csv", index=False)
    notes = {"name": "toys", "rendered": False, "mean": [0.4], "std": [0.3], "per_class": {}, "as_given": True}
    (folder / "notes.json").write_text(json.dumps(notes | {"images": {"train": TRAIN, "test": TEST}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        learn(root / "teacher", {"kind": "supervised"}, width=8)
        options = {"teacher": root / "teacher/model.safetensors"}
        learn(root / "kd", KD, others=root / "kd/others", **options)
        learn(root / "ffkd", FFKD, others=root / "ffkd/others", **options)
    return root


def judge(place, variant, out, **changes):
    options = {"model": place / variant / "model.safetensors", "teacher": place / "teacher/model.safetensors"}
    options |= {"data": place / "images", "others": place / variant / "others"} | changes
    settings = ClassEvaluation(batch_size=7, sample_images=2, equivalence_margin=1.0)
    outputs = Outputs(**{name: out / f"{name}.csv" for name in NAMES})
    evaluate(name="toy_set", variant=variant, seed=3, settings=settings, outputs=outputs, **options)
    return pd.read_csv(outputs.metrics), pd.read_csv(outputs.pictures), json.loads(outputs.run.read_text())


def answers(path, place):
    """Logits of the test images, by plain steps: (pixel / 255 - mean) / std of the training part."""
    images = np.load(place / "images/images.npy")[TRAIN:]
    shown = torch.from_numpy((images.astype(np.float32) / 255 - 0.4) / 0.3).permute(0, 3, 1, 2)
    with torch.no_grad():
        return networks.load(path).network.eval()(shown).double()


def test_every_number_is_that_of_a_plain_computation(place, tmp_path):
    metrics, pictures, run = judge(place, "ffkd", tmp_path)
    labels = pd.read_csv(place / "images/index.csv")["label"].to_numpy()[TRAIN:]
    before = answers(place / "teacher/model.safetensors", place)
    own = {"test": place / "ffkd/model.safetensors", "teacher_after": place / "ffkd/others/teacher.safetensors"}
    assert tuple(metrics.columns) == COLUMNS and set(metrics["condition"]) == set(own)
    assert (
        set(metrics["protocol"]) == {"toy_set"} and set(metrics["dataset"]) == {"toys"} and set(metrics["seed"]) == {3}
    )
    for condition, path in own.items():
        logits = answers(path, place)
        shares, others = logits.softmax(1), before.softmax(1)
        ranked = logits.argsort(dim=1, descending=True).numpy()
        expected = {
            "top1": np.mean([row[0] == label for row, label in zip(ranked, labels, strict=True)]),
            "top5": np.mean([label in row[:5] for row, label in zip(ranked, labels, strict=True)]),
            "nll": np.mean([-math.log(row[label]) for row, label in zip(shares, labels, strict=True)]),
            "agreement": (logits.argmax(1) == before.argmax(1)).double().mean().item(),
            "kl": (others * (others.log() - shares.log())).sum(1).mean().item(),
        }
        found = metrics[metrics["condition"] == condition].set_index("metric")["value"]
        assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-3, abs=1e-6)
        assert found["top1_low"] <= found["top1"] <= found["top1_high"]
        calls = pictures[pictures["condition"] == condition]
        assert (
            calls["image"].tolist() == list(range(TRAIN, TRAIN + TEST)) and calls["label"].tolist() == labels.tolist()
        )
        assert calls["predicted"].tolist() == ranked[:, 0].tolist()
        assert calls["correct"].tolist() == (ranked[:, 0] == labels).astype(int).tolist()
        bins = pd.read_csv(tmp_path / "reliability.csv").query("condition == @condition")
        assert bins["count"].sum() == TEST
    cost = metrics[metrics["n"] == 1].set_index("metric")["value"]
    assert cost["parameters"] == sum(p.numel() for p in networks.load(own["test"]).network.parameters())
    (stage,) = run["trained_with"]["work"]
    assert stage["stage"] == "feedback" and stage["multiply_adds"] > 0 and run["classes"] == list("abcdef")
    assert run["data"]["images"] == {"train": TRAIN, "test": TEST}


def test_teachers_that_did_not_change_are_judged_once(place, tmp_path):
    metrics, _, _ = judge(place, "kd", tmp_path)
    assert set(metrics["condition"]) == {"test"} and json.loads((place / "kd/others" / NETWORKS).read_text()) == []
    assert json.loads((place / "ffkd/others" / NETWORKS).read_text()) == ["teacher"]
    alone, _, _ = judge(place, "teacher", tmp_path, teacher=None, others=None)
    assert not {"agreement", "kl"} & set(alone["metric"])
    lessons = {"none": FFKD | {"feedback": "none"}, "with": {"kind": "mutual", "students": 1, "with_teacher": True}}
    lessons["peers"] = {"kind": "mutual", "students": 2}
    changed = {name: changes_teacher(validate(Learning, lesson, "learning")) for name, lesson in lessons.items()}
    assert changed == {"none": False, "with": True, "peers": False}


def test_batches_and_modes_do_not_matter(place):
    trained = networks.load(place / "kd/model.safetensors")
    images = np.load(place / "images/images.npy", mmap_mode="r")[TRAIN:]
    shown = networks.pictures_of(trained)
    assert (shown.mean, shown.std, shown.padding) == ([0.4], [0.3], 1)
    found = [ask(trained.network.train(), shown, images, torch.device("cpu"), size) for size in (1, 7, TEST)]
    assert all(np.allclose(found[0], other, atol=1e-5) for other in found[1:])
    assert found[0].dtype == np.float32


def test_what_does_not_fit_is_refused(place, tmp_path):
    loaded = networks.load(place / "kd/model.safetensors")
    for key, value in (("classes", 5), ("image_size", 16), ("channels", 3)):
        card = {"image_size": SIDE, "channels": 1, "classes": CLASSES, "seed": 0} | {key: value}
        shown = networks.pictures_of(loaded).model_copy(
            update={"mean": [0.4] * card["channels"], "std": [0.3] * card["channels"]}
        )
        networks.build(network(4), **card, pictures=shown).save(tmp_path / "other.safetensors", {})
        with pytest.raises(InputError, match=f"other.safetensors: made for {key} = {value}, expected"):
            judge(place, "kd", tmp_path, model=tmp_path / "other.safetensors")
    with torch.no_grad():
        next(loaded.network.parameters()).fill_(math.nan)
    loaded.save(tmp_path / "nan.safetensors", {})
    with pytest.raises(InputError, match="nan.safetensors: gives numbers that are not finite"):
        judge(place, "kd", tmp_path, model=tmp_path / "nan.safetensors")
    with pytest.raises(InputError, match="networks.json: no such file"):
        judge(place, "kd", tmp_path, others=tmp_path / "nowhere")
    (tmp_path / NETWORKS).write_text('["teacher"]')
    with pytest.raises(InputError, match="expected a list of networks that are in the folder"):
        judge(place, "kd", tmp_path, others=tmp_path)
    assert not (tmp_path / "metrics.csv").exists()
