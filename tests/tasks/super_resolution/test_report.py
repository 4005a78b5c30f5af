"""The super-resolution section: what it says is what was measured, and nothing that does not fit is taken."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw
from pydantic import TypeAdapter

from pipeline.data.patches import enlarge_bicubic, shrink
from pipeline.data.pictures import pack
from pipeline.data.remarks import remark
from pipeline.errors import InputError
from pipeline.metrics.picture_quality import psnr, ssim
from pipeline.metrics.rows import over_pictures
from pipeline.report import blocks, figures, sections, sentences
from pipeline.report.build import build
from pipeline.tasks.super_resolution.report import figures as plots
from pipeline.tasks.super_resolution.report import findings as words
from pipeline.tasks.super_resolution.report import section as super_resolution
from pipeline.tasks.super_resolution.report.figures import telling_place
from pipeline.tasks.super_resolution.report.findings import agreement
from pipeline.tasks.super_resolution.report.published import context
from pipeline.tasks.super_resolution.report.results import Inputs
from pipeline.tasks.super_resolution.steps import report as super_resolution_report
from tests.helpers import plain_verdicts
from tests.helpers.fake_results import draw_faces, judged, of_kind, write_latency, write_losses, write_tables
from tests.helpers.report_tables import change_run, change_samples, change_table, table_of

FACTOR = 4
OUTPUT = {"output": {"weight": 0.5}}
VARIANTS = {
    "scratch": {"description": "no teacher"},
    "output_kd": {"distill": OUTPUT},
    "fakd": {"distill": {**OUTPUT, "spatial_affinity": {"weight": 10.0}}},
}
READERS = {"basicnet": 1.3, "degraded_only": 2.9, "logit_kd": 3.1}
# How much of what bicubic enlargement misses is put back, and how far apart the recogniser finds faces then.
STRENGTH = {
    "bicubic": (0.0, 1.7),
    "scratch": (0.25, 2.0),
    "output_kd": (0.252, 2.1),
    "fakd": (0.29, 2.4),
    "teacher": (0.4, 2.3),
}
NETWORK = {"architecture": "rcan", "groups": 2, "blocks": 2, "width": 16, "reduction": 4, "skip": "bicubic"}


def draw_houses(count: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Walls with windows before a sky: edges and fine stripes, (100, 136, 3) uint8."""
    pictures = []
    for _ in range(count):
        image = Image.new("RGB", (400, 296), (150, 190, 230))
        pen = ImageDraw.Draw(image)
        for left in range(-20, 400, 130):
            top = int(generator.integers(30, 120))
            wall = tuple(int(value) for value in generator.integers(90, 220, 3))
            pen.rectangle((left, top, left + 120, 296), fill=wall)
            step = int(generator.integers(14, 26))
            for x, y in itertools.product(range(left + 8, left + 110, step), range(top + 8, 280, step)):
                pen.rectangle((x, y, x + step // 2, y + int(0.7 * step)), fill=(40, 50, 70))
        for x in range(0, 400, 6):
            pen.line((x, 240, x + 10, 296), fill=(230, 225, 210), width=2)
        pictures.append(np.asarray(image.resize((136, 100), Image.Resampling.LANCZOS)))
    return pictures


def enlarge(small: np.ndarray, original: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    """Bicubic enlargement with a share of what it misses put back: never a network, but as one looks."""
    result = enlarge_bicubic(small, FACTOR).astype(float)
    share = np.clip(strength * generator.normal(1, 0.15), 0, 1)
    return np.clip(np.round(result + share * (original - result)), 0, 255).astype(np.uint8)


def write_evaluation(
    folder: Path, variant: str, seed: int, sets: dict, strength: tuple, pairs: int, protocols: tuple, labels: dict
) -> None:
    """All files of one evaluation."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng([seed, *map(ord, variant)])
    rows, pictures, samples = [], [], {}
    for name, originals in sets.items():
        own = []
        for number, original in enumerate(originals):
            small = shrink(original, FACTOR)
            result = enlarge(small, original, strength[0], generator)
            own.append((name, number, psnr(result, original, FACTOR), ssim(result, original, FACTOR)))
            if number < 3:
                parts = {"result": result, "small": small, "original": original}
                samples |= {f"{name}/{number}/{kind}": array for kind, array in parts.items()}
        pictures += own
        measured = over_pictures(
            {measure: np.array([row[place] for row in own]) for place, measure in ((2, "psnr"), (3, "ssim"))}
        )
        rows += [(name, "x4", row["metric"], row["value"], row["n"]) for row in measured]
    if variant != "bicubic":
        large = variant == "teacher"
        rows += [("", "", "parameters", 150_000 if large else 40_000, 1)]
        rows += [("", "", "multiply_adds", 29_000_000 if large else 8_100_000, 1)]
    found = [judged(p, protocol, "x4", variant, seed, pairs, strength[1]) for p, protocol in enumerate(protocols)]
    rows += [row for each, _ in found for row in each]
    write_tables(folder, rows, [scores for _, scores in found], "super_resolution", "rendered faces", variant, seed)
    table = pd.read_csv(folder / "metrics.csv", keep_default_na=False)
    table["dataset"] = table["protocol"].map(labels).fillna("rendered faces")
    table.to_csv(folder / "metrics.csv", index=False)
    pd.DataFrame(pictures, columns=["set", "picture", "psnr", "ssim"]).to_csv(folder / "pictures.csv", index=False)
    np.savez(folder / "samples.npz", **samples)
    run = {
        "device": "CPU, 2 cores",
        "precision": "float32",
        "versions": {"python": "3.11.2", "torch": "2.9.0"},
        "network": None if variant == "bicubic" else NETWORK,
        "cost_for": [14, 14],
        "sets": {
            name: {"label": labels[name], "rendered": name == "faces", "count": len(originals)}
            for name, originals in sets.items()
        },
        "recognition": {"dataset": "rendered faces", "rendered": True, "recogniser": "teacher, seed 0"},
        "trained_with": None if variant == "bicubic" else {"device": "NVIDIA"},
    }
    if not protocols:
        run["recognition"] = None
    (folder / "run.json").write_text(json.dumps(run))


def write_results(root: Path, variants=VARIANTS, seeds=(0,), pairs=300, strength=STRENGTH, **settings) -> Inputs:
    """Everything that the steps before the report write, at one scale."""
    labels = {"set5": "Set5", "faces": "rendered faces"}
    protocols = settings.pop("protocols", ("cross-age", "cross-pose"))
    evaluations, losses, recognition = (
        root / "super_resolution/evaluations",
        root / "super_resolution/losses",
        root / "recognition/evaluations",
    )
    generator = np.random.default_rng(0)
    sets = {"set5": draw_houses(5, generator), "faces": list(draw_faces(settings.pop("faces", 40), 56, generator))}
    for variant in ("bicubic", *variants, "teacher"):
        for seed in (0,) if variant in ("bicubic", "teacher") else seeds:
            folder = evaluations / variant / str(seed)
            write_evaluation(folder, variant, seed, sets, strength[variant], pairs, protocols, labels)
            if variant != "bicubic":
                path = losses / variant / str(seed) / "losses.csv"
                terms = (("output", 3.0), ("spatial_affinity", 1.0))
                write_losses(path, variants.get(variant, {}), 12, seed, "reconstruction", terms)
    write_latency(root / "super_resolution/efficiency.csv", (1, 16))
    for reader, apart in {"teacher": 1.7, **READERS}.items():
        for seed in (0,) if reader == "teacher" else seeds:
            (recognition / reader / str(seed)).mkdir(parents=True)
            found = [
                judged(p, protocol, condition, reader, seed, pairs, far)
                for p, protocol in enumerate(protocols)
                for condition, far in (("x1", 3.6), ("x4", apart))
            ]
            measures, scores = [row for each, _ in found for row in each], [one for _, one in found]
            folder = recognition / reader / str(seed)
            write_tables(folder, measures, scores, "recognition", "rendered faces", reader, seed)
    asked = {
        "evaluations": evaluations,
        "losses": losses,
        "efficiency": root / "super_resolution/efficiency.csv",
        "recognition": recognition,
        "scale": "x4",
        "factor": FACTOR,
        "variants": variants,
        "seeds": seeds,
        "teacher_seed": 0,
        "sets": list(sets),
        "train": "rendered faces",
        "readers": list(READERS),
        "recogniser_seed": 0,
        "networks": dict.fromkeys(variants, "student"),
    }
    return Inputs(**{**asked, **settings})


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory) -> Inputs:
    return write_results(tmp_path_factory.mktemp("two"), seeds=(0, 3), faces=24)


@pytest.fixture(scope="module")
def measured(two_seeds):
    return super_resolution.measure(two_seeds)


@pytest.fixture(scope="module")
def section(measured) -> blocks.Section:
    return super_resolution.section(*measured)


@pytest.fixture(scope="module")
def small_results(tmp_path_factory) -> Inputs:
    small = {name: VARIANTS[name] for name in ("scratch",)}
    return write_results(tmp_path_factory.mktemp("small"), small, pairs=60, faces=6, protocols=("cross-age",))


@pytest.fixture
def one_student(small_results, tmp_path) -> Inputs:
    """Few results of one student that a test may damage."""
    root = small_results.efficiency.parents[1]
    shutil.copytree(root, tmp_path / "results")
    places = ("evaluations", "losses", "efficiency", "recognition")
    moved = {name: tmp_path / "results" / getattr(small_results, name).relative_to(root) for name in places}
    return dataclasses.replace(small_results, **moved)


def per_picture(inputs: Inputs, variant: str, name: str, measure: str = "psnr") -> np.ndarray:
    """(seeds, pictures) straight from the files."""
    tables = [pd.read_csv(path / "pictures.csv") for path in sorted((inputs.evaluations / variant).iterdir())]
    return np.array([table[table["set"] == name].sort_values("picture")[measure] for table in tables])


def correct(inputs: Inputs, variant: str, protocol: str) -> np.ndarray:
    tables = [pd.read_csv(path / "scores.csv") for path in sorted((inputs.evaluations / variant).iterdir())]
    return np.array([table[table["protocol"] == protocol].sort_values("pair")["correct"] for table in tables])


def findings(measured) -> str:
    data, numbers = measured
    each = [words.enlarged(data, numbers, name) for name in data.sets]
    each += [words.recognised(data, numbers, protocol) for protocol in data.verification.pairs]
    return " ".join(itertools.chain(*each))


def test_the_page_has_every_figure_and_number(two_seeds, measured, section, tmp_path):
    sections.write(section, measured[0].metrics, tmp_path / "parts/super_resolution-x4")
    build(tmp_path / "out", tmp_path / "parts")
    assert {path.name for path in (tmp_path / "out/figures").iterdir()} == {
        "super_resolution-x4-cost.svg",
        "super_resolution-x4-training.svg",
        "super_resolution-x4-recognition-cross-age.svg",
        "super_resolution-x4-recognition-cross-pose.svg",
        "super_resolution-x4-pictures-faces.png",
        "super_resolution-x4-pictures-set5-0.png",
        "super_resolution-x4-pictures-set5-1.png",
        "super_resolution-x4-pictures-set5-2.png",
    }
    summary = json.loads((tmp_path / "out/metrics.json").read_text())["super_resolution"]
    assert summary["set5, PSNR"]["fakd"]["x4"] == round(per_picture(two_seeds, "fakd", "set5").mean(), 2)
    assert set(summary) == {"set5, PSNR", "faces, PSNR", "cross-age", "cross-pose"}
    original = (two_seeds.evaluations / "fakd/3/metrics.csv").read_text().splitlines()[1:]
    assert set(original) <= set((tmp_path / "out/metrics.csv").read_text().splitlines())


def test_drawing_twice_gives_the_same_bytes(section, measured):
    first = {one.name: one.data for one in of_kind(section, blocks.Figure)}
    assert all(len(data) > 5000 for data in first.values())
    data, numbers = measured
    again = [*plots.rows(data, "faces"), plots.quality_and_recognition(data, numbers, "cross-age")]
    assert len(again) == 2 and all(first[one.name] == one.data for one in again)


def test_quality_table_says_what_was_measured(section, two_seeds):
    table = table_of(section, "PSNR and SSIM of the luma.*Data: Set5")
    assert "Set5 (5 pictures)" in table.caption and "2 seeds per student" in table.caption
    cells = {row[0].split("\n")[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert list(cells) == ["bicubic", "scratch", "output_kd", "fakd", "teacher"] and table.rules == (1, 4)
    for measure, column, digits in (("psnr", "PSNR, dB", 2), ("ssim", "SSIM", 4)):
        values = per_picture(two_seeds, "fakd", "set5", measure)
        a, b = values.mean(axis=1)
        first, second = cells["fakd"][column].split("\n")
        assert first == f"{(a + b) / 2:.{digits}f} ± {abs(a - b) / np.sqrt(2):.{digits}f}"
        everybody = {variant: per_picture(two_seeds, variant, "set5", measure) for variant in ("teacher", *VARIANTS)}
        low, high = plain_verdicts.interval(everybody, "fakd")
        ends = max(digits - 1, 1)
        assert second == f"{low:.{ends}f} to {high:.{ends}f}"
    gain = per_picture(two_seeds, "fakd", "set5").mean() - per_picture(two_seeds, "bicubic", "set5").mean()
    assert cells["fakd"]["over bicubic, dB"] == f"{gain:+.2f}"
    # One network has no spread, and no enlargement is better than itself.
    assert "±" not in cells["teacher"]["PSNR, dB"] and cells["bicubic"]["over bicubic, dB"] == blocks.MISSING


def test_students_are_compared_with_each_control_once(section, measured, two_seeds):
    table = table_of(section, r"PSNR against that of each control.*Data: rendered faces")
    assert "6 comparisons" in table.caption and "All are exploratory" in table.caption
    assert table.header == ["Student", "against bicubic", "against scratch", "against output_kd"]
    filled = [[cell != blocks.MISSING for cell in row[1:]] for row in table.rows]
    assert filled == [[True, False, False], [True, True, False], [True, True, True]]
    order = ["bicubic", "scratch", "output_kd", "fakd"]
    trained = {name: per_picture(two_seeds, name, "faces") for name in ("teacher", *VARIANTS)}
    bicubic = per_picture(two_seeds, "bicubic", "faces")[0]
    found = {
        (control, name): plain_verdicts.over_floor(trained, name, bicubic)
        if control == "bicubic"
        else plain_verdicts.difference(trained, name, control)
        for place, control in enumerate(order[:-1])
        for name in order[place + 1 :]
    }
    adjusted, verdicts = plain_verdicts.judged(list(found.values()), [False] * 6)
    words_of = dict(zip(found, verdicts, strict=True))
    for row, name in zip(table.rows, order[1:], strict=True):
        for cell, control in zip(row[1:], order, strict=False):
            if (control, name) in found:
                shown = cell.replace("−", "-").split("\n")
                one = found[control, name]
                assert float(shown[0]) == pytest.approx(one.difference, abs=0.0051)
                assert [float(end) for end in shown[2].split(" to ")] == pytest.approx([one.low, one.high], abs=0.0051)
                assert shown[1] == words_of[control, name]
    # Bicubic enlargement was not trained once, it was not trained.
    assert {"one seed"}.isdisjoint(verdicts) and words_of["bicubic", "fakd"] == "better"
    assert "+" in table.rows[2][1] and table.marks[2, "against bicubic"] == "better"


def test_what_a_teacher_adds_on_the_first_set_is_primary(section, measured):
    _, numbers = measured
    rows = numbers.compared(metric="psnr")
    named = rows[rows["primary"].astype(bool)]
    assert named[["protocol", "variant", "control"]].to_numpy().tolist() == [
        ["set5", "output_kd", "scratch"], ["set5", "fakd", "scratch"],
    ]  # fmt: skip
    caption = table_of(section, "PSNR against that of each control.*Data: Set5").caption
    assert "Primary, named beforehand: students of a teacher against scratch" in caption


def test_a_network_trained_once_gives_no_verdict(section):
    table = table_of(section, "Verification accuracy at x4.*cross-pose")
    cells = {row[0].split("\n")[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    for cell in (cells["teacher"]["against bicubic"], cells["sharp faces"]["against bicubic"]):
        assert cell.split("\n")[1] == "one seed" and "p " not in cell
    assert cells["fakd"]["against bicubic"].split("\n")[1] != "one seed"
    assert "One seed: the interval samples pairs alone" in table.caption


def test_findings_follow_the_numbers(two_seeds, measured):
    text = findings(measured)
    faces = {name: per_picture(two_seeds, name, "faces").mean() for name in STRENGTH}
    students = [faces[name] for name in VARIANTS]
    assert (
        f"Bicubic enlargement reaches {faces['bicubic']:.2f} dB, students {min(students):.2f} to {max(students):.2f}"
        f" dB, the teacher {faces['teacher']:.2f} dB." in text
    )
    assert f"What the teacher's features add to output_kd: fakd {faces['fakd'] - faces['output_kd']:+.2f} dB" in text
    rows = measured[1].compared(metric="psnr", protocol="faces", control="bicubic")
    better = int((rows["verdict"] == "better").sum())
    assert better and f"{better} came out better than bicubic, 0 worse" in text
    levels = {name: 100 * correct(two_seeds, name, "cross-age").mean() for name in STRENGTH}
    best = max(("scratch", "output_kd", "fakd", "teacher"), key=lambda name: levels[name])
    assert f"{levels['bicubic']:.1f} % on faces enlarged by bicubic, {levels[best]:.1f} % through {best}" in text
    assert "the best student of recognition that reads the x4 face itself" in text


def test_null_results_are_said_plainly(tmp_path, undrawn):
    alike = dict.fromkeys(STRENGTH, (0.0, 1.7))
    text = findings(
        super_resolution.measure(write_results(tmp_path, strength=alike, seeds=(0, 1, 2), faces=8, protocols=("lfw",)))
    )
    assert "That any student beats bicubic could not be shown here." in text
    assert "No gain from the teacher over scratch, the same student without one, could be shown here." in text
    assert "No gain over imitating only the teacher's pictures (output_kd) could be shown here." in text
    assert "That super-resolution helps the recogniser could not be shown here." in text


def test_agreement_counts_pairs_of_enlargements(measured, two_seeds):
    data, numbers = measured
    points = [
        (per_picture(two_seeds, name, "faces").mean(), correct(two_seeds, name, "cross-age").mean())
        for name in ("bicubic", "scratch", "output_kd", "fakd", "teacher")
    ]
    agree = oppose = 0
    for i in range(5):
        for j in range(i):
            higher, lower = (points[i], points[j]) if points[i][0] > points[j][0] else (points[j], points[i])
            agree += higher[1] > lower[1]
            oppose += higher[1] < lower[1]
    assert agreement(data, numbers, "cross-age") == (agree, oppose)
    assert f"also verifies better in {agree} and worse in {oppose}" in findings(measured)


def test_verification_is_compared_on_the_same_pairs(section, two_seeds):
    table = table_of(section, "Verification accuracy at x4.*cross-pose")
    assert "300 pairs" in table.caption and "9 comparisons in this table" in table.caption
    names = [row[0].split("\n")[0] for row in table.rows]
    assert names == ["bicubic", *VARIANTS, "teacher", *READERS, "sharp faces"] and table.rules == (1, 5, 8)
    cells = dict(zip(names, (dict(zip(table.header, row, strict=True)) for row in table.rows), strict=True))
    a, b = (correct(two_seeds, name, "cross-pose") for name in ("fakd", "bicubic"))
    assert cells["fakd"]["against bicubic"].split("\n")[0] == f"{100 * (a.mean() - b.mean()):+.1f}"
    assert cells["fakd"]["Accuracy, %"].startswith(f"{100 * a.mean():.2f} ± ")
    assert cells["fakd"]["PSNR, dB"] == f"{per_picture(two_seeds, 'fakd', 'faces').mean():.2f}"
    reader = {}
    for name in READERS:
        tables = [pd.read_csv(two_seeds.recognition / name / str(seed) / "scores.csv") for seed in (0, 3)]
        chosen = [t[(t["protocol"] == "cross-pose") & (t["condition"] == "x4")].sort_values("pair") for t in tables]
        reader[name] = np.array([table["correct"] for table in chosen])
    best = max(reader, key=lambda name: reader[name].mean())
    shown = cells["teacher"][f"against {best}, direct"].split("\n")
    teacher = correct(two_seeds, "teacher", "cross-pose")
    assert shown[0] == f"{100 * (teacher.mean() - reader[best].mean()):+.1f}".replace("-", "−")
    assert cells[best][f"against {best}, direct"] == blocks.MISSING


def test_the_crop_is_where_variants_differ_most():
    generator = np.random.default_rng(3)
    base = generator.integers(0, 200, (50, 61, 3)).astype(np.uint8)  # not whole multiples of the factor
    other = base.copy()
    other[21:30, 37:44] += 40
    weak = base.copy()
    weak[2:6, 2:6] += 3
    results = {"a": base, "b": other, "c": weak}
    variance = np.stack([one.astype(float) for one in results.values()]).var(axis=0).sum(axis=-1)
    places = itertools.product(range(0, 48 - 12 + 1, 4), range(0, 60 - 12 + 1, 4))
    inside = {(top, left): variance[top : top + 12, left : left + 12].sum() for top, left in places}
    highest = max(inside.values())
    # The square that differs is smaller than the window: several windows hold it, the uppermost, leftmost counts.
    assert sum(value > highest - 1e-6 for value in inside.values()) > 1
    assert telling_place(results, 4, 12) == min(at for at, value in inside.items() if value > highest - 1e-6)
    assert telling_place({"a": base, "b": base}, 4, 12) == (0, 0)
    assert telling_place({"a": base, "b": base}, 4, 48) == (0, 0)


def test_published_figures_only_where_set_factor_and_network_match(section):
    paragraphs = " ".join(block.text for block in of_kind(section, blocks.Paragraph))
    assert "RCAN 32.64 dB (teacher), 32.32 (student alone) and 32.46 (student with FAKD)" in paragraphs
    assert "SAN" not in paragraphs and "DIV2K" in paragraphs
    assert "28.92" in context("Set14", 4, {"san"}) and "RCAN" not in context("Set14", 4, {"san"})
    assert context("Set5", 8, {"rcan"}) == context("rendered faces", 4, {"rcan"}) == context("Set5", 4, {"edsr"}) == ""


def test_every_caption_says_what_the_data_are(section):
    for block in of_kind(section, blocks.Table | blocks.Figure):
        assert "rendered faces" in block.caption and "trained on" in block.caption, block.caption
    assert "rendered faces are drawn by a program" in section.blocks[2].text


def test_real_pictures_are_never_called_rendered(small_results, tmp_path, undrawn):
    shutil.copytree(small_results.efficiency.parents[1], tmp_path / "r")
    for path in (tmp_path / "r").rglob("*"):
        if path.suffix in (".csv", ".json"):
            text = path.read_text().replace("rendered faces", "LFW").replace('"rendered": true', '"rendered": false')
            path.write_text(text)
    moved = {
        "evaluations": "super_resolution/evaluations",
        "losses": "super_resolution/losses",
        "efficiency": "super_resolution/efficiency.csv",
    }
    places = {name: tmp_path / "r" / path for name, path in moved.items()}
    inputs = dataclasses.replace(
        small_results, **places, recognition=tmp_path / "r/recognition/evaluations", train="DIV2K"
    )
    text = blocks.markdown(super_resolution.section(*super_resolution.measure(inputs)))
    assert "rendered" not in text and "drawn by a program" not in text and "LFW" in text and "DIV2K" in text


def test_without_verification_the_rest_stands(tmp_path, undrawn):
    inputs = write_results(tmp_path, {"scratch": VARIANTS["scratch"]}, faces=6, protocols=())
    data, numbers = super_resolution.measure(inputs)
    titles = [block.title for block in super_resolution.section(data, numbers).blocks if block.kind == "section"]
    assert data.verification is None and "Better picture, better recognition?" not in titles
    assert titles[:3] == ["Findings", "PSNR and SSIM", "Is the difference real?"]


@pytest.mark.parametrize(("old", "new", "reason"), [
    ("rendered faces", "rendered faces by camera", "were judged on rendered faces by camera"),
    (",x4,", ",x8,", "were not judged at x4"),
])  # fmt: skip
def test_other_degradations_do_not_stand_beside_ours(one_student, undrawn, old, new, reason):
    for path in one_student.recognition.rglob("*.csv"):
        path.write_text(path.read_text().replace(old, new))
    data, numbers = super_resolution.measure(one_student)
    assert not data.verification.direct
    assert reason in " ".join(words.recognised(data, numbers, "cross-age"))
    super_resolution.section(data, numbers)


def test_what_the_settings_no_longer_name_is_ignored(tmp_path, undrawn):
    both = {name: VARIANTS[name] for name in ("scratch", "fakd")}
    inputs = write_results(tmp_path, both, seeds=(0, 1), pairs=60, faces=6, protocols=("lfw",))
    inputs = dataclasses.replace(
        inputs, variants={"scratch": VARIANTS["scratch"]}, seeds=(0,), sets=["faces"], readers=["basicnet"]
    )
    (inputs.evaluations / "fakd/0/metrics.csv").write_text("damaged")
    (inputs.evaluations / "scratch/1/run.json").write_text("damaged")
    (inputs.recognition / "logit_kd/0/scores.csv").write_text("damaged")
    data, numbers = super_resolution.measure(inputs)
    text = blocks.markdown(super_resolution.section(data, numbers))
    assert set(data.metrics["variant"]) == {"bicubic", "scratch", "teacher"} and set(data.metrics["seed"]) == {0}
    assert "fakd" not in text and "Set5" not in text and "logit_kd" not in text


FILES = [
    "super_resolution/evaluations/scratch/0/metrics.csv",
    "super_resolution/evaluations/scratch/0/pictures.csv",
    "super_resolution/evaluations/scratch/0/scores.csv",
    "super_resolution/evaluations/scratch/0/samples.npz",
    "super_resolution/evaluations/bicubic/0/run.json",
    "super_resolution/losses/teacher/0/losses.csv",
    "super_resolution/efficiency.csv",
    "recognition/evaluations/basicnet/0/metrics.csv",
    "recognition/evaluations/teacher/0/scores.csv",
]


@pytest.mark.parametrize("damaged", [False, True], ids=["missing", "damaged"])
@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_damaged_file_is_one_line(one_student, tmp_path, name, damaged):
    path = tmp_path / "results" / name
    path.unlink()
    if damaged:
        path.write_bytes(b"PK\x03\x04 neither a table nor an archive")
    with pytest.raises(InputError) as caught:
        super_resolution.write(one_student, tmp_path / "out")
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    assert not (tmp_path / "out").exists()


def brighter(name: str) -> callable:
    return lambda arrays: arrays.update({name: arrays[name] ^ 1})


WRONG = {
    "nan": (
        change_table("pictures.csv", lambda t: t.assign(psnr=t["psnr"].where(t.index != 2, float("nan")))),
        "pictures.csv: psnr of picture 2 of set5 is nan",
    ),
    "inf": (
        change_table("pictures.csv", lambda t: t.assign(ssim=t["ssim"].where(t.index != 0, float("inf")))),
        "pictures.csv: ssim of picture 0 of set5 is inf",
    ),
    "few": (change_table("pictures.csv", lambda t: t[1:]), "pictures.csv: 4 pictures of set5 (expected 5, each once)"),
    "twice": (
        change_table("pictures.csv", lambda t: t.assign(picture=t["picture"].where(t.index != 1, 0))),
        "pictures.csv: 5 pictures of set5 (expected 5, each once)",
    ),
    "renumbered": (
        change_table("pictures.csv", lambda t: t.assign(picture=t["picture"] + 1)),
        "pictures.csv: the pictures of set5 are not those of the other files",
    ),
    "stale": (
        change_table("pictures.csv", lambda t: t.assign(psnr=t["psnr"] + 0.001)),
        "pictures.csv: the mean psnr of set5 is",
    ),
    "scale": (
        change_table("metrics.csv", lambda t: t.assign(condition=t["condition"].replace("x4", "x2"))),
        "metrics.csv: 0 rows of psnr for set5 at x4 (expected 1, a number)",
    ),
    "variant": (change_table("metrics.csv", lambda t: t.assign(variant="fakd")), "metrics.csv: variant is fakd"),
    "label": (
        change_table("metrics.csv", lambda t: t.assign(dataset=t["dataset"].replace("Set5", "Set14"))),
        "metrics.csv: dataset of set5 is Set14 (expected Set5, as in run.json)",
    ),
    "cost": (
        change_table("metrics.csv", lambda t: t[t["metric"] != "multiply_adds"]),
        "metrics.csv: 0 rows of multiply_adds (expected 1, a number)",
    ),
    "accuracy": (
        change_table("metrics.csv", lambda t: t[t["metric"] != "accuracy"]),
        "metrics.csv: 0 rows of accuracy for cross-age at x4",
    ),
    "faces": (
        change_table("metrics.csv", lambda t: t.assign(dataset=t["dataset"].where(t["metric"] != "accuracy", "LFW"))),
        "metrics.csv: dataset of an accuracy is LFW (expected rendered faces)",
    ),
    "pairs": (
        change_table("scores.csv", lambda t: t.assign(pair=t["pair"] + 1)),
        "scores.csv: the pairs of cross-age at x4 are not those of the other files",
    ),
    "unverified": (change_run(recognition=None), "run.json: recognition is None (expected {'dataset'"),
    "recogniser": (
        change_run(recognition=lambda found: found | {"recogniser": "other"}),
        "run.json: recognition is {'dataset'",
    ),
    "set": (change_run(sets=lambda found: {"faces": found["faces"]}), "run.json: no set set5 (found faces)"),
    "rendered": (
        change_run(sets=lambda found: found | {"set5": found["set5"] | {"rendered": True}}),
        "run.json: sets is",
    ),
    "bare": (change_run(sets={"set5": {}, "faces": {}}), "run.json: set set5 is {} (expected label"),
    "cost for": (change_run(cost_for=[14]), "run.json: cost_for is [14] (expected height and width)"),
    "original": (
        change_samples(brighter("faces/1/original")),
        "samples.npz: faces/1/original is not that of the other files",
    ),
    "small": (change_samples(brighter("faces/0/small")), "samples.npz: faces/0/small is not that of the other files"),
    "shape": (
        change_samples(lambda arrays: arrays.update({"set5/0/result": arrays["set5/0/small"]})),
        "samples.npz: set5/0/result is (25, 34) (expected (100, 136))",
    ),
    "floats": (
        change_samples(lambda arrays: arrays.update({"set5/0/result": arrays["set5/0/result"] / 255})),
        "samples.npz: set5/0/result: expected uint8 pictures",
    ),
    "gone": (
        change_samples(lambda arrays: arrays.pop("set5/0/result")),
        "samples.npz: an array is missing (set5/0/result)",
    ),
    "fewer": (
        change_samples(lambda arrays: [arrays.pop(name) for name in list(arrays) if name.startswith("set5/2/")]),
        "samples.npz: the samples of set5 are not those of the other files",
    ),
    "odd": (change_samples(lambda arrays: arrays.update(face=arrays["faces/0/small"])), "an array is named face"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(one_student, name):
    change, message = WRONG[name]
    change(one_student.evaluations / "scratch/0")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        super_resolution.measure(one_student)
    assert str(caught.value).startswith(str(one_student.evaluations / "scratch/0"))


def test_what_a_larger_network_gains_is_not_put_down_to_the_teacher(measured):
    data, numbers = measured
    networks = {"scratch": "student", "output_kd": "student", "fakd": "deeper"}
    inputs = dataclasses.replace(data.inputs, networks=networks)
    text = " ".join(words.enlarged(dataclasses.replace(data, inputs=inputs), numbers, "faces"))
    assert "What learning from the teacher adds to scratch: output_kd " in text
    assert "dB (" in text and "; fakd +" not in text and "scratch: fakd" not in text
    assert "What the teacher's features add" not in text
    assert inputs.taught("fakd") == "output + spatial_affinity; network deeper"


def test_headings_fit_their_width():
    names = ["bicubic", "instance_affinity_kd", "low resolution"]
    heads, size = figures.headings(names, 0.7)
    assert heads == ["bicubic", "instance_\naffinity_\nkd", "low \nresolution"]
    assert size == pytest.approx(72 * 0.7 / 6.8)
    assert figures.headings(names, 3.0) == (names[:1] + ["instance_affinity_kd"] + names[2:], 9.5)


def test_many_students_are_summed_up(measured):
    data, numbers = measured
    table = pd.concat([numbers.compared(protocol="faces", metric="psnr", control="bicubic")] * 2)
    names = [f"v{i}" for i in range(6)]
    text = sentences.each(table, names, words.PSNR)
    highest = names[table["difference"].argmax()]
    assert text.startswith(f"of 6, {sentences.tally(table)}; highest {highest} +")


def test_the_step_passes_what_the_settings_say(monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(super_resolution, "write", lambda inputs, folder: seen.update(inputs=inputs, folder=folder))
    small = {"architecture": "edsr", "blocks": 1, "width": 8, "residual_scale": 1.0, "skip": "none"}
    archive = {"source": "pictures", "label": "DIV2K", "name": "a.zip", "include": ["*.png"], "channels": 3}
    archive |= {"files": {"archive": {"address": None, "sha256": None}}}
    values = {
        "scale": {"factor": 4, "patch": 8, "per_picture": 1, "seed": 0},
        "teacher_seed": 5,
        "seeds": [0, 1],
        "baselines": {"scratch": {}},
        "students": {"fakd": {"distill": {}}, "tiny": {"network": small}},
        "networks": {"edsr_s": small},
        "train": "div2k",
        "test": ["set5", "faces"],
        "pictures": {"div2k": archive},
        "recognition_baselines": {"basicnet": {}},
        "recognition_students": {"logit_kd": {}},
        "recognition_seeds": [7, 8],
        "equivalence_margin": 0.05,
    }
    slices = super_resolution_report.SLICES
    assert set(values) == set(slices)
    settings = {name: TypeAdapter(kind).validate_python(values[name]) for name, (_, kind) in slices.items()}
    names = ("evaluations", "losses", "efficiency", "recognition_evaluations", "out")
    paths = {name: tmp_path / name for name in names}
    super_resolution_report.run(settings, scale="x4", **paths)
    inputs = seen["inputs"]
    assert seen["folder"] == paths["out"] and inputs.recognition == paths["recognition_evaluations"]
    assert (inputs.factor, inputs.train, inputs.sets, inputs.recogniser_seed) == (4, "DIV2K", ["set5", "faces"], 7)
    assert inputs.networks == {"scratch": "student", "fakd": "student", "tiny": "edsr_s"}
    assert inputs.readers == ["basicnet", "logit_kd"] and inputs.remarks == []
    assert inputs.equivalence_margin == 0.05
    pack(tmp_path / "sets/set5", [("a", np.zeros((8, 8, 3), np.uint8))], remark("files left out", ["a.heic"]))
    super_resolution_report.run(settings, scale="x4", **paths, pictures=tmp_path / "sets")
    assert [str(one) for one in seen["inputs"].remarks] == ["1 files left out (a.heic)"]
    assert inputs.all == {"bicubic": [0], "scratch": [0, 1], "fakd": [0, 1], "tiny": [0, 1], "teacher": [5]}
    super_resolution_report.run(settings | {"train": "mine"}, scale="x4", **paths)
    assert seen["inputs"].train == "mine, faces of the recognition task"


def test_what_was_left_out_is_said(measured):
    data, _ = measured
    left = dataclasses.replace(data, remarks=remark("files left out", ["a.heic"]))
    assert words.introduction(left)[-1].endswith("came upon: 1 files left out (a.heic).")
    assert not any("came upon" in text for text in words.introduction(data))
