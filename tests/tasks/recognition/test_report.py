"""The report: what stands in its tables is what was measured, the same bytes each time, and safe to open."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data.remarks import remark
from pipeline.errors import InputError
from pipeline.report import blocks, figures, overview, page, sections, tidy, words
from pipeline.report import numbers as report_numbers
from pipeline.report.build import build
from pipeline.report.numbers import Place
from pipeline.tasks.recognition import low_rates
from pipeline.tasks.recognition.report import figures as figures_of_recognition
from pipeline.tasks.recognition.report import findings as recognition_findings
from pipeline.tasks.recognition.report import section as recognition
from pipeline.tasks.recognition.report.figures import true_acceptance
from pipeline.tasks.recognition.report.results import Inputs, read
from tests.helpers import ROOT, plain_verdicts
from tests.helpers.fake_recognition import PROTOCOLS, QUALITIES, SEPARATION, VARIANTS, photos, write_results
from tests.helpers.fake_results import of_kind


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory) -> Inputs:
    return write_results(tmp_path_factory.mktemp("two"), seeds=(0, 3), pairs=400)


@pytest.fixture(scope="module")
def measured(two_seeds):
    return recognition.measure(two_seeds)


@pytest.fixture(scope="module")
def section(measured) -> blocks.Section:
    return recognition.section(*measured)


@pytest.fixture(scope="module")
def report(measured, section, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    data, numbers = measured
    tables = {"accuracy.csv": recognition.accuracy(data, numbers)}
    sections.write(section, data.metrics, folder / "sections/recognition", tables)
    build(folder / "out", folder / "sections")
    return folder / "out"


@pytest.fixture(scope="module")
def small_results(tmp_path_factory) -> Inputs:
    return write_results(tmp_path_factory.mktemp("small"), {"basicnet": VARIANTS["basicnet"]}, pairs=100)


@pytest.fixture
def one_student(small_results, tmp_path) -> Inputs:
    """Few results of one student that a test may damage."""
    root = small_results.contact_sheet.parents[2]
    shutil.copytree(root, tmp_path / "results")
    moved = {
        name: tmp_path / "results" / getattr(small_results, name).relative_to(root)
        for name in ("evaluations", "losses", "efficiency", "contact_sheet")
    }
    return dataclasses.replace(small_results, **moved)


def accuracy(numbers, variant: str, condition: str) -> float:
    return numbers.mean(Place("accuracy", "cross-age", condition), variant)


def scores_of(inputs: Inputs, variant: str, seed: int) -> pd.DataFrame:
    return pd.read_csv(inputs.evaluations / variant / str(seed) / "scores.csv")


def correct_of(inputs: Inputs, variant: str, condition: str, protocol: str = "cross-age") -> np.ndarray:
    """(seeds, pairs) straight from the files."""
    tables = [scores_of(inputs, variant, seed) for seed in inputs.trained[variant]]
    where = f"protocol == '{protocol}' and condition == '{condition}'"
    return np.array([table.query(where).sort_values("pair")["correct"] for table in tables])


def people_of(inputs: Inputs, protocol: str = "cross-age") -> np.ndarray:
    table = scores_of(inputs, "teacher", 0).query(f"protocol == '{protocol}' and condition == 'x8'").sort_values("pair")
    return table[["person_a", "person_b"]].to_numpy()


def test_outputs_are_complete(report):
    found = {path.relative_to(report).as_posix() for path in report.rglob("*") if path.is_file()}
    assert found == {
        "metrics.csv",
        "metrics.json",
        "accuracy.csv",
        "report.md",
        "index.html",
        "figures/recognition-accuracy.svg",
        "figures/recognition-roc-cross-age.svg",
        "figures/recognition-roc-cross-pose.svg",
        "figures/recognition-training.svg",
        "figures/recognition-cost.svg",
        "figures/recognition-qualities.png",
        "figures/recognition-attention.png",
        "figures/recognition-contact-sheet.png",
    }


def test_metrics_are_tidy(report, two_seeds):
    table = pd.read_csv(report / "metrics.csv", keep_default_na=False)
    assert tuple(table.columns) == tidy.COLUMNS
    keys = list(tidy.COLUMNS[:-2])
    assert not table.duplicated(keys).any()
    pd.testing.assert_frame_equal(table, table.sort_values(keys, kind="stable", ignore_index=True))
    assert set(table["variant"]) == {"teacher", *VARIANTS}
    # Values pass through unchanged, to the last bit.
    original = (two_seeds.evaluations / "logit_kd/3/metrics.csv").read_text().splitlines()[1:]
    assert set(original) <= set((report / "metrics.csv").read_text().splitlines())


def test_metrics_json_holds_means_over_seeds(report, two_seeds):
    found = json.loads((report / "metrics.json").read_text())
    rates = [
        scores_of(two_seeds, "logit_kd", seed)
        .query("protocol == 'cross-pose' and condition == 'x4'")
        .groupby("fold")["correct"]
        .mean()
        .mean()
        for seed in (0, 3)
    ]
    assert found["recognition"]["cross-pose"]["logit_kd"]["x4"] == round(50 * sum(rates), 2)
    assert set(found["recognition"]) == set(PROTOCOLS)
    assert list(found["recognition"]["cross-age"]["teacher"]) == ["x1", "x2", "x4", "x8"]


def test_accuracy_csv_is_for_plots(report):
    table = pd.read_csv(report / "accuracy.csv")
    assert tuple(table.columns) == tidy.ACCURACY_COLUMNS
    assert len(table) == len(PROTOCOLS) * 6 * len(QUALITIES)
    assert (table["low"] <= table["accuracy"]).all() and (table["accuracy"] <= table["high"]).all()
    assert (table["condition"] == "x" + table["downsampling"].astype(str)).all()


def test_ablation_table_says_what_was_measured(section, two_seeds):
    table = next(table for table in of_kind(section, blocks.Table) if "cross-age" in table.caption)
    assert "400 pairs, 2 seeds" in table.caption
    cells = {row[0].split("\n")[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert list(cells) == ["teacher", *VARIANTS] and table.rules == (1,)
    correct = {variant: correct_of(two_seeds, variant, "x8") for variant in ("teacher", *VARIANTS)}
    people = people_of(two_seeds)
    assert len(people) == 400 and len(np.unique(people)) < 120, "pairs share people"
    first, second = cells["degraded_only"]["x8"].split("\n")
    a, b = 100 * correct["degraded_only"].mean(axis=1)
    assert first == f"{(a + b) / 2:.2f} ± {abs(a - b) / np.sqrt(2):.2f}"
    low, high = plain_verdicts.interval(correct, "degraded_only", people)
    assert second == f"{100 * low:.1f} to {100 * high:.1f}"
    assert "share a person are not counted as independent" in table.caption
    assert "threshold of each fold is tuned on the other folds" in table.caption
    # A single network has no spread.
    assert "±" not in cells["teacher"]["x1"] and "nan" not in cells["teacher"]["x1"]


def test_one_seed_shows_the_interval_over_pairs(one_student, undrawn):
    inputs = one_student
    data, numbers = recognition.measure(inputs)
    row = numbers.at(Place("accuracy", "cross-age", "x4"), "basicnet")
    correct = {"basicnet": correct_of(inputs, "basicnet", "x4")}
    low, high = plain_verdicts.interval(correct, "basicnet", people_of(inputs))
    assert (row["mean"], row["low"], row["high"]) == pytest.approx(
        (100 * correct["basicnet"].mean(), 100 * low, 100 * high)
    )
    assert np.isnan(row["spread"])
    # With one student there is nothing to compare; the rest of the section still stands.
    assert "Is the difference real?" not in [block.title for block in recognition.section(data, numbers).blocks[2:]]


def test_comparisons_are_paired_and_adjusted(section, measured, two_seeds):
    data, numbers = measured
    tables = [table for table in of_kind(section, blocks.Table) if table.caption.startswith("Compared with")]
    assert [table.header[0] for table in tables] == [
        "Compared with basicnet",
        "Compared with degraded_only",
    ] * 2
    table = tables[1]
    assert "12 comparisons" in table.caption
    assert "Primary, named beforehand: those at x8, corrected among themselves" in table.caption
    found, people = [], people_of(two_seeds)
    for variant in ("logit_kd", "attention_kd", "logit_attention_kd"):
        for condition in two_seeds.conditions:
            correct = {name: correct_of(two_seeds, name, condition) for name in ("teacher", *VARIANTS)}
            found.append(plain_verdicts.difference(correct, variant, "degraded_only", people))
    adjusted, verdicts = plain_verdicts.judged(found, [condition == "x8" for condition in two_seeds.conditions] * 3)
    last = table.rows[-1][-1].split("\n")
    assert float(last[0].replace("−", "-")) == pytest.approx(100 * found[-1].difference, abs=0.051)
    assert last[1] == verdicts[-1] and last[3].endswith(", primary")
    rows = numbers.compared(metric="accuracy", protocol="cross-age", control="degraded_only")
    assert rows["adjusted"].to_list() == pytest.approx(adjusted, rel=1e-9) and rows["verdict"].to_list() == verdicts
    assert rows["low"].to_list() == pytest.approx([100 * one.low for one in found])
    assert rows["primary"].sum() == 3 and "not distinguishable" in verdicts
    plain = numbers.compared(metric="accuracy", protocol="cross-age", control="basicnet")
    assert not plain["primary"].any() and "better" in set(plain["verdict"])
    assert "All are exploratory." in tables[0].caption


def test_a_student_of_another_network_has_a_control_of_its_own(two_seeds):
    """Beside a larger control a small student says nothing of its teacher; baselines have none to add anything."""
    degraded = {"train_qualities": [1, 2, 4, 8]}
    variants = {
        **VARIANTS, "degraded_small": degraded, "kd_small": degraded | {"distill": {"logit": {}}},
        "arcface": {"train_qualities": [1]}, "kd_alone": degraded | {"distill": {"logit": {}}},
    }  # fmt: skip
    networks = {"degraded_small": "small", "kd_small": "small", "kd_alone": "mobile"}
    inputs = dataclasses.replace(two_seeds, variants=variants, networks=networks)
    taught = [name for name, settings in VARIANTS.items() if settings.get("distill")]
    assert recognition_findings.controls(inputs) == {
        "basicnet": [name for name in variants if name != "basicnet"],
        "degraded_only": taught,
        "degraded_small": ["kd_small"],
    }


def test_secondary_measures(section, two_seeds):
    table = next(table for table in of_kind(section, blocks.Table) if "equal error rate" in table.caption)
    row = next(row for row in table.rows if row[:2] == ["teacher", "x2"])
    metrics = pd.read_csv(two_seeds.evaluations / "teacher/0/metrics.csv")
    metrics = metrics[(metrics["protocol"] == "cross-age") & (metrics["condition"] == "x2")].set_index("metric")[
        "value"
    ]
    names = ("auc", "eer", "tar_at_far_1e-2", "tar_at_far_1e-3")
    assert row[2:] == [f"{100 * metrics[name]:.1f}" for name in names]
    assert "allow 2 and 0 of the 200 pairs" in table.caption
    assert "its threshold is chosen on these very pairs" in table.caption


def test_low_false_match_rates_are_of_all_pairs(section, two_seeds):
    """By counting over a plain matrix; a rate that few errors stand behind is left out."""
    table = next(
        table
        for table in of_kind(section, blocks.Table)
        if "from all pairs of the photos of cross-age" in table.caption
    )
    row = next(row for row in table.rows if row[:2] == ["logit_kd", "x4"])
    missed = []
    for seed in (0, 3):
        embeddings, people = photos(0, 4, seed, SEPARATION["logit_kd"][2])
        unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        a, b = np.triu_indices(len(people), 1)
        scores, same = (unit[a] * unit[b]).sum(axis=1), people[a] == people[b]
        allowed = int(0.1 * (~same).sum())
        missed.append((scores[same] <= np.sort(scores[~same])[::-1][allowed]).mean())
    assert list(table.header) == [
        "Trained",
        "Quality",
        "FNMR at FMR 1e-1, %",
        "FNMR at FMR 1e-2, %",
        "FNMR at FMR 1e-4, %",
    ]
    assert row[2].split("\n")[0] == f"{100 * np.mean(missed):.1f}" and row[4] == blocks.MISSING
    low, high = map(float, row[2].split("\n")[1].split(" to "))
    assert low < 100 * np.mean(missed) < high


def test_rates_of_other_pairs_are_refused(tmp_path):
    inputs = write_results(tmp_path, variants={"basicnet": VARIANTS["basicnet"]}, pairs=40)
    file = inputs.evaluations / "basicnet/0/low_rates.npz"
    rates = low_rates.read(file, ["x1", "x2"])
    some = {place: dataclasses.replace(misses, impostors=7) for place, misses in rates.items()}
    low_rates.write(file, rates | some)
    with pytest.raises(InputError, match="low_rates.npz: other protocols, pairs or rates than those of the other"):
        recognition.measure(inputs)
    low_rates.write(
        file, {place: dataclasses.replace(misses, values=misses.values[:2]) for place, misses in rates.items()}
    )
    with pytest.raises(InputError, match="cross-age/x1: expected rates, values, drawn and pairs that fit together"):
        recognition.measure(inputs)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: dataclasses.replace(one, rates=np.float64(0.1)),
        lambda one: dataclasses.replace(one, rates=-one.rates),
        lambda one: dataclasses.replace(one, values=one.values + 1),
        lambda one: dataclasses.replace(one, drawn=one.drawn * 1e300),
        lambda one: dataclasses.replace(one, drawn=one.drawn[0]),
        lambda one: dataclasses.replace(one, genuine=10.5),
        lambda one: dataclasses.replace(one, impostors=np.inf),
        lambda one: dataclasses.replace(one, effective=np.nan),
        lambda one: dataclasses.replace(one, effective=-5.0),
    ],
)
def test_damaged_rates_are_named(tmp_path, change):
    embeddings, people = photos(0, 1, 0, 3.0)
    pairs = pd.DataFrame({"protocol": "p", "a": range(239), "b": range(1, 240)})
    rates = low_rates.measure(pairs, people, embeddings, np.arange(240), "x1", [0.1, 0.01])
    low_rates.write(tmp_path / "a.npz", rates)
    assert low_rates.read(tmp_path / "a.npz", ["x1"]).keys() == rates.keys()
    low_rates.write(tmp_path / "a.npz", {place: change(one) for place, one in rates.items()})
    with pytest.raises(InputError, match="a.npz: p/x1: expected rates, values, drawn and pairs that fit together"):
        low_rates.read(tmp_path / "a.npz", ["x1"])


def test_roc_agrees_with_the_metric(measured):
    data, _ = measured
    same = data.same["cross-age"]
    scores = data.scores["cross-age", "logit_kd", "x8"]
    metric = data.values(Place("tar_at_far_1e-2", "cross-age", "x8"), "logit_kd")
    assert [true_acceptance(row, same, np.array([1e-2]))[0] for row in scores] == pytest.approx(metric)
    ties = true_acceptance(
        np.array([0.5, 0.5, 0.5, 0.1]), np.array([True, True, False, False]), np.array([0.4, 0.5, 1])
    )
    assert ties.tolist() == [0, 1, 1]


def test_roc_curves_have_bands_where_there_are_enough_people(measured, monkeypatch):
    data, _ = measured
    drawn = {}
    monkeypatch.setattr(
        figures_of_recognition.plots,
        "curves",
        lambda panels, *_, bands, **__: drawn.update(panels=panels, bands=bands) or b"",
    )
    figure = figures_of_recognition.roc_curves(data, "cross-age")
    assert "Shaded: 95 % intervals over people and seeds" in figure.caption
    _, line = drawn["panels"]["x8"]["logit_kd"]
    low, high = drawn["bands"]["x8"]["logit_kd"]
    assert (low <= line + 1e-9).all() and (line <= high + 1e-9).all() and (high - low)[:-1].max() > 2
    # A few people say nothing of others.
    few = {key: dataclasses.replace(one, people=one.people % 10) for key, one in data.outcomes.items()}
    figure = figures_of_recognition.roc_curves(dataclasses.replace(data, outcomes=few), "cross-age")
    assert "Shaded" not in figure.caption and not any(drawn["bands"].values())


def test_findings_follow_the_numbers(section, measured):
    _, numbers = measured
    text = " ".join(item for bullets in of_kind(section, blocks.Bullets) for item in bullets.items)
    lost = accuracy(numbers, "basicnet", "x1") - accuracy(numbers, "basicnet", "x8")
    assert f"basicnet loses {lost:.1f} points" in text
    won = accuracy(numbers, "logit_attention_kd", "x8") - accuracy(numbers, "basicnet", "x8")
    assert f"wins back {won:.1f} points, {100 * won / lost:.0f} % of that loss" in text
    rows = numbers.compared(metric="accuracy", control="degraded_only")
    without = [protocol for protocol in PROTOCOLS if "better" not in set(rows[rows["protocol"] == protocol]["verdict"])]
    assert text.count("No gain from the teacher") == len(without)


def test_every_student_has_its_line_against_the_control_of_its_network(tmp_path):
    """A method of one's own, whatever it is called, is spoken of; nobody is compared with another network's loss."""
    inputs = write_results(tmp_path)
    data = read(inputs)
    data = dataclasses.replace(data, inputs=dataclasses.replace(inputs, networks={"attention_kd": "small"}))
    families = recognition_findings.families(data)
    numbers = report_numbers.compute(data.outcomes, families, recognition_findings.MEASURES)
    said = recognition_findings.verification(data, numbers, "cross-age")
    added = [item for item in said if item.startswith("What the teacher adds")]
    assert [item.split(", ")[1].split()[0] for item in added] == ["logit_kd", "logit_attention_kd"]
    assert "Of 8 comparisons with degraded_only" in said[-1]
    assert not any(item.startswith("attention_kd") and "wins back" in item for item in said)


def test_a_null_result_is_reported_as_null(tmp_path):
    alike = dict.fromkeys(SEPARATION, (2.0, 2.0, 2.0, 2.2))
    measured = recognition.measure(write_results(tmp_path, separations=alike, seeds=(0, 1, 2)))
    findings = recognition_findings.verification(*measured, "cross-age")
    assert any("no loss by degradation could be shown" in item for item in findings)
    assert findings[-1].endswith("No gain from the teacher over training on degraded faces alone could be shown here.")
    assert "0 came out better, 0 worse and 12 not distinguishable" in findings[-1]
    assert not any("wins back" in item for item in findings)
    row = measured[1].gain(Place("accuracy", "cross-age", "x8"), "logit_kd", "degraded_only")
    said = f"not distinguishable (a difference of {row['visible']:.1f} points would have been found in 80 of 100 repetitions)."
    assert row["visible"] > 0 and any(item.endswith(said) for item in findings)


def test_an_effect_that_seeds_hide_is_not_called_better_and_one_that_holds_is(tmp_path):
    """Seeds of these methods differ by some points: one lucky seed of two makes no better method, five good ones do."""

    def measured(name: str, lucky: dict[int, float], seeds: tuple[int, ...]):
        inputs = write_results(
            tmp_path / name, {n: VARIANTS[n] for n in ("degraded_only", "logit_kd")}, seeds, pairs=400
        )
        for seed in seeds:
            path = inputs.evaluations / f"logit_kd/{seed}"
            base = pd.read_csv(inputs.evaluations / f"degraded_only/{seed}/scores.csv")
            chosen = np.random.default_rng(seed).random(len(base)) < lucky.get(seed, 0.0)
            base["correct"] = np.where(chosen, 1, base["correct"])
            base.to_csv(path / "scores.csv", index=False)
            metrics = pd.read_csv(path / "metrics.csv", keep_default_na=False)
            means = base.groupby(["protocol", "condition"])["correct"].mean()
            places = list(zip(metrics["protocol"], metrics["condition"], strict=True))
            accuracy = metrics["metric"] == "accuracy"
            metrics["value"] = [
                means[at] if named else old for at, named, old in zip(places, accuracy, metrics["value"], strict=True)
            ]
            metrics.to_csv(path / "metrics.csv", index=False)
        return recognition.measure(inputs)[1].gain(Place("accuracy", "cross-age", "x8"), "logit_kd", "degraded_only")

    lucky = measured("lucky", {0: 0.6}, (0, 1))
    assert (
        lucky["difference"] > 4 and lucky["verdict"] == "not distinguishable" and lucky["visible"] > lucky["difference"]
    )
    sound = measured("sound", dict.fromkeys(range(5), 0.4), tuple(range(5)))
    assert sound["verdict"] == "better" and sound["primary"]


def test_one_seed_gives_no_verdict_anywhere(tmp_path, undrawn):
    inputs = write_results(tmp_path)
    recognition.write(inputs, tmp_path / "parts/recognition")
    build(tmp_path / "out", tmp_path / "parts")
    for name in ("report.md", "index.html"):
        text = (tmp_path / "out" / name).read_text()
        assert not re.search(r"\bdistinguishable\b|came out better|after correction|\d p = |80 of 100", text), name
        assert "of one seed, without a verdict" in text and "of these two networks" in text
        assert "there is no verdict on methods" in text
    contrasts = pd.read_csv(tmp_path / "parts/recognition" / overview.FILE)
    assert set(contrasts["verdict"]) == {"one seed"} and len(contrasts) == 3 * len(PROTOCOLS)


def test_a_verdict_is_the_same_in_every_output(measured, section):
    """First screen, table, mark of the cell and finding."""
    data, numbers = measured
    said = [item for bullets in of_kind(section, blocks.Bullets) for item in bullets.items]
    shown = [table for table in of_kind(section, blocks.Table) if table.header[0] == "Compared with degraded_only"]
    rows = recognition.contrasts(data, numbers).to_dict("records")
    assert len(rows) == 3 * len(PROTOCOLS)
    for row in rows:
        place = [row["panel"].startswith(protocol) for protocol in PROTOCOLS].index(True)
        number, cells = next((n, r) for n, r in enumerate(shown[place].rows) if r[0].split("\n")[0] == row["method"])
        difference, verdict = cells[-1].split("\n")[:2]
        assert (difference, verdict) == (words.points(row["difference"]), row["verdict"])
        assert shown[place].marks.get((number, "x8")) == (verdict if verdict in ("better", "worse") else None)
        finding = f"What the teacher adds: at x8, {row['method']} differs from degraded_only by {difference} points"
        assert sum(item.startswith(finding) and f"), {verdict}" in item for item in said) == 1


def test_unknown_people_are_said(measured):
    data, numbers = measured
    unknown = dataclasses.replace(data, inputs=dataclasses.replace(data.inputs, people_known=False))
    captions = [block.caption for block in of_kind(recognition.section(unknown, numbers), blocks.Table)]
    assert sum("Whom the pictures show is not known" in caption for caption in captions) == 3 * len(PROTOCOLS)


def test_a_corrected_p_does_not_contradict_the_interval_beside_it():
    """An interval of one comparison may leave out zero where p, corrected for all of them, shows nothing."""
    shown = {"adjusted": 1.0, "verdict": words.NULL, "low": -44.4, "high": -5.6, "primary": False}
    assert words.tested(shown) == "p = 1.00 after correction; the interval is of this comparison alone"
    assert words.tested(shown | {"high": 5.6}) == "p = 1.00 after correction"
    assert words.tested(shown | {"adjusted": 0.0001, "verdict": "worse"}) == "p < 0.001 after correction"
    primary = shown | {"adjusted": 0.0001, "verdict": "worse", "primary": True}
    assert words.tested(primary) == "p < 0.001 after correction, primary"
    assert words.tested(shown | {"verdict": words.ONE_SEED}) == "of these two networks"


def test_a_loss_that_few_pairs_cannot_show_is_not_called_absent(tmp_path):
    fewer = SEPARATION | {"basicnet": (1.0, 1.0, 0.8, 0.6)}
    data, numbers = recognition.measure(write_results(tmp_path, pairs=20, separations=fewer))
    lost = accuracy(numbers, "basicnet", "x1") - accuracy(numbers, "basicnet", "x8")
    said = recognition_findings.verification(data, numbers, "cross-age")[1]
    assert lost > 0 and "could be shown, on 20 pairs, which does not mean that there is none" in said


def test_a_teacher_at_chance_is_the_first_finding(tmp_path):
    guessing = SEPARATION | {"teacher": (0.0, 0.0, 0.0, 0.0)}
    inputs = write_results(tmp_path, separations=guessing)
    data, numbers = recognition.measure(inputs)
    first = recognition_findings.findings(data, numbers)[0]
    assert first.lead == "The teacher" and len(first.items) == len(PROTOCOLS)
    scores = pd.read_csv(inputs.evaluations / "teacher/0/scores.csv")
    for item, protocol in zip(first.items, PROTOCOLS, strict=True):
        right = scores[(scores["condition"] == "x1") & (scores["protocol"] == protocol)]["correct"]
        correct = {"teacher": correct_of(inputs, "teacher", "x1", protocol)}
        low, high = (100 * end for end in plain_verdicts.interval(correct, "teacher", people_of(inputs, protocol)))
        assert item.startswith(f"The teacher cannot be told from guessing on {protocol}, on sharp faces (x1): ")
        assert f"right on {100 * right.mean():.1f} % of 200 pairs (95 % interval {low:.1f} to {high:.1f})" in item
        assert "guessing gives 50 %" in item
    own = dataclasses.replace(data, inputs=dataclasses.replace(inputs, own_teacher="mine.onnx"))
    assert "mine.onnx may be fed otherwise" in recognition_findings.teacher(own)[0]


def test_a_teacher_that_knows_something_raises_no_doubt(measured, tmp_path):
    assert recognition_findings.findings(*measured)[0].lead == PROTOCOLS[0]
    few = write_results(tmp_path, pairs=20, separations=SEPARATION | {"teacher": (0.6, 0.6, 0.6, 0.6)})
    item = recognition_findings.teacher(read(few))[0]
    assert "cannot be told from guessing" in item and "20 pairs" in item


def test_bytes_do_not_depend_on_the_run(report, two_seeds, tmp_path):
    # What differs between two runs of the same experiment is how long things took.
    table = pd.read_csv(two_seeds.efficiency)
    table["median_ms"] *= 1.07
    table.to_csv(tmp_path / "efficiency.csv", index=False)
    again = tmp_path / "again"
    inputs = dataclasses.replace(two_seeds, efficiency=tmp_path / "efficiency.csv")
    code = (
        "import sys; from pathlib import *; from pipeline.report.build import build; "
        "from pipeline.tasks.recognition.report.section import Inputs, write; parts = Path(sys.argv[1]); "
        f"write({inputs!r}, parts / 'recognition'); build({again!r}, parts); sys.exit('torch' in sys.modules and 'the report loads torch')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "parts"], cwd=ROOT, env=environment, text=True, capture_output=True
    )
    assert run.returncode == 0, run.stderr
    for path in sorted(report.rglob("*")):
        if path.is_file() and path.name not in ("index.html", "report.md"):
            assert (again / path.relative_to(report)).read_bytes() == path.read_bytes(), path.name
    assert (again / "index.html").read_bytes() != (report / "index.html").read_bytes()


def test_page_needs_nothing_from_outside(report):
    text = (report / "index.html").read_text(encoding="utf-8")
    links = re.findall(r"""(?:src|href|action|data|poster)\s*=\s*["']([^"']*)""", text)
    assert links and all(link.startswith(("#", "data:image/")) for link in links)
    assert "<script" not in text and "@import" not in text and "url(" not in text and "http" not in text
    anchors = set(re.findall(r'id="([^"]+)"', text))
    assert {link[1:] for link in links if link.startswith("#")} <= anchors
    pictures = [base64.b64decode(link.split(",")[1]) for link in links if link.startswith("data:")]
    assert sorted(pictures) == sorted(path.read_bytes() for path in (report / "figures").iterdir())
    for picture in pictures:
        if picture.startswith(b"\x89PNG"):
            assert not Image.open(io.BytesIO(picture)).text
        else:
            assert b"<date>" not in picture and b"Matplotlib" not in picture and b"<image" not in picture
    named = re.findall(r"\(figures/([^)]+)\)", (report / "report.md").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(path.name for path in (report / "figures").iterdir())


def test_every_caption_says_rendered(section):
    captions = [block.caption for block in of_kind(section, blocks.Table | blocks.Figure)]
    assert len(captions) > 12 and all("rendered faces" in caption for caption in captions)
    assert "says anything about real faces" in section.blocks[1].text


def test_real_faces_are_never_called_rendered(measured, undrawn):
    data, numbers = measured
    # The name of the data set comes from the steps before; here only what the report itself adds matters.
    runs = {name: [run | {"dataset": "LFW"} for run in per_seed] for name, per_seed in data.runs.items()}
    inputs = dataclasses.replace(data.inputs, dataset="LFW", rendered=False)
    section = recognition.section(dataclasses.replace(data, inputs=inputs, runs=runs), numbers)
    text = blocks.markdown(section)
    assert "rendered" not in text and "real faces" not in text
    assert all("LFW" in block.caption for block in of_kind(section, blocks.Table | blocks.Figure))


def test_left_over_variants_and_seeds_are_ignored(tmp_path, undrawn):
    small = {name: VARIANTS[name] for name in ("basicnet", "degraded_only")}
    inputs = write_results(tmp_path, variants=VARIANTS, seeds=(0, 1), pairs=100)
    inputs = dataclasses.replace(inputs, variants=small, seeds=(0,), qualities=(1, 8))
    (inputs.evaluations / "attention_kd/0/metrics.csv").write_text("damaged")
    data, numbers = recognition.measure(inputs)
    rows = data.metrics
    assert set(rows["variant"]) == {"teacher", "basicnet", "degraded_only"} and set(rows["seed"]) == {0}
    assert set(rows["condition"]) == {"", "x1", "x8"}
    assert "attention_kd" not in blocks.markdown(blocks.Section("", (recognition.section(data, numbers),)))


DAMAGE = {
    "evaluations/basicnet/0/metrics.csv": "task,dataset\nrecognition,x\n",
    "evaluations/basicnet/0/scores.csv": ("protocol,condition,pair,fold,same,score,correct\na,x1,0,0,1,high,1\n"),
    "evaluations/basicnet/0/low_rates.npz": "no archive",
    "evaluations/basicnet/0/samples.npz": "no archive",
    "evaluations/basicnet/0/run.json": '{"device": "CPU"',
    "losses.csv": "epoch,learning_rate,total\n",
    "efficiency.csv": "variant,parameters\nteacher,1\n",
    "contact_sheet.png": "no picture",
}


@pytest.mark.parametrize("damaged", [False, True], ids=["missing", "damaged"])
@pytest.mark.parametrize("name", DAMAGE)
def test_a_missing_or_damaged_file_is_one_line(one_student, tmp_path, name, damaged):
    inputs = one_student
    path = {
        "losses.csv": inputs.losses / "basicnet/0/losses.csv",
        "efficiency.csv": inputs.efficiency,
        "contact_sheet.png": inputs.contact_sheet,
    }.get(name, inputs.evaluations.parent / name)
    path.unlink()
    if damaged:
        path.write_text(DAMAGE[name])
    with pytest.raises(InputError) as caught:
        recognition.write(inputs, tmp_path / "out")
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    assert not (tmp_path / "out").exists()


def test_other_pairs_are_refused(one_student):
    inputs = one_student
    path = inputs.evaluations / "basicnet/0/scores.csv"
    table = pd.read_csv(path)
    table["pair"] += 1
    table.to_csv(path, index=False)
    with pytest.raises(InputError, match="the pairs of cross-age at x1 are not those of the other files"):
        recognition.measure(inputs)


def test_a_section_survives_the_way_through_its_files(section, measured, tmp_path):
    """The page shows the same, whether the section comes from memory or from what its step wrote."""
    sections.write(section, measured[0].metrics, tmp_path / "recognition")
    again = sections.read(tmp_path / "recognition")
    assert page.html([again]) == page.html([section]) and page.markdown([again]) == page.markdown([section])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "section.json: no such file"),
        ("{", "section.json: not valid JSON"),
        ("[]", "section.json: not a section of the report"),
        ('{"kind": "movie"}', "section.json: not a section of the report"),
        ('{"kind": "paragraph", "text": "a"}', "section.json: a paragraph found, expected a section"),
        ('{"kind": "section", "title": "a", "blocks": [{"kind": "figure", "name": "../x"}]}', "named ../x"),
        (
            '{"kind": "section", "title": "a", "blocks": [{"kind": "figure", "name": "x", "caption": "", "alt": ""}]}',
            "figures/x: cannot be read: No such file",
        ),
    ],
)
def test_a_damaged_section_is_one_line(tmp_path, text, message):
    (tmp_path / "parts/a").mkdir(parents=True)
    if text is not None:
        (tmp_path / "parts/a/section.json").write_text(text)
    with pytest.raises(InputError, match=re.escape(message)):
        build(tmp_path / "out", tmp_path / "parts")
    assert not (tmp_path / "out").exists()


