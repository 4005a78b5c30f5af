"""The classification section: what it says is what was measured, and nothing that does not fit is taken."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.data.remarks import remark
from pipeline.errors import InputError
from pipeline.metrics.classification import agreement, classify
from pipeline.params.loading import validate
from pipeline.report import blocks, sections
from pipeline.report.build import build
from pipeline.report.numbers import Place
from pipeline.tasks.classification.params.learning import Learning
from pipeline.tasks.classification.report import figures as plots
from pipeline.tasks.classification.report import findings as words
from pipeline.tasks.classification.report import section as classification
from pipeline.tasks.classification.report.findings import contrasts
from pipeline.tasks.classification.report.results import Inputs
from pipeline.tasks.classification.steps import report as classification_report
from tests.helpers import plain_verdicts
from tests.helpers.fake_results import of_kind, write_latency
from tests.helpers.report_tables import table_of

NAMES = ["neutral", "happy", "laughing", "sad", "angry", "surprised", "asleep"]
TEST, TRAIN, SIDE = 300, 21, 8
TRAINING = {"epochs": 2, "batch_size": 8, "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.0}
TRAINING |= {"schedule": {"kind": "cosine"}, "gradient_clip": 0.0, "precision": "auto"}
KD = {"kind": "distillation", "distill": {"logit": {"weight": 0.9, "temperature": 4.0}}}
FFKD = {"kind": "feedback", "forward_training": TRAINING, "feedback_training": TRAINING}
LESSONS = {
    "labels": {"kind": "supervised"},
    "peers": {"kind": "mutual", "students": 2},
    "soft": KD,
    "back": FFKD,
    "back_frozen": FFKD | {"feedback": "none"},
    "back_constant": FFKD | {"weighting": "constant"},
    "mutual": {"kind": "mutual", "students": 1, "with_teacher": True},
}
STRENGTH = {"labels": 1.2, "peers": 1.3, "soft": 2.2, "back": 2.3}
STRENGTH |= {"back_frozen": 1.2, "back_constant": 2.2, "mutual": 2.2}
CHANGES = ("back", "back_constant", "mutual")
WORK = {"labels": 1000, "peers": 2000, "soft": 1500, "teacher": 9000}


def variants(names=tuple(LESSONS)):
    return {
        name: {"description": "", "learning": validate(Learning, LESSONS[name], name).model_dump(), "network": None}
        for name in names
    }


def logits(strength: float, seed: int, name: str) -> np.ndarray:
    """(TEST, 7): the true class raised by ``strength`` over noise that all networks share in part."""
    hard = np.random.default_rng(0).normal(size=(TEST, 7))
    own = np.random.default_rng([seed, *map(ord, name)]).normal(size=(TEST, 7))
    return (0.8 * hard + 0.6 * own + strength * np.eye(7)[np.arange(TEST) % 7]).astype(np.float32)


def write_evaluation(folder: Path, variant: str, seed: int, strength: float, after: float | None) -> None:
    folder.mkdir(parents=True)
    teacher = logits(2.4, 0, "teacher")
    found = {"test": teacher if variant == "teacher" else logits(strength, seed, variant)}
    if after is not None:
        found["teacher_after"] = logits(after, seed, f"{variant} after")
    rows, pictures, bins = [], [], []
    labels = np.arange(TEST) % 7
    for condition, values in found.items():
        one = classify(values, labels)
        measures = {"top1": one.top1, "top5": one.top5, "nll": one.nll, "ece": one.ece}
        if variant != "teacher":
            alike = agreement(values, teacher)
            measures |= {"agreement": alike.rate, "kl": alike.kl}
        if condition == "test":
            measures |= {"parameters": 40_000, "multiply_adds": 9e6 if variant == "teacher" else 1e6}
        rows += [(condition, metric, value, TEST) for metric, value in measures.items()]
        calls = {"label": labels, "predicted": values.argmax(axis=1), "correct": one.correct.astype(int)}
        pictures.append(pd.DataFrame({"condition": condition, "image": TRAIN + np.arange(TEST)} | calls))
        table = one.reliability
        columns = {name: getattr(table, name) for name in ("low", "high", "count", "confidence", "accuracy")}
        bins.append(pd.DataFrame({"condition": condition} | columns))
    about = {"task": "classification", "dataset": "rendered expressions", "variant": variant, "seed": seed}
    frame = pd.DataFrame(rows, columns=["condition", "metric", "value", "n"]).assign(protocol="expressions", **about)
    frame.to_csv(folder / "metrics.csv", index=False)
    pd.concat(pictures).to_csv(folder / "pictures.csv", index=False)
    pd.concat(bins).to_csv(folder / "reliability.csv", index=False)
    work = [{"stage": "training", "multiply_adds": WORK.get(variant, 4000) * 10**9}]
    run = {
        "device": "CPU",
        "precision": "float32",
        "versions": {"python": "3.11.2", "torch": "2.9.0"},
        "network": {"architecture": "cifar_resnet", "depth": 8},
        "classes": NAMES,
        "data": {"name": "rendered expressions", "rendered": True, "images": {"train": TRAIN, "test": TEST}},
        "trained_with": {"device": "NVIDIA", "work": work},
    }
    (folder / "run.json").write_text(json.dumps(run))


def write_losses(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True)
    rows = []
    for stage in ("forward", "feedback") if kind == "feedback" else ("training",):
        for epoch in (1, 2, 3):
            row = {"stage": stage, "epoch": epoch, "learning_rate": 0.1}
            if kind == "feedback":
                row |= {"student_1_cross_entropy": 2 / epoch, "student_1_forward": 1 / epoch}
                if stage == "feedback":
                    row |= {"teacher_cross_entropy": 0.5, "teacher_feedback": 0.25}
            else:
                row |= {"cross_entropy": 2 / epoch, "logit": 0.5, "dkd": 0.25}
            row["total"] = sum(list(row.values())[3:])
            if stage == "feedback":
                row |= {"weight_mean": 0.5, "weight_p10": 0.2, "weight_p50": 0.5, "weight_p90": 0.9}
            rows.append(row)
    pd.DataFrame(rows).to_csv(path, index=False)


def write_set(folder: Path) -> None:
    folder.mkdir()
    count = TRAIN + TEST
    labels = np.concatenate([np.arange(TRAIN) % 7, np.arange(TEST) % 7])
    images = np.random.default_rng(0).integers(0, 255, (count, SIDE, SIDE, 1)).astype(np.uint8)
    np.save(folder / "images.npy", images)
    part = ["train"] * TRAIN + ["test"] * TEST
    index = {"image": range(count), "file": [f"f{n}" for n in range(count)], "label": labels, "part": part}
    pd.DataFrame(index).to_csv(folder / "index.csv", index=False)
    pd.DataFrame({"label": range(7), "name": NAMES}).to_csv(folder / "classes.csv", index=False)
    notes = {"name": "rendered expressions", "rendered": True, "mean": [0.5], "std": [0.2]}
    notes |= {"images": {"train": TRAIN, "test": TEST}, "per_class": {}, "as_given": True}
    (folder / "notes.json").write_text(json.dumps(notes))


def write_results(root: Path, names=tuple(LESSONS), seeds=(0,), changes=CHANGES, strength=STRENGTH) -> Inputs:
    """Everything that the steps before the report write."""
    for variant in (*names, "teacher"):
        for seed in (0,) if variant == "teacher" else seeds:
            after = 1.0 if variant == "back" else 2.4 if variant in changes else None
            write_evaluation(root / "ev" / variant / str(seed), variant, seed, strength.get(variant, 2.4), after)
            kind = "supervised" if variant == "teacher" else LESSONS[variant]["kind"]
            write_losses(root / "losses" / variant / str(seed) / "losses.csv", kind)
    write_latency(root / "efficiency.csv", (1, 64))
    write_set(root / "images")
    return Inputs(
        name="expressions",
        evaluations=root / "ev",
        losses=root / "losses",
        efficiency=root / "efficiency.csv",
        data=root / "images",
        variants=variants(names),
        seeds=seeds,
        teacher_seed=0,
        sample_images=3,
        networks=dict.fromkeys(names, "student"),
    )


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory) -> Inputs:
    return write_results(tmp_path_factory.mktemp("two"), seeds=(0, 3))


@pytest.fixture(scope="module")
def measured(two_seeds):
    return classification.measure(two_seeds)


@pytest.fixture
def section(measured, undrawn) -> blocks.Section:
    return classification.section(*measured)


@pytest.fixture(scope="module")
def small_results(tmp_path_factory) -> Inputs:
    return write_results(tmp_path_factory.mktemp("small"), names=("labels", "back"))


@pytest.fixture
def few(small_results, tmp_path) -> Inputs:
    """Few results that a test may damage."""
    shutil.copytree(small_results.evaluations.parent, tmp_path / "results")
    places = ("evaluations", "losses", "efficiency", "data")
    return dataclasses.replace(
        small_results, **{name: tmp_path / "results" / getattr(small_results, name).name for name in places}
    )


def sentences_of(measured) -> tuple[str, ...]:
    """Every sentence of the findings."""
    (found,) = words.findings(*measured)
    return found.items


def correct(inputs: Inputs, variant: str, condition: str = "test") -> np.ndarray:
    """(seeds, images) straight from the files."""
    tables = [pd.read_csv(path / "pictures.csv") for path in sorted((inputs.evaluations / variant).iterdir())]
    return np.array([table[table["condition"] == condition]["correct"] for table in tables])


def test_the_page_has_every_figure_and_number(few, tmp_path):
    data, numbers = classification.measure(few)
    made = classification.section(data, numbers)
    sections.write(made, data.metrics, tmp_path / "parts/classification_expressions")
    build(tmp_path / "out", tmp_path / "parts")
    assert {path.name for path in (tmp_path / "out/figures").iterdir()} == {
        f"classification-expressions-{name}"
        for name in ("reliability.svg", "training.svg", "weights.svg", "cost.svg", "images.png")
    }
    assert all(len(one.data) > 2000 for one in of_kind(made, blocks.Figure))
    again = {one.name: one.data for one in (plots.weights(data), plots.samples(data), plots.reliability(data))}
    first = {one.name: one.data for one in of_kind(made, blocks.Figure)}
    assert again.items() <= first.items(), "drawing twice gives the same bytes"
    summary = json.loads((tmp_path / "out/metrics.json").read_text())["classification"]["expressions, top-1"]
    assert summary["back"]["test"] == round(100 * correct(few, "back").mean(), 2)
    assert summary["back"]["teacher_after"] == round(100 * correct(few, "back", "teacher_after").mean(), 2)
    page = (tmp_path / "out/report.md").read_text()
    assert "not published" in page and "No published numbers stand beside these" in page and "rendered faces" in page


def test_the_table_says_what_was_measured(section, two_seeds):
    table = table_of(section, "Test images classified rightly")
    assert "rendered faces (rendered expressions)" in table.caption and "2 seeds per student" in table.caption
    cells = {row[0].split("\n")[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert list(cells) == [*LESSONS, "teacher"]
    a, b = 100 * correct(two_seeds, "soft").mean(axis=1)
    first, second = cells["soft"]["top-1, %"].split("\n")
    assert first == f"{(a + b) / 2:.1f} ± {abs(a - b) / np.sqrt(2):.1f}"
    everybody = {variant: correct(two_seeds, variant) for variant in (*LESSONS, "teacher")}
    low, high = plain_verdicts.interval(everybody, "soft")
    assert second == f"{100 * low:.1f} to {100 * high:.1f}"
    outcome = [classify(logits(STRENGTH["soft"], seed, "soft"), np.arange(TEST) % 7) for seed in (0, 3)]
    assert cells["soft"]["NLL, nats"].split(" ")[0] == f"{np.mean([one.nll for one in outcome]):.3f}"
    assert cells["soft"]["top-5, %"].split(" ")[0] == f"{100 * np.mean([one.top5 for one in outcome]):.1f}"
    alike = agreement(logits(STRENGTH["soft"], 0, "soft"), logits(2.4, 0, "teacher")).rate
    other = agreement(logits(STRENGTH["soft"], 3, "soft"), logits(2.4, 0, "teacher")).rate
    assert cells["soft"]["agreement, %"].split(" ")[0] == f"{50 * (alike + other):.1f}"
    assert cells["teacher"]["agreement, %"] == blocks.MISSING and "±" not in cells["teacher"]["top-1, %"]


def test_controls_are_found_in_the_settings(two_seeds):
    found = {(variant, control): question for variant, control, question in contrasts(two_seeds)}
    assert {variant for variant, control in found if control == "labels"} == set(LESSONS) - {"labels"}
    taught = {"back", "back_frozen", "back_constant", "mutual"}
    assert {variant for variant, control in found if control == "soft"} == taught
    assert {control for variant, control in found if variant == "back"} == {
        *("labels", "soft", "back_frozen", "back_constant", "mutual")
    }
    assert found["back", "back_constant"] == "weighting by understanding"
    assert len(found) == 6 + 4 + 3
    # Another network is no control, nor is what differs in two settings.
    other = dataclasses.replace(two_seeds, networks=two_seeds.networks | {"labels": "large"})
    assert not any(control == "labels" for _, control, _ in contrasts(other))
    both = variants()
    both["back_frozen"]["learning"]["alpha"] = 2.0
    changed = dataclasses.replace(two_seeds, variants=both)
    assert ("back", "back_frozen") not in {pair[:2] for pair in contrasts(changed)}


def test_students_are_tested_image_by_image(section, two_seeds):
    table = table_of(section, "Top-1 against that of controls")
    assert "13 comparisons" in table.caption
    pairs = [pair[:2] for pair in contrasts(two_seeds)]
    everybody = {variant: correct(two_seeds, variant) for variant in (*LESSONS, "teacher")}
    found = [plain_verdicts.difference(everybody, a, b) for a, b in pairs]
    primary = [b == "labels" and a != "peers" for a, b in pairs]
    _, verdicts = plain_verdicts.judged(found, primary)
    for row, (a, b), one, verdict, named in zip(table.rows, pairs, found, verdicts, primary, strict=True):
        cells = dict(zip(table.header, row, strict=True))
        assert (cells["Student"], cells["against"]) == (a, b)
        value, shown, between, said, *power = cells["top-1, points"].replace("−", "-").split("\n")
        assert value == f"{100 * one.difference:+.1f}" and said.startswith("p ")
        assert between == f"{100 * one.low:+.1f} to {100 * one.high:+.1f}"
        assert shown == verdict and said.endswith(", primary") == named
        assert bool(power) == (verdict == "not distinguishable")
    assert {"better", "not distinguishable"} <= set(verdicts), "the test sees both"
    assert set(table.marks.values()) == set(verdicts) - {"not distinguishable"}


def test_the_teacher_stands_before_and_after(section, measured, two_seeds):
    table = table_of(section, "The teacher as it was pretrained")
    assert [row[0] for row in table.rows] == ["before", "after back", "after back_constant", "after mutual"]
    row = dict(zip(table.header, table.rows[1], strict=True))
    expected = 100 * correct(two_seeds, "back", "teacher_after").mean()
    assert row["top-1, %"].startswith(f"{expected:.1f}") and "\none seed\n" in row["top-1 against before"]
    assert row["top-1 against before"].split()[0] == f"−{100 * correct(two_seeds, 'teacher').mean() - expected:.1f}"
    said = " ".join(sentences_of(measured))
    assert f"{100 * correct(two_seeds, 'teacher').mean():.1f} % before" in said


def test_a_teacher_at_chance_is_the_first_finding(measured):
    assert sentences_of(measured)[0].startswith("The teacher is right on")
    data, numbers = measured
    right = np.arange(TEST) % 7 == 0  # one class is always said
    where = Place("top1", "expressions", "test"), "teacher"
    outcome = dataclasses.replace(data.outcomes[where], values=right[None])
    guessed = dataclasses.replace(data, outcomes=data.outcomes | {where: outcome})
    first = sentences_of((guessed, numbers))[0]
    low, high = (100 * end for end in plain_verdicts.interval({"teacher": right[None]}, "teacher"))
    assert first.startswith(f"The teacher cannot be told from guessing: right on {100 * right.mean():.1f} % of")
    assert f"(95 % interval {low:.1f} to {high:.1f}), where guessing gives 14.3 %" in first


def test_findings_say_a_null_result_as_one(measured, tmp_path):
    said = " ".join(sentences_of(measured))
    assert "by chance 14.3 %" in said and "Against labels" in said and "all beside" not in said
    assert "could be shown" not in said.split("Against labels")[1].split("Against soft")[0]
    assert "No gain from the teacher over soft could be shown here" in said
    assert "What each part of back adds, against its controls: back_frozen +" in said
    flat = dict.fromkeys(STRENGTH, 1.5)
    names = ("labels", "back", "back_constant")
    inputs = write_results(tmp_path / "flat", names, strength=flat, changes=())
    said = " ".join(sentences_of(classification.measure(inputs)))
    assert "No gain from the teacher over labels could be shown here" in said
    assert "That feedback helps the student could not be shown here" in said


def test_without_controls_nothing_is_compared(tmp_path, undrawn):
    inputs = write_results(tmp_path, names=("back",), changes=())
    data, numbers = classification.measure(inputs)
    titles = [block.title for block in of_kind(classification.section(data, numbers), blocks.Section)]
    assert "Is the difference real?" not in titles and "Findings" in titles
    assert "none of its controls was trained" in " ".join(sentences_of((data, numbers)))


def test_compute_is_in_multiples_of_the_supervised_student(section):
    table = table_of(section, "Training: multiply-adds")
    cells = {row[0]: row[table.header.index("training")] for row in table.rows}
    assert cells["labels"] == "1.00 ×" and cells["soft"] == "1.50 ×" and cells["back"] == "4.00 ×"
    assert cells["teacher"] == "9.00 T"


def test_curves_are_of_the_first_student_and_of_the_teacher():
    table = pd.DataFrame(
        {
            "stage": ["forward", "feedback"], "epoch": [1, 2], "learning_rate": 0.1, "total": [9.0, 9.0],
            "student_1_cross_entropy": [1.0, 2.0], "student_1_forward": [0.5, 0.25], "student_2_forward": [7.0, 7.0],
            "teacher_cross_entropy": [np.nan, 3.0], "teacher_feedback": [np.nan, 4.0], "weight_mean": [np.nan, 0.5],
        }
    )  # fmt: skip
    found = plots.curves(table)
    assert found["student, labels"].tolist() == [1.0, 2.0]
    assert found["student, what it is taught"].tolist() == [0.5, 0.25]
    assert np.isnan(found["teacher, labels"][0]) and found["teacher, what it is taught"][1] == 4.0
    assert len(found.columns) == 4
    renamed = {"student_1_cross_entropy": "branches", "student_1_forward": "ensemble"}
    single = plots.curves(table.rename(columns=renamed))
    assert single["student, labels"].tolist() == [1.5, 2.25]


def test_bins_of_seeds_are_pooled_by_how_full_they_are():
    first = pd.DataFrame({"low": [0.0, 0.5], "count": [0, 1], "confidence": [np.nan, 0.6], "accuracy": [np.nan, 1.0]})
    second = pd.DataFrame({"low": [0.0, 0.5], "count": [2, 3], "confidence": [0.4, 0.8], "accuracy": [0.5, 0.0]})
    found = plots.pooled([first, second])
    assert found["count"].tolist() == [2, 4]
    assert found["accuracy"].tolist() == [0.5, 0.25] and found["confidence"].tolist() == pytest.approx([0.4, 0.75])


def edit(path: Path, change) -> None:
    table = pd.read_csv(path, keep_default_na=False)
    change(table).to_csv(path, index=False)


def set_cell(column, value, row=0):
    def change(table):
        table[column] = table[column].astype(object)
        table.loc[row, column] = value
        return table

    return change


def rewrite(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda r: (r.evaluations / "back/0/metrics.csv").unlink(), "back/0/metrics.csv: no such file"),
        (lambda r: edit(r.evaluations / "back/0/metrics.csv", set_cell("variant", "kd")), "variant is kd"),
        (lambda r: edit(r.evaluations / "back/0/metrics.csv", lambda t: t[t["metric"] != "kl"]), "0 rows of kl for expressions at test"),
        (lambda r: edit(r.evaluations / "back/0/metrics.csv", set_cell("condition", "before")), "condition is before"),
        (lambda r: edit(r.evaluations / "back/0/metrics.csv", set_cell("value", 0.123)), "the mean top1 of test is .*as in metrics"),
        (lambda r: edit(r.evaluations / "back/0/pictures.csv", lambda t: t.iloc[1:]), "the images and labels of test are not those"),
        (lambda r: edit(r.evaluations / "back/0/pictures.csv", set_cell("image", 22)), "each once"),
        (lambda r: edit(r.evaluations / "back/0/pictures.csv", set_cell("label", 6)), "the images and labels of test are not those"),
        (lambda r: edit(r.evaluations / "back/0/pictures.csv", set_cell("correct", 9)), "not whether predicted is label"),
        (lambda r: edit(r.evaluations / "back/0/reliability.csv", lambda t: t.assign(count=0)), "no whole bins"),
        (lambda r: edit(r.evaluations / "back/0/reliability.csv", lambda t: t.assign(accuracy=0.5)), "as in metrics.csv"),
        (lambda r: rewrite(r.evaluations / "back/0/run.json", trained_with={"work": []}), "work is 0"),
        (lambda r: rewrite(r.evaluations / "back/0/run.json", trained_with={}), "has no work"),
        (lambda r: rewrite(r.evaluations / "back/0/run.json", classes=NAMES[::-1]), "classes is .* as in the other files"),
        (lambda r: rewrite(r.evaluations / "back/0/run.json", data={"name": "x"}), "expected name, rendered and images"),
        (lambda r: edit(r.losses / "back/0/losses.csv", set_cell("epoch", 2)), "epochs of forward are not 1 to 3"),
        (lambda r: edit(r.losses / "back/0/losses.csv", lambda t: t.drop(columns="stage")), "no column stage"),
        (lambda r: edit(r.efficiency, lambda t: t[t["network"] != "student"]), "no row for student"),
        (lambda r: edit(r.data / "classes.csv", set_cell("name", "bored")), "classes are not those of the evaluations"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(few, damage, message):
    damage(few)
    with pytest.raises(InputError, match=message) as refused:
        classification.measure(few)
    assert "\n" not in str(refused.value)


def test_the_step_finds_the_network_of_each_variant(few, tmp_path, undrawn, monkeypatch):
    from pipeline.params.classification_networks import CifarResNet
    from pipeline.tasks.classification.params.group import ClassEvaluation, ClassVariant

    taken = []
    monkeypatch.setattr(classification, "write", lambda inputs, folder: taken.append(inputs))
    wide = CifarResNet(architecture="cifar_resnet", depth=8, stem_width=4, widths=[8, 8, 8])
    made = {name: validate(ClassVariant, {"learning": LESSONS[name]}, name) for name in ("labels", "back")}
    made["back"] = made["back"].model_copy(update={"network": wide})
    places = {name: getattr(few, name) for name in ("evaluations", "losses", "efficiency", "data")}
    settings = {"teacher_seed": 0, "seeds": [0], "baselines": {"labels": made["labels"]}}
    settings |= {"students": {"back": made["back"]}}
    settings |= {
        "networks": {"wide": wide},
        "evaluation": ClassEvaluation(batch_size=1, sample_images=3, equivalence_margin=2.0),
    }
    settings |= {"equivalence_margin": 2.0}
    classification_report.run(settings, set="expressions", out=tmp_path, **places)
    (inputs,) = taken
    assert inputs.networks == {"labels": "student", "back": "wide"}
    assert inputs.variants["back"]["learning"]["beta"] == 1.0, "defaults are filled in"
    assert inputs.all == {"labels": [0], "back": [0], "teacher": [0]}


def test_what_was_left_out_is_said(measured):
    data, _ = measured
    left = dataclasses.replace(data, remarks=remark("files left out", ["a.heic"]))
    assert any(text.endswith("came upon: 1 files left out (a.heic).") for text in words.introduction(left))
    assert not any("came upon" in text for text in words.introduction(data))
