"""A teacher of the user's own: an ONNX model, a checkpoint of ours; adopted, asked and judged."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from pipeline.data.arrays import open_faces
from pipeline.document import check
from pipeline.params.loading import read_document
from pipeline.tasks.recognition import networks
from tests.helpers.both_graphs import by_dvc, by_snakemake, compare
from tests.helpers.odd_onnx import loop
from tests.helpers.small_networks import Tiny, checkpoint, onnx_model
from tests.helpers.tiny_project import copy_project
from tests.helpers.user_teacher import COMPARED, adopt, parameters, plain, step, write

KINDS = ("onnx", "safetensors")


def put(folder, kind: str, model: Tiny) -> bytes:
    """Drop the network in as a file of that kind; what was dropped in."""
    if kind == "safetensors":
        checkpoint(folder / "dropped/mine.safetensors", read_document(folder / "params.yaml"))
    else:
        (folder / f"dropped/mine.{kind}").write_bytes(onnx_model(model))
    return (folder / f"dropped/mine.{kind}").read_bytes()


@pytest.mark.parametrize("methods", COMPARED)
def test_the_whole_chain(methods, teacher_project, root, capsys):
    """Adopted, asked, learned from, judged, timed, reported."""
    kind, _, unlabelled = methods.partition(", ")
    document, model = parameters(root, kind), Tiny()
    document["recognition"]["students"]["kd"] |= {"distill": COMPARED[methods]}
    if unlabelled:
        document["recognition"]["students"]["kd"]["unlabelled"] = 0.5
    write(document, teacher_project / "params.yaml")
    content = put(teacher_project, kind, model)
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

    card = json.loads((teacher_project / "teacher/0/model.json").read_text())
    assert (
        card["adopted"]["file"] == f"mine.{kind}" and card["adopted"]["sha256"] == hashlib.sha256(content).hexdigest()
    )
    index = pd.read_csv("index.csv", keep_default_na=False)
    train, nobody = (index.query(f"split == '{split}'") for split in ("train", "unlabelled"))
    answers = np.load("answers/0/embeddings.npy")
    assert answers.shape == (len(train) + len(nobody), 2, 8) and len(nobody) == 3
    faces = open_faces(teacher_project / "faces.npy")
    shown = faces[[*train["face"], *nobody["face"]]]
    if kind == "safetensors":
        original = networks.load(teacher_project / "dropped/mine.safetensors").network.eval()
        with torch.no_grad():
            expected = [
                original(torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2) / 127.5 - 1)
                for images in (shown, shown[:, :, ::-1])
            ]
        assert (
            np.allclose(answers, torch.stack(expected, 1), atol=1e-5)
            and (teacher_project / "answers/0/channel_maps.npy").exists()
        )
    else:
        expected = [plain(model, np.ascontiguousarray(images)) for images in (shown, shown[:, :, ::-1])]
        # Pillow rounds to whole pixel values, torch does not: half a value of 255, over std 64.
        assert np.abs(answers - torch.stack(expected, 1).numpy()).max() < 0.02
    head = networks.load(teacher_project / "teacher/0/model.safetensors").head
    for label, identity in enumerate(sorted(train["identity"].unique())):
        own = torch.from_numpy(answers[: len(train)][train["identity"] == identity].reshape(-1, 8)).double()
        centre = sum(row / row.norm() for row in own)
        assert torch.allclose(head.weight[label].double(), centre / centre.norm(), atol=1e-6)
    right = torch.tensor([[0.5], [-0.2]])
    assert head.scale == 16.0 and torch.allclose(head.moved(right), torch.cos(torch.acos(right) + 0.1)), "ArcFace's"

    student = {"model": "students/kd/0/model.safetensors", "losses": "losses/kd/0/losses.csv", "degraded": "degraded"}
    assert (
        step(
            teacher_project,
            "recognition_train_student",
            variant="kd",
            seed=0,
            teachers="teacher",
            teacher_outputs="answers",
            **sharp,
            **student,
        )
        == 0
    )
    losses = pd.read_csv("losses/kd/0/losses.csv")
    methods = document["recognition"]["students"]["kd"]["distill"]
    assert (losses[list(methods)] > 0).all(axis=None) and len(losses) == 1
    for variant, place in (("teacher", "teacher"), ("kd", "students/kd")):
        out = teacher_project / f"evaluations/{variant}/0"
        made = {
            name: out / f"{name}.{end}"
            for name, end in (
                ("metrics", "csv"),
                ("scores", "csv"),
                ("ranks", "csv"),
                ("low_rates", "npz"),
                ("samples", "npz"),
                ("run", "json"),
            )
        }
        given = sharp | {
            "degraded": "degraded",
            "pairs": "pairs.csv",
            "searches": "searches.csv",
            "notes": "notes.json",
        }
        assert (
            step(
                teacher_project,
                "recognition_evaluate",
                variant=variant,
                seed=0,
                model=f"{place}/0/model.safetensors",
                **given,
                **made,
            )
            == 0
        )
    metrics = pd.read_csv("evaluations/teacher/0/metrics.csv").query("condition.isna()").set_index("metric")["value"]
    times = step(teacher_project, "recognition_efficiency", own="own", faces="faces.npy", out="efficiency.csv")
    timed = pd.read_csv("efficiency.csv").query("network == 'teacher'")
    assert times == 0 and (timed["median_ms"] > 0).all()
    if kind != "safetensors":
        # 3 x 3 convolution to 12 x 12, linear on 2 x 2 x 6; weights and biases, PReLU, scale and shift of the norm
        weights = 6 * 3 * 9 + 2 * 6 + 6 + 24 * 8 + 8
        for result in (metrics, timed.iloc[0]):
            assert result["parameters"] == weights
            assert np.isnan(result["multiply_adds"])

    page = report(teacher_project)
    assert f"own teacher mine.{kind}" in page and hashlib.sha256(content).hexdigest() in page
    assert "A teacher trained on sharp faces" not in page and "teacher not trained here" in page
    assert ("The work of teacher is not known" in page) == (kind == "onnx")
    assert ("Spatial attention of the teacher" in page) == (kind == "safetensors")
    assert pd.read_csv("losses/teacher/0/losses.csv").empty


def report(teacher_project) -> str:
    """The page as text."""
    given = {"evaluations": "evaluations", "losses": "losses", "efficiency": "efficiency.csv"}
    given |= {"notes": "notes.json", "contact_sheet": "sheet.png", "out": "sections/recognition"}
    assert step(teacher_project, "recognition_report", **given) == 0
    assert step(teacher_project, "report", sections="sections", out="reports") == 0
    return (teacher_project / "reports/report.md").read_text()


def test_a_model_that_takes_so_many_images_at_once_is_asked_in_parts(teacher_project, root):
    """A fixed batch of 5 gives what a free one gives, to the rounding of a sum."""
    answers = []
    for batch in (None, 5):
        write(parameters(root, "onnx"), teacher_project / "params.yaml")
        (teacher_project / "dropped/mine.onnx").write_bytes(onnx_model(Tiny(), batch))
        assert adopt(teacher_project) == 0
        network = networks.load(teacher_project / "teacher/0/model.safetensors").network
        assert network.program.batch == batch
        faces = (
            torch.from_numpy(np.array(open_faces(teacher_project / "faces.npy")[:12])).permute(0, 3, 1, 2) / 127.5 - 1
        )
        answers.append(network(faces))
        assert torch.equal(answers[-1], network(faces)), "not the same twice"
    assert answers[0].shape == (12, 8) and torch.allclose(*answers, atol=1e-6)


def test_grey_faces_and_grey_networks():
    """Three equal channels from one; from three, the luma of ITU-R BT.601, at the size asked for."""
    from pipeline.tasks.recognition.adapting import fit

    grey = torch.linspace(-1, 1, 16).view(1, 1, 4, 4)
    assert torch.equal(fit(grey, 4, 3), ((grey + 1) * 127.5).expand(1, 3, 4, 4))
    colour = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    red, green, blue = ((colour + 1) * 127.5).unbind(1)
    assert torch.allclose(fit(colour, 8, 1)[:, 0], 0.299 * red + 0.587 * green + 0.114 * blue, atol=1e-4)
    assert fit(colour, 5, 1).shape == (2, 1, 5, 5) and 0 <= fit(colour, 5, 3).min() <= fit(colour, 5, 3).max() <= 255


def test_a_checkpoint_for_faces_of_another_size_is_shown_them_in_its_own(teacher_project, root, capsys):
    write(parameters(root, "safetensors"), teacher_project / "params.yaml")
    checkpoint(
        teacher_project / "dropped/mine.safetensors",
        read_document(teacher_project / "params.yaml"),
        size=24,
        channels=1,
    )
    assert adopt(teacher_project) == 0
    original = networks.load(teacher_project / "dropped/mine.safetensors").network.eval()
    adopted = networks.load(teacher_project / "teacher/0/model.safetensors").network.eval()
    faces = torch.from_numpy(np.array(open_faces(teacher_project / "faces.npy")[:4])).permute(0, 3, 1, 2).float()
    grey = (faces * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    small = functional.interpolate(grey, (24, 24), mode="bicubic", antialias=True).clamp(0, 255)
    with torch.no_grad():
        assert torch.allclose(adopted(faces / 127.5 - 1), original(small / 127.5 - 1), atol=1e-4)
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
    given = {"model": "s/model.safetensors", "losses": "s.csv", "degraded": "degraded", "teachers": "teacher"}
    capsys.readouterr()
    assert (
        step(
            teacher_project,
            "recognition_train_student",
            variant="kd",
            seed=0,
            teacher_outputs="answers",
            **sharp,
            **given,
        )
        == 1
    )
    line = capsys.readouterr().err
    assert "distill.at compares place by place: expected a teacher made for faces of 32 pixels, found 24" in line


def test_a_checkpoint_of_another_kind_is_refused_for_maps(teacher_project, root, capsys):
    document = parameters(root, "safetensors")
    write(document, teacher_project / "params.yaml")
    document["recognition"]["student"]["network"]["widths"] = [8, 16]
    checkpoint(teacher_project / "dropped/mine.safetensors", document)
    assert adopt(teacher_project) == 0
    given = {"faces": "faces.npy", "index": "index.csv", "teacher_outputs": "answers", "teachers": "teacher"}
    given |= {"model": "s/model.safetensors", "losses": "s.csv", "degraded": "degraded"}
    capsys.readouterr()
    assert step(teacher_project, "recognition_train_student", variant="kd", seed=0, **given) == 1
    assert "students.kd.distill.attention compares maps block by block" in capsys.readouterr().err


REFUSED = [
    ("onnx", {"file": "mine.pth"}, {}, "network.file = 'mine.pth': expected"),
    ("onnx", {"file": "../mine.onnx"}, {}, "network.file = '../mine.onnx': expected"),
    ("onnx", {"image_size": None}, {}, "image_size is missing, expected for mine.onnx"),
    ("onnx", {"mean": [1.0, 2.0]}, {}, r"mean = \[1.0, 2.0\]: expected a number, or 3"),
    ("onnx", {"mean": "imagenet"}, {}, "mean = 'imagenet': expected a number, or one per channel"),
    ("onnx", {"std": 0.0}, {}, "std.*expected greater than 0"),
    ("onnx", {"channel_order": None}, {}, "channel_order is missing, expected rgb or bgr"),
    ("onnx", {"channels": 1, "mean": 0.0}, {}, "channel_order is bgr, expected none with one channel"),
    ("safetensors", {"embedding": 8}, {}, "embedding is given, expected none: the card"),
    ("safetensors", {"address": "a/b"}, {}, "address = 'a/b': expected .safetensors at its end"),
    ("onnx", {"widths": [1]}, {}, "widths is not a known setting"),
    ("onnx", {}, {"seeds": [0, 1]}, r"seeds = \[0, 1\]: expected one"),
    ("onnx", {}, {"training": "student"}, "training is given, expected null"),
    ("onnx", {}, {"attention": {"weight": 1.0}}, "kd.distill.attention compares what is inside.*mine.onnx gives"),
    ("onnx", {}, {"at": {"weight": 1.0}}, "kd.distill.at compares what is inside"),
    ("onnx", {"embedding": 16}, {"embedding": {"weight": 1.0}}, "distill.embedding.*8 values against the teacher's 16"),
]


@pytest.mark.parametrize(("kind", "network", "more", "line"), REFUSED)
def test_what_cannot_be_is_refused_before_any_job(kind, network, more, line, root, tmp_path):
    from pipeline.errors import InputError

    document = parameters(root, kind, **network)
    recognition = document["recognition"]
    recognition["students"]["kd"]["distill"] = {"sp": {"weight": 1.0}} if {*more} <= {"seeds", "training"} else more
    if more.get("training"):
        more["training"] = copy.deepcopy(recognition["student"]["training"])  # or YAML writes an anchor
    recognition["teacher"] |= {key: value for key, value in more.items() if key in ("seeds", "training")}
    write(document, tmp_path / "params.yaml")
    with pytest.raises(InputError, match=line) as refusal:
        check(tmp_path / "params.yaml")
    assert "recognition" in str(refusal.value)


def test_a_teacher_to_be_trained_needs_to_be_told_how(root, tmp_path):
    from pipeline.errors import InputError

    document = read_document(root / "tests/settings/tiny.yaml")
    document["recognition"]["teacher"]["training"] = None
    write(document, tmp_path / "params.yaml")
    with pytest.raises(InputError, match="training is null, expected how the teacher is trained"):
        check(tmp_path / "params.yaml")


def test_a_missing_or_wrong_file_is_one_line(teacher_project, root, capsys):
    write(parameters(root, "onnx"), teacher_project / "params.yaml")
    assert adopt(teacher_project) == 1
    assert (
        "mine.onnx: cannot be downloaded freely: put the file (no checksum is pinned) at dropped/mine.onnx"
        in capsys.readouterr().err
    )
    put(teacher_project, "onnx", Tiny())
    write(parameters(root, "onnx", sha256="0" * 64), teacher_project / "params.yaml")
    assert adopt(teacher_project) == 1
    assert "mine.onnx: wrong checksum" in capsys.readouterr().err
    write(parameters(root, "safetensors"), teacher_project / "params.yaml")
    put(teacher_project, "safetensors", Tiny())
    (teacher_project / "dropped/mine.json").unlink()
    assert adopt(teacher_project) == 1
    assert "put the file (no checksum is pinned) at dropped/mine.json" in capsys.readouterr().err
    shutil.move("dropped/mine.safetensors", "elsewhere.safetensors")
    write(parameters(root, "safetensors", address="elsewhere.safetensors"), teacher_project / "params.yaml")
    assert adopt(teacher_project) == 1
    assert "mine.json: no such file: elsewhere.json" in capsys.readouterr().err


def test_a_model_that_does_not_end_is_one_line_and_leaves_nothing(teacher_project, root, capsys, monkeypatch):
    monkeypatch.setenv("PIPELINE_ONNX_SECONDS", "1")
    write(parameters(root, "onnx"), teacher_project / "params.yaml")
    (teacher_project / "dropped/mine.onnx").write_bytes(loop(2**62).SerializeToString())
    assert adopt(teacher_project) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("recognition_train_teacher: mine.onnx: not done with 3 images after 1 seconds"), line
    assert not (teacher_project / "teacher").exists() and not (teacher_project / "losses").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_both_engines_hold_the_same_graph(kind, root, tmp_path, monkeypatch, capsys):
    folder = copy_project(root, tmp_path / "teacher_project")
    write(parameters(root, kind), folder / "params.yaml")
    monkeypatch.chdir(folder)
    ours = by_snakemake(capsys)
    assert len(ours) == (8 + 3 + 2) + 12 + 15 + 12, "one teacher, one student; the other tasks as they are"
    compare(ours, by_dvc())