def test_no_section_is_one_line(tmp_path):
    with pytest.raises(InputError, match="parts: no sections"):
        build(tmp_path / "out", tmp_path / "parts")


def test_text_cannot_become_markup():
    name = '<script>alert("1")</script>|*_a_*&'
    table = blocks.Table(pd.DataFrame({name: [name], "value": [0.125]}), name, formats={"value": "{:.2f}"})
    figure = blocks.Figure("a.png", b"\x89PNG", name, name)
    section = blocks.Section(name, (blocks.Paragraph(name), blocks.Bullets((name,), lead=name), table, figure))
    text = page.html([section])
    assert "<script" not in text and 'alert("' not in text
    plain = html.unescape(re.sub(r"<[^>]+>", "", text))
    # Menu, title, paragraph, lead, item, both captions, head and cell.
    assert plain.count(name) == 9
    lines = page.markdown([section]).splitlines()
    assert not any("<script" in line for line in lines)
    row = next(line for line in lines if line.endswith(" 0.12 |"))
    assert "\\*\\_a\\_\\*&" in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_equal_titles_keep_their_own_anchors():
    tasks = [blocks.Section(task, (blocks.Section("Findings", ()),)) for task in ("A", "B")]
    text = page.html(tasks)
    assert re.findall(r'id="([^"]+)"', text) == ["a", "a-findings", "b", "b-findings"]
    assert re.findall(r'href="#([^"]+)"', text) == ["a", "a-findings", "b", "b-findings"]


