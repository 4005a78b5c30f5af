"""The whole graph on a few small faces, once through each engine: everything is there, and the bytes are the same."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from pipeline.tasks.recognition.judging import SHARP_TO_POOR
from tests.helpers.tiny_project import VOLATILE, copy_project, hashes, run, whole_run
from tests.helpers.warm import first_in_path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def by_snakemake(workers, root):
    return whole_run(root, workers)[0]


@pytest.fixture(scope="module")
def by_dvc(tmp_path_factory, root):
    folder = copy_project(root, tmp_path_factory.mktemp("dvc") / "project")
    run(folder, "dvc", "repro", "--quiet", PATH=first_in_path())
    return folder


def test_the_table_has_every_variant_quality_and_measure(by_snakemake):
    table = pd.read_csv(by_snakemake / "reports/metrics.csv", keep_default_na=False)
    assert list(table.columns) == [
        "task",
        "dataset",
        "variant",
        "seed",
        "protocol",
        "condition",
        "metric",
        "value",
        "n",
    ]
    enlarged = table.query("task == 'super_resolution' and metric == 'psnr'")
    assert set(enlarged.variant) == {"bicubic", "teacher", "scratch", "fakd"} and enlarged.value.between(10, 60).all()
    told_apart = table.query("task == 'classification' and metric == 'top1'")
    assert set(told_apart.variant) == {"teacher", "scratch", "kd", "ffkd"} and told_apart.value.between(0, 1).all()
    assert set(told_apart.query("condition == 'teacher_after'").variant) == {"ffkd"}
    table = table.query("task == 'recognition'")
    accuracy = table.query("metric == 'accuracy'")
    variants = ["teacher", "basicnet", "degraded_only", "logit_attention_kd"]
    protocols = [f"{name}{qualities}" for name in ("cross_age", "cross_pose") for qualities in ("", SHARP_TO_POOR)]
    wanted = {(v, p, c) for v in variants for p in protocols for c in ("x1", "x4")}
    assert set(zip(accuracy.variant, accuracy.protocol, accuracy.condition, strict=True)) == wanted
    assert accuracy.value.between(0, 1).all() and (accuracy.n == 8).all()
    costs = table.query("metric == 'parameters'")
    assert set(costs.variant) == set(variants) and (costs.value > 0).all()
    assert (table.dataset == "rendered faces").all()


def test_each_loss_is_logged_by_name(by_snakemake):
    losses = by_snakemake / "reports/recognition/losses"
    student = pd.read_csv(losses / "logit_attention_kd/0/losses.csv")
    assert list(student.columns) == ["epoch", "learning_rate", "total", "recognition", "logit", "attention"]
    assert (student.total - student[["recognition", "logit", "attention"]].sum(axis=1)).abs().max() < 1e-9
    assert student.epoch.tolist() == [1, 2]
    assert "logit" not in pd.read_csv(losses / "degraded_only/0/losses.csv").columns


def test_the_card_says_how_to_build_the_network_and_what_made_it(by_snakemake):
    card = json.loads((by_snakemake / "models/recognition/students/logit_attention_kd/0/model.json").read_text())
    assert card["network"]["architecture"] == "resnext_cbam" and card["image_size"] == 32
    made_with = card["provenance"]
    assert made_with["training"]["epochs"] == 2 and made_with["more"]["distill"]["logit"]["temperature"] == 4.0
    assert {"python", "torch"} <= set(made_with["versions"]) and made_with["device"]


def test_the_report_calls_rendered_faces_rendered_and_needs_nothing_else(by_snakemake):
    page = (by_snakemake / "reports/index.html").read_text()
    assert "rendered faces" in page and "<script" not in page
    assert 'src="http' not in page and "@import" not in page
    figures = {file.name for file in (by_snakemake / "reports/figures").iterdir()}
    assert {"recognition-accuracy.svg", "recognition-attention.png", "recognition-contact-sheet.png"} <= figures


@pytest.mark.exhaustive
def test_nothing_is_left_behind(by_snakemake, by_dvc):
    for folder in (by_snakemake, by_dvc):
        assert not (folder / ".resume").exists()
        assert not list(folder.rglob(".writing-*"))


@pytest.mark.exhaustive
def test_both_engines_give_the_same_bytes(by_snakemake, by_dvc):
    """Two full runs on one machine: checkpoints, tables and figures are the same to the last bit."""
    ours, theirs = hashes(by_snakemake), hashes(by_dvc)
    assert set(ours) == set(theirs)
    different = {name for name in ours if ours[name] != theirs[name]}
    assert different <= VOLATILE, different


@pytest.mark.exhaustive
def test_dvc_shows_metrics_and_plots(by_dvc):
    shown = json.loads(run(by_dvc, "dvc", "metrics", "show", "--json").stdout)
    assert "cross_age" in json.dumps(shown)
    run(by_dvc, "dvc", "plots", "show", "--out", "plots")
    assert (by_dvc / "plots/index.html").stat().st_size > 1000
    run(by_dvc, "dvc", "dag")


def test_snakemake_lints_and_draws_the_graph(by_snakemake):
    assert "digraph" in run(by_snakemake, "snakemake", "--dag").stdout
    run(by_snakemake, "snakemake", "--lint")
