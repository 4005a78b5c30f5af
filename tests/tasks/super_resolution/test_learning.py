"""Learning to enlarge, and being judged: against plain computations, on a few small rendered faces."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML

from pipeline.__main__ import main
from pipeline.data.patch_batches import PatchArrays, turn
from pipeline.data.patches import open_pairs, shrink
from pipeline.distill import Knowledge, method
from pipeline.document import check
from pipeline.metrics.picture_quality import psnr
from pipeline.params.loading import read_document
from pipeline.params.super_resolution_networks import EDSR
from pipeline.randomness import generator
from pipeline.tasks.super_resolution import networks
from pipeline.tasks.super_resolution.enlarging import enlarge
from pipeline.tasks.super_resolution.learning import Upscaling

SR = "super_resolution."
TRAIN = "--scale x4 --patches patches"
FACES = "--faces faces.npy --degraded degraded --index index.csv --pairs pairs.csv --notes notes.json"
JUDGE = f"--scale x4 --small-and-large small_and_large --recogniser face/model.safetensors {FACES}"


def run(step: str, words: str) -> int:
    return main([step, *words.split()])


def judge(folder: str, words: str) -> int:
    outputs = {"metrics": "csv", "pictures": "csv", "scores": "csv", "samples": "npz", "run": "json"}
    return run(
        "super_resolution_evaluate",
        f"{JUDGE} {words} " + " ".join(f"--{n} {folder}/{n}.{s}" for n, s in outputs.items()),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, root) -> Path:
    """Everything up to the trained networks, of the tiny configuration."""
    place = tmp_path_factory.mktemp("super_resolution")
    (place / "params.yaml").write_text((root / "tests/settings/tiny.yaml").read_text())
    with contextlib.chdir(place):
        assert run("recognition_download", "--cache cache --drop-in drop --out raw") == 0
        tables = (
            "--index index.csv --pairs pairs.csv --searches searches.csv --notes notes.json --contact-sheet sheet.png"
        )
        assert run("recognition_prepare", f"--raw raw --faces faces.npy {tables}") == 0
        assert run("recognition_degrade", "--faces faces.npy --out degraded") == 0
        words = "--seed 1 --own nothing --faces faces.npy --index index.csv --model face/model.safetensors --losses face/losses.csv"
        assert run("recognition_train_teacher", words) == 0
        for name in ("train_faces", "test_faces"):
            words = f"--set {name} --faces faces.npy --index index.csv --out pictures/{name}"
            assert run("super_resolution_prepare_faces", words) == 0
        words = "--scale x4 --pictures pictures --patches patches --pairs small_and_large"
        assert run("super_resolution_degrade", words) == 0
        assert (
            run(
                "super_resolution_train_teacher",
                f"{TRAIN} --seed 1 --model teacher/model.safetensors --losses teacher.csv",
            )
            == 0
        )
        words = f"{TRAIN} --variant scratch --seed 0 --model scratch/model.safetensors --losses scratch.csv"
        assert run("super_resolution_train_baseline", words) == 0
        words = f"{TRAIN} --variant fakd --seed 0 --teacher teacher/model.safetensors"
        assert run("super_resolution_train_student", f"{words} --model fakd/model.safetensors --losses fakd.csv") == 0
    return place


@pytest.fixture
def here(folder, monkeypatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def test_small_and_large_patches_are_turned_alike(here):
    patches = PatchArrays(Path("patches"), torch.device("cpu"))
    small, large = patches.batch(torch.arange(24), generator("any"))
    assert small.shape == (24, 3, 8, 8) and large.shape == (24, 3, 32, 32)
    for one, other in zip(large, small, strict=True):
        again = shrink(one.byte().permute(1, 2, 0).numpy(), 4)
        off = np.abs(again.astype(int) - other.permute(1, 2, 0).numpy())
        assert off.max() <= 2 and off.mean() < 0.3, "rounding alone may differ: along rows first, or along columns"
    plain, _ = patches.batch(torch.zeros(64, dtype=torch.long), generator("other"))
    assert len({one.numpy().tobytes() for one in plain}) == 8, "all eight positions of one patch"


def test_turning_is_what_numpy_does():
    patches = torch.arange(2 * 8 * 9, dtype=torch.float32).reshape(8, 2, 3, 3)
    positions = torch.tensor([[bool(n & bit) for n in range(8)] for bit in (1, 2, 4)])
    for number, one in enumerate(turn(patches, positions)):
        plain = patches[number].numpy()
        plain = plain[:, :, ::-1] if number & 1 else plain
        plain = plain[:, ::-1] if number & 2 else plain
        plain = plain.transpose(0, 2, 1) if number & 4 else plain
        assert (one.numpy() == plain).all()


def test_the_losses_are_the_weighted_terms_of_fakd(here):
    """Against the formula, with networks asked by hand; the teacher stays as it is."""
    settings = check().super_resolution
    device, student = torch.device("cpu"), networks.load(Path("scratch/model.safetensors")).network
    with torch.no_grad():  # so that it is not bicubic, nor the teacher
        student.tail.weight.normal_(generator=torch.Generator().manual_seed(1), std=0.01)
    teacher = networks.load(Path("teacher/model.safetensors")).network
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    methods = settings.students["fakd"].distill
    patches = PatchArrays(Path("patches"), device)
    task = Upscaling(
        student, patches, settings.student.training, torch.float32,
        reconstruction=0.5, taps=[1], teacher=teacher, teacher_taps=[1], methods=methods,
    )  # fmt: skip
    steps = task.step(torch.arange(4), generator("x"))
    name, losses = next(steps)
    small, large = patches.batch(torch.arange(4), generator("x"))
    ours, theirs = student.look_inside(small, [1]), teacher.look_inside(small, [1])
    assert name == "adam" and list(losses) == ["reconstruction", "output", "spatial_affinity"]
    plain = np.abs(ours.output.detach().numpy() - large.numpy()).mean()
    assert losses["reconstruction"].item() == pytest.approx(0.5 * plain, rel=1e-5)
    plain = np.abs(ours.output.detach().numpy() - theirs.output.detach().numpy()).mean()
    assert losses["output"].item() == pytest.approx(0.5 * plain, rel=1e-5)
    affinity = method("spatial_affinity").loss(
        Knowledge(**ours._asdict()), Knowledge(**theirs._asdict()), methods["spatial_affinity"]
    )
    assert losses["spatial_affinity"].item() == pytest.approx(10 * affinity.item(), rel=1e-5)
    sum(losses.values()).backward()
    assert all(p.grad is None for p in teacher.parameters()) and all(p.grad is not None for p in student.parameters())
    assert all((value == before[key]).all() for key, value in teacher.state_dict().items())


def test_losses_are_logged_by_name_and_the_card_says_how(here):
    table = pd.read_csv("fakd.csv")
    assert list(table.columns) == ["epoch", "learning_rate", "total", "reconstruction", "output", "spatial_affinity"]
    assert (table.total - table.iloc[:, 3:].sum(axis=1)).abs().max() < 1e-9
    card = json.loads(Path("fakd/model.json").read_text())
    assert card["scale"] == 4 and card["channels"] == 3 and card["network"]["architecture"] == "rcan"
    made_with = card["provenance"]
    assert made_with["distill"] == {"output": {"weight": 0.5}, "spatial_affinity": {"weight": 10.0}}
    assert made_with["reconstruction"] == 0.5 and made_with["taps"] == [1] == made_with["teacher_taps"]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(here, tmp_path):
    words = f"{TRAIN} --variant fakd --teacher teacher/model.safetensors --losses {tmp_path}/l.csv"
    for seed, same in ((0, True), (1, False)):
        assert (
            run("super_resolution_train_student", f"{words} --seed {seed} --model {tmp_path}/{seed}/model.safetensors")
            == 0
        )
        ours, theirs = (Path(f, "model.safetensors").read_bytes() for f in ("fakd", tmp_path / str(seed)))
        assert (ours == theirs) == same


def test_a_network_that_learned_nothing_is_bicubic_to_the_pictures_and_to_the_recogniser(here, tmp_path):
    """With its last convolution at zero it adds nothing: the floor's figures, and the recognition task's own at x4."""
    trained = networks.load(Path("scratch/model.safetensors"))
    for part in ("weight", "bias"):
        getattr(trained.network.tail, part).data.zero_()
    trained.save(tmp_path / "zero/model.safetensors", trained.card["provenance"])
    assert judge(f"{tmp_path}/floor", "--variant bicubic --seed 0") == 0
    assert judge(f"{tmp_path}/zero", f"--variant scratch --seed 0 --model {tmp_path}/zero/model.safetensors") == 0
    floor, zero = (pd.read_csv(tmp_path / f"{name}/metrics.csv", keep_default_na=False) for name in ("floor", "zero"))
    both = floor.merge(zero, on=["protocol", "condition", "metric"])
    quality = both[both.metric.isin(["psnr", "ssim"])]
    assert len(quality) == 2 and (quality.value_x - quality.value_y).abs().max() < 0.05
    words = f"--variant teacher --seed 1 --model face/model.safetensors {FACES} --searches searches.csv"
    outputs = " ".join(
        f"--{n} {tmp_path}/face/{n}" for n in ("metrics", "scores", "ranks", "low-rates", "samples", "run")
    )
    assert run("recognition_evaluate", f"{words} {outputs}") == 0
    face = (
        pd.read_csv(tmp_path / "face/scores")
        .query("condition == 'x4' and not protocol.str.endswith('poor')")
        .reset_index(drop=True)
    )
    for name in ("floor", "zero"):
        scores = pd.read_csv(tmp_path / name / "scores.csv")
        assert (scores.score - face.score).abs().max() < 1e-3 and (scores.pair == face.pair).all()


def test_figures_are_means_over_pictures_of_what_the_pictures_show(here, tmp_path):
    assert judge(str(tmp_path), "--variant fakd --seed 0 --model fakd/model.safetensors") == 0
    rows = pd.read_csv(tmp_path / "metrics.csv", keep_default_na=False).set_index(["protocol", "metric"])
    judged = pd.read_csv(tmp_path / "pictures.csv")
    assert rows.loc[("test_faces", "psnr"), "value"] == pytest.approx(judged.psnr.mean())
    assert rows.loc[("test_faces", "psnr"), "n"] == 5 == len(judged)
    assert (
        rows.loc[("test_faces", "psnr_low"), "value"]
        <= judged.psnr.mean()
        <= rows.loc[("test_faces", "psnr_high"), "value"]
    )
    assert rows.loc[("", "parameters"), "value"] == sum(
        p.numel() for p in networks.load(Path("fakd/model.safetensors")).network.parameters()
    )
    small, large, scale = open_pairs(Path("small_and_large/test_faces"))
    with np.load(tmp_path / "samples.npz") as samples:
        assert {name.split("/")[1] for name in samples} == {"0", "4"} and scale == 4
        for number in (0, 4):
            result = samples[f"test_faces/{number}/result"]
            assert judged.psnr[number] == pytest.approx(psnr(result, large[number], 4))
            assert (samples[f"test_faces/{number}/small"] == small[number]).all()
            assert (samples[f"test_faces/{number}/original"] == large[number]).all()
    run_json = json.loads((tmp_path / "run.json").read_text())
    assert run_json["sets"] == {"test_faces": {"label": "rendered faces", "rendered": True, "count": 5}}


def test_a_scale_that_the_recognition_task_has_not_is_judged_by_pictures_alone(here, tmp_path):
    document = read_document("params.yaml")
    document["recognition"]["degradation"]["qualities"] = [1, 2]
    with open(tmp_path / "params.yaml", "w") as file:
        YAML().dump(document, file)
    assert judge(str(tmp_path), f"--variant bicubic --seed 0 --params {tmp_path}/params.yaml") == 0
    assert pd.read_csv(tmp_path / "scores.csv").empty
    assert json.loads((tmp_path / "run.json").read_text())["recognition"] is None
    assert set(pd.read_csv(tmp_path / "metrics.csv").protocol) == {"test_faces"}


def test_grey_and_colour_pictures_pass_through_networks_of_the_other_kind():
    torch.manual_seed(0)
    settings = EDSR(architecture="edsr", blocks=1, width=8, residual_scale=1.0, skip="bicubic")
    for own, given in ((1, 3), (3, 1)):
        network = networks.build(settings, scale=2, channels=own, seed=0).network.eval()
        torch.nn.init.normal_(network.tail.weight, std=0.02)
        small = torch.rand(2, given, 6, 6) * 255
        result = enlarge(network, small)
        with torch.no_grad():
            if own == 1:
                plain = torch.cat([network(small[:, c : c + 1]) for c in range(3)], dim=1)
            else:
                plain = sum(network(small.repeat(1, 3, 1, 1))[:, c : c + 1] for c in range(3)) / 3
        assert result.shape == (2, given, 12, 12)
        torch.testing.assert_close(result, plain.clamp(0, 255), atol=1e-3, rtol=0)


def test_what_does_not_belong_together_is_one_line(here, tmp_path, capsys):
    document = read_document("params.yaml")
    document["super_resolution"]["scales"]["x4"]["factor"] = 2
    with open(tmp_path / "params.yaml", "w") as file:
        YAML().dump(document, file)
    cases = {
        "--variant bicubic --seed 0 --model fakd/model.safetensors": "expected one but for bicubic",
        "--variant fakd --seed 0": "--model None with --variant fakd: expected one but for bicubic",
        f"--variant fakd --seed 0 --model fakd/model.safetensors --params {tmp_path}/params.yaml": "fakd/model.safetensors:"
        " enlarges 4 times, expected 2",
        "--variant fakd --seed 0 --model face/model.safetensors": "face/model.json: network",
    }
    for words, line in cases.items():
        assert judge(str(tmp_path / "new"), words) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and line in error
        assert not (tmp_path / "new").exists()


BAD = [
    ("train", "nobody", "'nobody' in train or test: expected one of the sets"),
    ("test", ["test_faces", "test_faces"], "expected each set once"),
    ("scales.x4.factor", 5, "scales.x4.factor = 5: expected 2, 3, 4 or 8"),
    ("scales", {}, "scales = {}: expected"),
    ("teacher.taps", [3], r"teacher.taps = \[3\]: found 3, expected 1 to 2"),
    ("student.taps", [], "students.fakd: 0 taps, expected as many as teacher.taps has, 1"),
    ("baselines.bicubic", {}, "a variant is named bicubic, expected another name"),
    ("baselines.fakd", {}, "students.fakd is also a baseline"),
    ("students.fakd.distill.logit", {"weight": 1.0, "temperature": 1.0}, "which super-resolution has not"),
    ("students.fakd.distill.fitnet", {"weight": 1.0, "stage": 3}, "fitnet.stage = 3: expected 1 to 2"),
    ("teacher.network.width", 16, None),
    ("students.fakd.network", {"architecture": "edsr", "blocks": 1, "width": 8, "residual_scale": 1.0, "skip": "none"},
     "students.fakd.network is none of networks"),
    ("pictures.test_faces", {"source": "pictures", "label": "a", "name": "a.zip", "include": ["*.png"], "channels": 3,
                             "files": {"archive": {"address": None, "sha256": None}}}, "faces.test_faces is also one of"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "line"), BAD, ids=[key for key, _, _ in BAD])
def test_parameters_that_contradict_each_other_are_refused(key, value, line, tmp_path, root, capsys):
    document = read_document(root / "tests/settings/tiny.yaml")
    *path, last = key.split(".")
    group = document["super_resolution"]
    for part in path:
        group = group[part]
    group[last] = value
    with open(tmp_path / "params.yaml", "w") as file:
        YAML().dump(document, file)
    status = run("check", f"--params {tmp_path}/params.yaml --out {tmp_path}/note")
    if line is None:  # affinities between places do without equal widths
        assert status == 0
        return
    error = capsys.readouterr().err
    assert status == 1 and error.count("\n") == 1
    assert re.search(line, error), error