def test_cells():
    frame = pd.DataFrame({"a": [1.0, float("nan")], "b": ["x\ny", None]})
    table = blocks.Table(frame, "", formats={"a": lambda value: f"{value:.1f} %"})
    assert table.rows == [["1.0 %", "x\ny"], [blocks.MISSING, blocks.MISSING]]
    assert page.cell("a_b\n<c>") == "a_<wbr>b<small>&lt;c&gt;</small>"
    assert blocks.markdown(blocks.Section("T", (table,))).splitlines()[2:5] == [
        "| a | b |",
        "| :-- | --: |",
        "| 1.0 % | x<br>y |",
    ]


def test_numbers_survive_reading(tmp_path):
    value = 0.1 + 0.2
    row = ("recognition", "d", "NA", 0, "null", "x1", "accuracy", value, 7)
    pd.DataFrame([row], columns=list(tidy.COLUMNS)).to_csv(tmp_path / "metrics.csv", index=False)
    table = tidy.read_tidy(tmp_path / "metrics.csv")
    assert tuple(table.iloc[0]) == row


def test_labels_are_moved_apart_as_little_as_needed():
    assert figures.spread([1.0, 5.0], 1) == [1.0, 5.0]
    assert figures.spread([2.0, 2.0, 9.0], 1) == [1.5, 2.5, 9.0]
    moved = sorted(figures.spread([3.0, 1.0, 1.1, 1.2], 0.5))
    assert min(np.diff(moved)) >= 0.5 - 1e-9


def test_styles_stay_distinct_for_many_variants():
    styles = figures.styles([str(i) for i in range(20)]).values()
    assert len({(style.color, style.marker) for style in styles}) == 20


def test_what_was_left_out_is_said(measured):
    data, _ = measured
    left = dataclasses.replace(data, remarks=remark("files left out", ["a.heic"]))
    said = recognition_findings.introduction(left)
    assert any(text.endswith("came upon: 1 files left out (a.heic).") for text in said)
    assert not any("came upon" in text for text in recognition_findings.introduction(data))
