"""The photo-sketch section: what it says is what was measured, and runs that failed are in no mean."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from pipeline.data.remarks import remark
from pipeline.errors import InputError
from pipeline.report import blocks, sections
from pipeline.report import pictures as report_pictures
from pipeline.report.build import build
from pipeline.report.numbers import Place
from pipeline.tasks.synthesis import health
from pipeline.tasks.synthesis.params.variants import SynthesisVariant
from pipeline.tasks.synthesis.report import figures as plots
from pipeline.tasks.synthesis.report import findings as synthesis_findings
from pipeline.tasks.synthesis.report import section as synthesis
from pipeline.tasks.synthesis.report.contrasts import contrasts, control, controls_of, telling
from pipeline.tasks.synthesis.report.figures import curve
from pipeline.tasks.synthesis.report.results import Inputs, Judged
from pipeline.tasks.synthesis.steps import report as synthesis_report
from tests.helpers import plain_verdicts
from tests.helpers.fake_results import of_kind
from tests.helpers.fake_synthesis import COLLAPSED, DIRECTIONS, NAME, SETTINGS, VARIANTS, write_results
from tests.helpers.report_tables import change_run, change_samples, change_table, table_of

FAILED = {("kd_plus", 3): {"photo_to_sketch": [COLLAPSED]}}
SKETCH, PHOTO = DIRECTIONS


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory) -> Inputs:
    return write_results(tmp_path_factory.mktemp("two"), seeds=(0, 3), failed=FAILED)


@pytest.fixture(scope="module")
def measured(two_seeds):
    return synthesis.measure(two_seeds)


@pytest.fixture(scope="module")
def section(measured) -> blocks.Section:
    return synthesis.section(*measured)


@pytest.fixture(scope="module")
def small_results(tmp_path_factory) -> Inputs:
    few = {name: VARIANTS[name] for name in ("reconstruction", "kd")}
    return write_results(tmp_path_factory.mktemp("small"), few, count=6, nlda_train=3)


@pytest.fixture
def two_students(small_results, tmp_path) -> Inputs:
    """Few results that a test may damage."""
    root = small_results.efficiency.parent
    shutil.copytree(root, tmp_path / "results")
    places = ("evaluations", "losses", "teacher_losses", "efficiency")
    moved = {name: tmp_path / "results" / getattr(small_results, name).relative_to(root) for name in places}
    return dataclasses.replace(small_results, **moved)


def cells_of(table: blocks.Table) -> dict[str, dict[str, str]]:
    return {row[0].split("\n")[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}


def per_picture(inputs: Inputs, variant: str, direction: str, measure: str) -> np.ndarray:
    """(sound seeds, pictures) straight from the files."""
    values = []
    for path in sorted((inputs.evaluations / variant).iterdir()):
        if not json.loads((path / "run.json").read_text())["health"][direction]["symptoms"]:
            table = pd.read_csv(path / "pictures.csv")
            values.append(table[table["direction"] == direction].sort_values("picture")[measure])
    return np.array(values)


def overall(inputs: Inputs, variant: str, direction: str, metric: str) -> np.ndarray:
    tables = [pd.read_csv(path / "metrics.csv") for path in sorted((inputs.evaluations / variant).iterdir())]
    return np.array([t["value"][(t["protocol"] == direction) & (t["metric"] == metric)].item() for t in tables])


def findings(measured, direction: str) -> str:
    return " ".join(synthesis_findings.made(*measured, direction))


def test_the_page_has_every_figure_and_number(two_seeds, measured, section, tmp_path):
    sections.write(section, measured[0].metrics, tmp_path / "parts/synthesis_rendered")
    build(tmp_path / "out", tmp_path / "parts")
    assert {path.name for path in (tmp_path / "out/figures").iterdir()} == {
        "synthesis-rendered-recognition.svg",
        "synthesis-rendered-pictures-photo-to-sketch.png",
        "synthesis-rendered-pictures-sketch-to-photo.png",
        "synthesis-rendered-training-photo-to-sketch.svg",
        "synthesis-rendered-training-sketch-to-photo.svg",
        "synthesis-rendered-training-teachers.svg",
    }
    summary = json.loads((tmp_path / "out/metrics.json").read_text())["synthesis"]
    kd = 100 * per_picture(two_seeds, "kd", SKETCH, "fsim").mean()
    assert summary["photo_to_sketch, FSIM"]["kd"] == {"rendered": pytest.approx(kd, abs=0.006)}
    # A failed run keeps its rows, apart from those of the others.
    kd_plus = 100 * per_picture(two_seeds, "kd_plus", SKETCH, "fsim").mean()
    assert set(summary["photo_to_sketch, FSIM"]["kd_plus"]) == {"rendered", "rendered, failed"}
    assert summary["photo_to_sketch, FSIM"]["kd_plus"]["rendered"] == pytest.approx(kd_plus, abs=0.006)
    assert set(summary["sketch_to_photo, FSIM"]["kd_plus"]) == {"rendered"}
    written = [pd.read_csv(path) for path in two_seeds.evaluations.rglob("metrics.csv")]
    assert len(measured[0].metrics) == sum(map(len, written))


def test_drawing_twice_gives_the_same_bytes(section, measured):
    first = {one.name: one.data for one in of_kind(section, blocks.Figure)}
    assert len(first) == 6 and all(len(data) > 5000 for data in first.values())
    again = [plots.rows(measured[0], SKETCH), plots.recognition(measured[0])]
    assert all(first[one.name] == one.data for one in again)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_quality_table_says_what_was_measured(section, two_seeds, direction):
    said = direction.replace("_", " ").capitalize()
    table = table_of(section, f"{said}, likeness to the true")
    cells = cells_of(table)
    assert list(cells) == ["copy", *VARIANTS] and table.rules == (1,)
    assert "12 to test on" in table.caption and "2 seeds per variant" in table.caption
    for measure, column, digits in (("ssim", "SSIM", 3), ("fsim", "FSIM", 3), ("difference", "Grey levels apart", 1)):
        values = per_picture(two_seeds, "kd", direction, measure)
        a, b = values.mean(axis=1)
        first, second = cells["kd"][column].split("\n")
        assert first == f"{(a + b) / 2:.{digits}f} ± {abs(a - b) / np.sqrt(2):.{digits}f}"
        everybody = {variant: per_picture(two_seeds, variant, direction, measure) for variant in ("copy", *VARIANTS)}
        low, high = plain_verdicts.interval(everybody, "kd")
        assert second == f"{low:.{digits}f} to {high:.{digits}f}"
    assert "±" not in cells["copy"]["SSIM"]
    distance = overall(two_seeds, "kd", direction, "frechet_recognition_teacher")
    assert cells["kd"]["Frechet, N\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}12"].split("\n")[0] == f"{distance.mean():.3f}"
    for metric, column in (("nlda_all_dimensions", "NLDA rank-1, %"), ("nlda_best_dimension", "NLDA best, %")):
        assert cells["kd"][column].startswith(f"{100 * overall(two_seeds, 'kd', direction, metric).mean():.1f}")
    assert ("Verified, %" in table.header) == (direction == PHOTO)
    if direction == PHOTO:
        accuracy = 100 * overall(two_seeds, "kd", direction, "accuracy").mean()
        assert cells["kd"]["Verified, %"].startswith(f"{accuracy:.1f} ± ")


def test_people_whom_no_split_tests_are_in_no_interval(measured, two_seeds):
    people = per_picture(two_seeds, "kd", SKETCH, "nlda")
    assert np.isnan(people[:, 3]).all()
    everybody = {variant: per_picture(two_seeds, variant, SKETCH, "nlda") for variant in ("copy", *VARIANTS)}
    tested = {variant: np.delete(values, 3, axis=1) for variant, values in everybody.items()}
    expected = plain_verdicts.interval(tested, "kd")
    row = measured[1].at(Place("nlda_all_dimensions", SKETCH), "kd")
    assert (row["low"], row["high"]) == pytest.approx([100 * end for end in expected])


def test_a_failed_seed_is_in_no_mean_and_no_test(section, measured, two_seeds):
    data, numbers = measured
    values = per_picture(two_seeds, "kd_plus", SKETCH, "ssim")
    assert values.shape == (1, 12)
    cells = cells_of(table_of(section, "Photo to sketch, likeness"))["kd_plus"]
    assert cells["Made by"].endswith("\n1 of 2 seeds, 1 collapsed")
    assert cells["SSIM"].startswith(f"{values.mean():.3f}\n")
    everybody = {variant: per_picture(two_seeds, variant, SKETCH, "ssim") for variant in VARIANTS}
    gain = plain_verdicts.difference(everybody, "kd_plus", "reconstruction")
    row = numbers.gain(Place("ssim", SKETCH), "kd_plus", "reconstruction")
    assert (row["difference"], row["p_value"]) == pytest.approx((gain.difference, gain.p_value))
    assert row["verdict"] == "one seed", "one of two is left"
    # The other direction of the same run is sound.
    assert "of 2 seeds" not in cells_of(table_of(section, "Sketch to photo, likeness"))["kd_plus"]["Made by"]
    assert "Of 2 seeds of kd_plus, 1 collapsed" in findings(measured, SKETCH)
    assert "collapsed" not in findings(measured, PHOTO)
    failures = synthesis_findings.failures(data)
    assert len(failures) == 1 and failures[0].startswith(f"kd_plus, seed 3, photo to sketch: {COLLAPSED}")


def test_nothing_is_said_of_a_variant_without_a_sound_run(tmp_path, undrawn):
    failed = {("kd", seed): {SKETCH: [COLLAPSED]} for seed in (0, 1)}
    few = {name: VARIANTS[name] for name in ("reconstruction", "kd", "kd_no_mutual")}
    measured = synthesis.measure(write_results(tmp_path, few, seeds=(0, 1), count=6, failed=failed))
    section = synthesis.section(*measured)
    cells = cells_of(table_of(section, "Photo to sketch, likeness"))["kd"]
    assert cells["Made by"].endswith("\n0 of 2 seeds, 2 collapsed")
    assert set(list(cells.values())[1:]) == {blocks.MISSING}
    assert "Of 2 seeds of kd, 2 collapsed: its row is empty" in findings(measured, SKETCH)
    assert "What the mutual term adds" not in findings(measured, SKETCH)
    assert "What the mutual term adds, kd against kd_no_mutual" in findings(measured, PHOTO)
    tested = cells_of(table_of(section, "Photo to sketch, SSIM and FSIM against"))["kd"]
    assert set(list(tested.values())[1:]) == {blocks.MISSING}


def test_without_a_sound_control_it_is_said(tmp_path, undrawn):
    few = {name: VARIANTS[name] for name in ("reconstruction", "kd")}
    failed = {(name, 0): {direction: [COLLAPSED] for direction in DIRECTIONS} for name in few}
    del failed["kd", 0][PHOTO]
    measured = synthesis.measure(write_results(tmp_path, few, count=6, failed=failed))
    assert "reconstruction, the control, has no sound run here (1 collapsed)" in findings(measured, PHOTO)
    assert "No variant has a sound run left" in findings(measured, SKETCH)
    synthesis.section(*measured)


def test_who_is_far_from_the_control_has_failed(two_students, undrawn):
    folder = two_students.evaluations / "kd/0"
    control_value = per_picture(two_students, "reconstruction", SKETCH, "difference").mean()
    kd = per_picture(two_students, "kd", SKETCH, "difference").mean()
    factor = 1.6 * control_value / kd
    for name, column, key in (("pictures.csv", "difference", "direction"), ("metrics.csv", "value", "protocol")):
        table = pd.read_csv(folder / name, keep_default_na=False)
        chosen = (table[key] == SKETCH) & (table.get("metric", "difference") == "difference")
        table[column] = table[column].astype(float).mask(chosen, table[column].astype(float) * factor)
        table.to_csv(folder / name, index=False)
    data, numbers = synthesis.measure(two_students)
    (said,) = data.judged[SKETCH, "kd"].symptoms[0]
    assert said.startswith("On test pictures the mean absolute difference is 1.6 times")
    assert numbers.at(Place("ssim", SKETCH), "kd") is None and numbers.at(Place("ssim", PHOTO), "kd") is not None
    made = np.random.default_rng(0).integers(0, 255, (4, 6, 6, 1)).astype(float)
    losses = pd.DataFrame({"total": [1.0]})
    (theirs,) = health.symptoms(losses, SKETCH, made, made + 16, control=made + 6)
    assert health.far_from_control(16.0, 10.0) == [theirs] and health.far_from_control(14.9, 10.0) == []


def test_every_symptom_has_its_word():
    generator = np.random.default_rng(0)
    true = generator.integers(0, 255, (6, 8, 8, 1)).astype(np.uint8)
    flat = np.full_like(true, 7)
    good = pd.DataFrame({"total": [1.0, 0.5], f"{SKETCH}_reconstruction": [1.0, 0.5]})
    cases = {
        "diverged": (good.assign(total=[1.0, np.nan]), true),
        "collapsed": (good, flat),
        "lost to its discriminator": (good.assign(**{f"{SKETCH}_real": 1e-4, f"{SKETCH}_made": 1e-4}), true),
        "drifted away": (good.assign(**{f"{SKETCH}_reconstruction": [0.1, 0.9]}), true),
    }
    for word, (losses, made) in cases.items():
        assert health.fate(health.symptoms(losses, SKETCH, made, true)) == word
    assert health.fate(health.symptoms(good, SKETCH, np.full(true.shape, np.nan), true)) == "diverged"
    assert health.fate(health.far_from_control(9.0, 1.0)) == "failed"
    judged = Judged(((COLLAPSED,), (), ("It diverged.",), (COLLAPSED,)), np.ones(4), [], [])
    assert judged.fates == "2 collapsed and 1 diverged" and judged.kept == "1 of 4 seeds, 2 collapsed and 1 diverged"
    assert dataclasses.replace(judged, symptoms=((),)).fates == ""


def test_comparisons_are_one_family_a_direction(section, measured, two_seeds):
    numbers = measured[1]
    table = table_of(section, "Sketch to photo, SSIM and FSIM against")
    wanted = [("copy", name) for name in VARIANTS] + [("reconstruction", name) for name in list(VARIANTS)[1:]]
    wanted += [("pix2pix", "kd_plus"), ("kd", "kt"), ("kd_no_mutual", "kd"), ("kd", "kd_plus")]
    assert numbers.tests(protocol=PHOTO) == 2 * len(wanted) and f"{2 * len(wanted)} comparisons" in table.caption
    keys = [(measure, *pair) for measure in ("ssim", "fsim") for pair in wanted]
    found = []
    for measure, against, variant in keys:
        trained = {name: per_picture(two_seeds, name, PHOTO, measure) for name in VARIANTS}
        floor = per_picture(two_seeds, "copy", PHOTO, measure)[0]
        if against == "copy":
            found.append(plain_verdicts.over_floor(trained, variant, floor))
        else:
            found.append(plain_verdicts.difference(trained, variant, against))
    primary = [key[:2] == ("ssim", "reconstruction") and key[2] != "pix2pix" for key in keys]
    adjusted, verdicts = plain_verdicts.judged(found, primary)
    for (measure, against, variant), one, p, verdict in zip(keys, found, adjusted, verdicts, strict=True):
        row = numbers.gain(Place(measure, PHOTO), variant, against)
        assert (row["difference"], row["adjusted"]) == pytest.approx((one.difference, p))
        assert row["verdict"] == verdict
    assert [bool(row) for row in numbers.compared(protocol=PHOTO)["primary"]] == primary
    row = numbers.gain(Place("fsim", PHOTO), "kt", "reconstruction")
    shown = cells_of(table)["kt"]["FSIM against reconstruction"].split("\n")
    assert shown[:2] == [f"{row['difference']:+.3f}", row["verdict"]]
    assert table.marks[2, "FSIM against reconstruction"] == "better"
    assert [block.header[1:] for block in of_kind(section, blocks.Table) if "equal but for" in block.caption] == [
        ["SSIM", "FSIM"]
    ] * 2


def test_contrasts_come_from_settings():
    renamed = dict(zip("abcdef", VARIANTS.values(), strict=True))
    assert control(renamed) == "a" and controls_of(renamed, "b") == ["f"] and controls_of(renamed, "d") == []
    found = {(one.more, one.less): one.question for one in contrasts(renamed)}
    assert found == {
        ("b", "a"): "What the discriminator adds",
        ("c", "a"): "What the two teachers and the mutual term add",
        ("d", "a"): "What the teacher and the mutual term add",
        ("e", "a"): "What the teacher adds",
        ("f", "b"): "What the teacher and the mutual term add",
        ("c", "d"): "Two teachers instead of one",
        ("d", "e"): "What the mutual term adds",
        ("f", "d"): "What the discriminator adds",
    }
    # What every table compares with the control already is not said twice, but for the teacher alone.
    assert [(one.more, one.less) for one in telling(renamed)] == [
        ("e", "a"), ("f", "b"), ("c", "d"), ("d", "e"), ("f", "d"),
    ]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), [
    ({"transfer": 20.0}, ("transfer = 20 instead of 10", "other", "kd")),
    ({"transfer": 5.0}, ("transfer = 10 instead of 5", "kd", "other")),
    ({"taps": [1]}, ("taps = [1] instead of [1, 2]", "other", "kd")),
    ({"transfer": 5.0, "taps": [1]}, None),
    ({"mutual": 0.0, "transfer": 5.0}, None),
    ({"mutual": 0.0, "adversarial": 1.0}, None),
    ({"mutual": 0.0, "transfer": None, "teachers": None, "adversarial": 1.0, "taps": []}, None),
    ({"description": "x"}, None),
])  # fmt: skip
def test_one_change_makes_a_contrast(changes, expected):
    found = contrasts({"kd": VARIANTS["kd"], "other": VARIANTS["kd"] | changes})
    assert [(one.question, one.more, one.less) for one in found] == ([expected] if expected else [])


def test_findings_follow_the_numbers(two_seeds, measured):
    text = findings(measured, PHOTO)
    levels = {name: per_picture(two_seeds, name, PHOTO, "ssim").mean() for name in ("copy", *VARIANTS)}
    students = [levels[name] for name in VARIANTS]
    assert f"reaches SSIM {levels['copy']:.3f}, variants {min(students):.3f} to {max(students):.3f}" in text
    gain = levels["kd"] - levels["kd_no_mutual"]
    assert f"What the mutual term adds, kd against kd_no_mutual: SSIM {gain:+.3f} (95 % interval" in text
    best = max(VARIANTS, key=lambda name: levels[name] - levels["reconstruction"])
    assert f"highest {best} {levels[best] - levels['reconstruction']:+.3f}" in text
    rank1 = {name: overall(two_seeds, name, PHOTO, "nlda_all_dimensions").mean() for name in ("copy", *VARIANTS)}
    leader = max(VARIANTS, key=rank1.get)
    assert f"{leader} recognises {100 * rank1[leader]:.1f} % by NLDA, copy {100 * rank1['copy']:.1f} %" in text


def test_null_results_are_said_plainly(tmp_path, undrawn):
    few = {name: VARIANTS[name] for name in ("reconstruction", "kd_no_mutual", "kd")}
    alike = dict.fromkeys(("copy", *few), (0.4, 2.0))
    measured = synthesis.measure(write_results(tmp_path, few, strength=alike, seeds=(0, 1, 2), count=5, nlda_train=2))
    text = findings(measured, SKETCH)
    assert "That any variant beats reconstruction could not be shown here." in text
    assert "No gain could be shown." in text and "not distinguishable" in text
    assert "would have been found in 80 of 100 repetitions" in text
    assert "Not distinguishable is not equal" in blocks.markdown(synthesis.section(*measured))


def test_the_recognition_curve_is_a_mean_over_splits_and_sound_seeds(measured, two_seeds):
    tables = [
        pd.read_csv(two_seeds.evaluations / "kd" / seed / "dimensions.csv").query(f"direction == '{SKETCH}'")
        for seed in ("0", "3")
    ]
    expected = [np.mean([t["rank1"][t["dimension"] == d].mean() for t in tables]) for d in range(1, 6)]
    assert np.allclose(curve(measured[0].judged[SKETCH, "kd"]), expected)
    rows = [(0, 1, 0.2), (0, 2, 0.4), (0, 3, 0.9), (1, 1, 0.6), (2, 0, 0.0)]
    table = pd.DataFrame(rows, columns=["split", "dimension", "rank1"])
    short = Judged(((), ("It diverged.",)), np.ones(2), [table, table.assign(rank1=1.0)], [])
    assert curve(short).to_dict() == pytest.approx({1: 0.8 / 3, 2: 1.0 / 3, 3: 1.5 / 3})


def test_training_shows_a_direction_at_a_time():
    losses = pd.DataFrame(
        {
            "epoch": [1, 2],
            "learning_rate": 0.1,
            "photo_to_sketch_real": [0.2, 0.1],
            "photo_to_sketch_made": [0.2, 0.1],
            "photo_to_sketch_reconstruction": [4.0, 2.0],
            "photo_to_sketch_adversarial": [1.0, np.inf],
            "sketch_to_photo_reconstruction": [7.0, 5.0],
            "total": [12.4, np.inf],
        }
    )
    table = plots.of_direction(losses, SKETCH)
    assert table["total"].iloc[0] == 5.0 and np.isnan(table["total"].iloc[1])
    assert list(table.columns[2:-1]) == ["reconstruction", "transfer", "mutual", "adversarial", "real", "made"]
    assert table["transfer"].tolist() == [0.0, 0.0] and table["real"].tolist() == [0.2, 0.1]
    assert plots.of_direction(losses, PHOTO)["total"].tolist() == [7.0, 5.0]


def test_many_variants_stand_in_bands():
    assert report_pictures.bands([str(i) for i in range(6)], beside=2) == [[str(i) for i in range(6)]]
    assert report_pictures.bands([str(i) for i in range(7)], beside=2) == [["0", "1", "2", "3"], ["4", "5", "6"]]
    assert report_pictures.bands([], beside=2) == [[]]


def test_pictures_stand_where_they_belong(measured, monkeypatch):
    seen = []
    axes = report_pictures.figures.picture_axes

    def picture_axes(mosaic, **where):
        seen.append(mosaic)
        return axes(mosaic, **where)

    monkeypatch.setattr(report_pictures.figures, "picture_axes", picture_axes)
    monkeypatch.setattr(report_pictures.figures, "png", lambda figure: figure)
    monkeypatch.setattr(report_pictures, "COLUMNS", 5)
    figure = plots.rows(measured[0], PHOTO).data
    (canvas,), (axis,) = seen, figure.axes
    middle = canvas.shape[0] / 2
    texts = {(text.get_text(), text.get_position()[1] > middle): text.get_position() for text in axis.texts}
    sample, times = measured[0].samples[PHOTO][0], 10  # 1600 pixels for 5 pictures of 32
    for name, lower, expected in (
        ("sketch", False, sample.shared["given"]),
        ("true photo", True, sample.shared["true"]),
        ("reconstruction", False, sample.made["reconstruction"]),
        ("kd_plus", True, sample.made["kd_plus"]),
    ):
        x, y = texts[name, lower]
        left, top = round(x - 32 * times / 2), round(y) + 8
        shown = canvas[top : top + 32 * times : times, left : left + 32 * times : times]
        assert np.array_equal(shown, expected), name
    values = [per_picture(measured[0].inputs, "kt", PHOTO, name)[0, 0] for name in ("ssim", "fsim")]
    assert " / ".join(f"{value:.2f}" for value in values) in [text.get_text() for text in axis.texts]


def test_every_caption_says_what_the_data_are(section):
    for block in of_kind(section, blocks.Table | blocks.Figure):
        assert f"Data: {NAME}, 200 pairs to train and 12 to test on." in block.caption
    text = blocks.markdown(section)
    assert "drawn by a program" in text and "After KT" in text and r"\[ours\]" in text
    assert "are not openly available" in text


def test_real_pairs_are_never_called_rendered(small_results, tmp_path, undrawn):
    shutil.copytree(small_results.efficiency.parent, tmp_path / "r")
    for path in (tmp_path / "r").rglob("*"):
        if path.suffix in (".csv", ".json"):
            path.write_text(path.read_text().replace(NAME, "CUFS").replace('"rendered": true', '"rendered": false'))
    places = {name: tmp_path / "r" / name for name in ("evaluations", "losses", "teacher_losses")}
    inputs = dataclasses.replace(small_results, **places, efficiency=tmp_path / "r/efficiency.csv", collection="cufs")
    text = blocks.markdown(synthesis.section(*synthesis.measure(inputs)))
    assert "rendered" not in text and "drawn by a program" not in text and "Data: CUFS, 200 pairs" in text


def test_with_too_few_people_the_rest_stands(tmp_path, undrawn):
    few = {"reconstruction": VARIANTS["reconstruction"]}
    data, numbers = synthesis.measure(write_results(tmp_path, few, count=3 + 1, nlda_train=0, face_pairs=0))
    section = synthesis.section(data, numbers)
    titles = [block.title for block in section.blocks if block.kind == "section"]
    assert "Recognition by dimension" not in titles and "Pictures" in titles and data.pairs == 0
    table = table_of(section, "Sketch to photo, likeness")
    assert table.header[1:4] == ["SSIM", "FSIM", "Grey levels apart"] and len(table.header) == 5
    assert "NLDA" not in table.caption


def test_teachers_that_were_not_trained_here_are_said_to_be_so(two_students, undrawn):
    path = two_students.teacher_losses / "both/losses.csv"
    path.write_text("epoch,learning_rate,total\n")
    data, numbers = synthesis.measure(two_students)
    text = blocks.markdown(synthesis.section(data, numbers))
    assert "of photos and drawings (as published, not trained here)" in text and "of photos (5 epochs)" in text
    teachers = plots.training(data)[-1]
    assert "teacher of drawings" in teachers.alt and "photos and drawings" not in teachers.alt


def test_what_the_settings_no_longer_name_is_ignored(two_students, undrawn):
    (two_students.evaluations / "kd/0/metrics.csv").write_text("damaged")
    (two_students.evaluations / "reconstruction/7").mkdir()
    (two_students.evaluations / "reconstruction/7/run.json").write_text("damaged")
    (two_students.teacher_losses / "both/losses.csv").write_text("damaged")
    few = {"reconstruction": VARIANTS["reconstruction"]}
    inputs = dataclasses.replace(two_students, variants=few, domains=["photos"])
    data, numbers = synthesis.measure(inputs)
    assert set(data.metrics["variant"]) == {"copy", "reconstruction"}
    assert not telling(data.inputs.variants) and "kd" not in blocks.markdown(synthesis.section(data, numbers)).replace(
        "_kd", ""
    )


def test_without_variants_the_floor_stands_alone(two_students, undrawn):
    inputs = dataclasses.replace(two_students, variants={}, domains=[])
    section = synthesis.section(*synthesis.measure(inputs))
    assert [block.title for block in section.blocks if block.kind == "section"] == [
        "Findings", "Likeness and recognition", "Recognition by dimension", "Pictures", "Made with",
    ]  # fmt: skip


FILES = [
    "evaluations/kd/0/metrics.csv",
    "evaluations/kd/0/pictures.csv",
    "evaluations/kd/0/dimensions.csv",
    "evaluations/kd/0/scores.csv",
    "evaluations/kd/0/samples.npz",
    "evaluations/copy/0/run.json",
    "losses/kd/0/losses.csv",
    "teacher_losses/both/losses.csv",
    "efficiency.csv",
]


@pytest.mark.parametrize("damaged", [False, True], ids=["missing", "damaged"])
@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_damaged_file_is_one_line(two_students, tmp_path, name, damaged):
    path = tmp_path / "results" / name
    path.unlink()
    if damaged:
        path.write_bytes(b"PK\x03\x04 neither a table nor an archive")
    with pytest.raises(InputError) as caught:
        synthesis.write(two_students, tmp_path / "out")
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    assert not (tmp_path / "out").exists()


def change_health(key: str, value) -> callable:
    return change_run(health=lambda found: found | {SKETCH: found[SKETCH] | {key: value}})


WRONG = {
    "nan": (
        change_table("pictures.csv", lambda t: t.assign(ssim=t["ssim"].where(t.index != 2, "nan"))),
        "pictures.csv: ssim of picture 2 of photo_to_sketch is nan",
    ),
    "few": (change_table("pictures.csv", lambda t: t[1:]), "pictures.csv: 5 pictures of photo_to_sketch (expected 6"),
    "twice": (
        change_table("pictures.csv", lambda t: t.assign(picture=t["picture"].where(t.index != 1, 0))),
        "pictures.csv: 6 pictures of photo_to_sketch (expected 6, each once)",
    ),
    "names": (
        change_table("pictures.csv", lambda t: t.assign(name=t["name"] + "x")),
        "pictures.csv: the pictures of photo_to_sketch are not those of the other files",
    ),
    "stale": (
        change_table("pictures.csv", lambda t: t.assign(fsim=t["fsim"].astype(float) + 0.001)),
        "pictures.csv: the mean fsim of photo_to_sketch is",
    ),
    "tested": (
        change_table("pictures.csv", lambda t: t.assign(nlda=t["nlda"].mask(t.index == 1, ""))),
        "pictures.csv: nlda of photo_to_sketch is of 4 people, not those of the other files",
    ),
    "share": (
        change_table("pictures.csv", lambda t: t.assign(nlda=t["nlda"].mask(t.index == 1, 1.5))),
        "pictures.csv: nlda of photo_to_sketch has a share outside 0 to 1",
    ),
    "curve": (
        change_table("dimensions.csv", lambda t: t.assign(rank1=t["rank1"] / 2)),
        "dimensions.csv: rank-1 of photo_to_sketch in all dimensions is",
    ),
    "no curve": (
        change_table("dimensions.csv", lambda t: t[t["direction"] == PHOTO]),
        "dimensions.csv: 0 rows of photo_to_sketch (expected some)",
    ),
    "measure": (
        change_table("metrics.csv", lambda t: t[t["metric"] != "fsim"]),
        "metrics.csv: 0 rows of fsim for photo_to_sketch (expected 1, a number)",
    ),
    "distance": (
        change_table("metrics.csv", lambda t: t[~t["metric"].str.startswith("frechet")]),
        "metrics.csv: 0 Frechet distances for photo_to_sketch",
    ),
    "features": (
        change_table("metrics.csv", lambda t: t.replace("frechet_recognition_teacher", "frechet_inception")),
        "metrics.csv: the kind of Frechet features is inception (expected recognition_teacher",
    ),
    "number": (
        change_table("metrics.csv", lambda t: t.assign(n=t["n"].mask(t["metric"] == "ssim", 7))),
        "metrics.csv: n of ssim for photo_to_sketch is 7 (expected 6",
    ),
    "cost": (
        change_table("metrics.csv", lambda t: t[t["metric"] != "parameters"]),
        "metrics.csv: 0 rows of parameters for photo_to_sketch",
    ),
    "other cost": (
        change_table("metrics.csv", lambda t: t.assign(value=t["value"].mask(t["metric"] == "parameters", 5))),
        "metrics.csv: parameters of photo_to_sketch is 5 (expected 250000",
    ),
    "accuracy": (
        change_table("metrics.csv", lambda t: t[t["metric"] != "accuracy"]),
        "metrics.csv: 0 rows of accuracy for sketch_to_photo",
    ),
    "dataset": (
        change_table("metrics.csv", lambda t: t.assign(dataset="CUFS")),
        f"metrics.csv: dataset is CUFS (expected {NAME})",
    ),
    "pairs": (
        change_table("scores.csv", lambda t: t.assign(pair=t["pair"] + 1)),
        "scores.csv: the pairs of sketch_to_photo are not those of the other files",
    ),
    "no pairs": (change_table("scores.csv", lambda t: t[:0]), "scores.csv: no pairs, unlike the other files"),
    "size": (change_run(image_size=64), "run.json: image_size is 64 (expected 32, as in the other files)"),
    "data": (
        change_run(data={"name": "x"}),
        "run.json: data is {'name': 'x'} (expected name, rendered, train, test and sets)",
    ),
    "sets": (change_run(data=lambda d: d | {"sets": {"a": 1}}), "run.json: data has the sets {'a': 1} (expected label"),
    "counts": (change_run(data=lambda d: d | {"test": "6"}), "run.json: data has 200 and 6 pairs (expected numbers"),
    "people": (change_run(nlda=lambda found: found | {"train": 2}), "run.json: nlda is {'train': 2"),
    "health": (change_run(health={}), "run.json: health of photo_to_sketch is None (expected symptoms"),
    "symptoms": (change_health("symptoms", "ill"), "run.json: symptoms of photo_to_sketch are ill (expected a list"),
    "variety": (change_health("variety", None), "run.json: variety of photo_to_sketch is None (expected a number)"),
    "given": (
        change_samples(lambda arrays: arrays.update({f"{PHOTO}/2/given": arrays[f"{PHOTO}/2/given"] ^ 1})),
        "samples.npz: sketch_to_photo/2/given is not that of the other files",
    ),
    "shape": (
        change_samples(lambda arrays: arrays.update({f"{SKETCH}/0/made": arrays[f"{SKETCH}/0/made"][1:]})),
        "samples.npz: photo_to_sketch/0/made is (31, 32) (expected (32, 32))",
    ),
    "floats": (
        change_samples(lambda arrays: arrays.update({f"{SKETCH}/0/made": arrays[f"{SKETCH}/0/made"] / 255})),
        "samples.npz: photo_to_sketch/0/made: expected uint8 pictures",
    ),
    "gone": (
        change_samples(lambda arrays: arrays.pop(f"{SKETCH}/0/made")),
        "samples.npz: an array is missing (photo_to_sketch/0/made)",
    ),
    "fewer": (
        change_samples(lambda arrays: [arrays.pop(name) for name in list(arrays) if "photo/5/" in name]),
        "samples.npz: the samples of sketch_to_photo are not those of the other files",
    ),
    "odd": (change_samples(lambda arrays: arrays.update(face=arrays[f"{SKETCH}/0/made"])), "an array is named face"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(two_students, name):
    change, message = WRONG[name]
    change(two_students.evaluations / "kd/0")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        synthesis.measure(two_students)
    assert str(caught.value).startswith(str(two_students.evaluations / "kd/0"))


def test_the_floor_cannot_fail(two_students):
    change_health("symptoms", [COLLAPSED])(two_students.evaluations / "copy/0")
    with pytest.raises(InputError, match=r"run.json: symptoms are listed \(expected none: copy was not trained\)"):
        synthesis.measure(two_students)


def test_the_step_passes_what_the_settings_say(monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(synthesis, "write", lambda inputs, folder: seen.update(inputs=inputs, folder=folder))
    values = {
        "baselines": {"reconstruction": SETTINGS["reconstruction"]},
        "students": {"kd": SETTINGS["kd"]},
        "domains": {"both": {"seed": 0}},
        "teacher": {"architecture": "vgg19"},
        "seeds": [0, 4],
        "equivalence_margin": None,
    }
    slices = synthesis_report.SLICES
    assert set(values) == set(slices)
    settings = {name: TypeAdapter(kind).validate_python(values[name]) for name, (_, kind) in slices.items()}
    names = ("evaluations", "losses", "teacher_losses", "efficiency", "out")
    paths = {name: tmp_path / name for name in names}
    synthesis_report.run(settings, collection="cufs", **paths)
    inputs = seen["inputs"]
    assert seen["folder"] == paths["out"] and (inputs.slug, inputs.domains) == ("synthesis-cufs", ["both"])
    assert inputs.all == {"copy": [0], "reconstruction": [0, 4], "kd": [0, 4]} and inputs.control == "reconstruction"
    assert inputs.variants["kd"] == SynthesisVariant(**SETTINGS["kd"]).model_dump()
    assert (inputs.teacher_losses, inputs.architecture["architecture"]) == (paths["teacher_losses"], "vgg19")


def test_what_was_left_out_is_said(measured):
    data, _ = measured
    left = dataclasses.replace(data, remarks=remark("files left out", ["a.heic"]))
    assert any(text.endswith("came upon: 1 files left out (a.heic).") for text in synthesis_findings.introduction(left))
    assert not any("came upon" in text for text in synthesis_findings.introduction(data))
